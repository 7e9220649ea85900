/** Faults of grammar are found where they are. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonFault } from "../../../src/config/syntax.ts";

Deno.test("jsonFault() finds the place and says what could stand there", () => {
  const vectors = [
    ["", 0, "expected a value, got the end of the file"],
    ["  ", 2, "expected a value, got the end of the file"],
    ["{", 1, 'expected a key in double quotes or "}", got the end of the file'],
    ['{"a"}', 4, 'expected ":", got "}"'],
    ['{"a":1,}', 7, 'expected a key in double quotes, got "}"'],
    ["{a:1}", 1, 'expected a key in double quotes or "}", got "a"'],
    ['{"a":1 "b":2}', 7, 'expected "," or "}", got "\\"b\\""'],
    ["[1,]", 3, 'expected a value, got "]"'],
    ["[1 2]", 3, 'expected "," or "]", got "2"'],
    ["[1}", 2, 'expected "," or "]", got "}"'],
    ["// x\n{}", 0, 'expected a value, got "//"'],
    ["[01]", 2, 'expected "," or "]", got "1"'],
    ["[True]", 1, 'expected a value or "]", got "True"'],
    ['["a\nb"]', 1, 'expected a value or "]", got a text that is not closed or not well-formed'],
    ["{} {}", 3, 'expected nothing more, got "{"'],
  ] as const;
  for (const [text, offset, message] of vectors) assert.deepEqual(jsonFault(text), { offset, message }, text);
});

Deno.test("jsonFault() agrees with JSON.parse() on what is JSON", () => {
  const isJson = (text: string) => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const slip = fc.tuple(
    fc.json(),
    fc.nat(),
    fc.nat(2),
    fc.constantFrom("", ",", "]", "}", '"', "\\", "0", "-", ".", "e", "\t", "\u00a0"),
  )
    .map(([text, place, deleted, inserted]) => {
      const at = place % (text.length + 1);
      return text.slice(0, at) + inserted + text.slice(at + deleted);
    });
  const letters = fc.string({ unit: fc.constantFrom(...'{}[],:"\\ \n019.-+eEtrufalsn'.split("")), maxLength: 12 });
  fc.assert(
    fc.property(fc.oneof(fc.json(), slip, letters), (text) => {
      const fault = jsonFault(text);
      assert.equal(fault === undefined, isJson(text), text);
      assert.ok(fault === undefined || fault.offset <= text.length);
    }),
    { numRuns: 2000 },
  );
});
