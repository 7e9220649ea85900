/** Whatever a file holds, it is taken or refused with places; nothing else can happen. @module */

import fc from "fast-check";
import { configSchema } from "../../../src/config/schema.ts";
import { ConfigError } from "../../../src/errors.ts";
import { assertRefused } from "../../config/assert_refused.ts";
import { readCases } from "../../config/cases.ts";
import { loadText } from "../../config/load_text.ts";

/** Loads a text; a refusal must be in order and have a place in the text for everything. */
function assertTakenOrRefused(text: string): void {
  try {
    loadText(text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assertRefused(error, text);
  }
}

const key = fc.oneof(
  fc.constantFrom(
    ...["name", "protocol", "port", "ports", "address", "servers", "backendGroup", "backends", "tls", "certificate"],
    ...["weight", "healthCheck", "timeout", "tags", "workers", "accessControl", "from", "groups", "mode", "file"],
    ...Object.keys(configSchema.shape),
    ...["__proto__", "constructor", "toString", ""],
  ),
  fc.string({ maxLength: 6 }),
);

const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    fc.constantFrom("TCP", "TCP_SSL", "web", "10.0.0.1", "::", "${A}", "${A:-1}", "unlimited", "auto", "1-9", ""),
    fc.integer({ min: -1, max: 70000 }),
    fc.boolean(),
    fc.constant(null),
    fc.double(),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(key, tie("value"), { maxKeys: 5 }),
  ),
})).value;

const config = fc.record({
  admin: value,
  log: value,
  ipGroups: value,
  certificates: value,
  clientCAs: value,
  backendGroups: fc.oneof(value, fc.dictionary(fc.constantFrom("web", "api"), value)),
  listeners: fc.oneof(value, fc.array(fc.dictionary(key, value, { maxKeys: 8 }), { maxLength: 3 })),
}, { requiredKeys: [] });

Deno.test("validateConfig() takes or refuses any data, and refuses with places in file order", () => {
  fc.assert(fc.property(config, (data) => assertTakenOrRefused(JSON.stringify(data, null, 1))), { numRuns: 500 });
});

Deno.test("parseSource() takes or refuses any text", () => {
  const letters = fc.constantFrom(..."abc:-{}[]\"'&*!|>%@`#,?\n\n   \t\\$0.~<".split(""));
  fc.assert(fc.property(fc.string({ unit: letters, maxLength: 60 }), assertTakenOrRefused), { numRuns: 1000 });
});

Deno.test("validateConfig() takes or refuses any golden case with a slip of the hand in it", () => {
  const text = fc.constantFrom(...readCases().filter((one) => one.format === "yaml").map((one) => one.text));
  const slip = fc.tuple(
    text,
    fc.nat(),
    fc.nat(4),
    fc.constantFrom("", " ", "\n", "\t", ":", "{", "]", "x", "- ", "!!set "),
  );
  fc.assert(
    fc.property(slip, ([text, place, deleted, inserted]) => {
      const at = place % (text.length + 1);
      assertTakenOrRefused(text.slice(0, at) + inserted + text.slice(at + deleted));
    }),
    { numRuns: 1000 },
  );
});
