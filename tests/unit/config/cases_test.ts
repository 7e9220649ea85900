/** Every golden case gets exactly the errors that it says. @module */

import assert from "node:assert/strict";
import { makeCaseFiles, readCases } from "../../config/cases.ts";
import { errorsIn } from "../../config/load_text.ts";

const files = await makeCaseFiles();
const cases = readCases();

for (const { name, file, text, expected } of cases) {
  Deno.test(`validateConfig() names what is wrong in case ${name}`, () => {
    assert.deepEqual(errorsIn(text, { file, files }), expected);
  });
}

Deno.test("the golden cases hold at least 60 with one fault and 10 with several", () => {
  const single = cases.filter((one) => one.expected.length === 1).length;
  assert.ok(single >= 60, `${single} cases with one fault`);
  assert.ok(cases.length - single >= 10, `${cases.length - single} cases with several faults`);
});
