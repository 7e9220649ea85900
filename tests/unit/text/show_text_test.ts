import assert from "node:assert/strict";
import { showText } from "../../../src/text/show_text.ts";

const TEXTS: readonly (readonly [text: string, shown: string])[] = [
  ["", '""'],
  ['a "b"\n', '"a \\"b\\"\\n"'],
  ["x".repeat(100), `"${"x".repeat(100)}"`],
  ["x".repeat(101), `"${"x".repeat(100)}"... (101 characters)`],
  ["a\u009b31m\u2028b\u007f", '"a\\u009b31m\\u2028b\\u007f"'],
  ["x".repeat(99) + "😀", `"${"x".repeat(99)}\ufffd"... (101 characters)`],
];

for (const [text, shown] of TEXTS) {
  Deno.test(`showText() of ${text.length} characters ${JSON.stringify(text.slice(0, 8))}`, () => {
    assert.equal(showText(text), shown);
  });
}
