/** `${NAME}` takes the environment's value, wherever a text stands and whatever the schema wants there. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { substitute } from "../../../src/config/environment.ts";
import { errorsIn, loadText } from "../../config/load_text.ts";

const VARIABLES: Readonly<Record<string, string>> = {
  A: "alpha",
  B: "beta",
  EMPTY: "",
  PORT: "8443",
  DIGITS: "0123",
  ON: "true",
  REFERENCE: "${A}",
  _x1: "low",
};
const environment = (name: string) => VARIABLES[name];

Deno.test("substitute() replaces references in a text", () => {
  const vectors = [
    ["plain", "plain"],
    ["${A}", "alpha"],
    ["${_x1}", "low"],
    ["${A:-d}", "alpha"],
    ["${NONE:-d}", "d"],
    ["${NONE:-}", ""],
    ["${NONE:-a:-b}", "a:-b"],
    ["${NONE:-two words}", "two words"],
    ["${EMPTY}", ""],
    ["${EMPTY:-d}", "d"],
    ["$${A}", "${A}"],
    ["$${A} ${A}", "${A} alpha"],
    ["<${A}-${B}>", "<alpha-beta>"],
    ["${A}${A}", "alphaalpha"],
    ["$A {A} $", "$A {A} $"],
    ["${REFERENCE}", "${A}"],
  ] as const;
  for (const [text, expected] of vectors) {
    const { data, problems } = substitute(text, environment);
    assert.equal(data, expected, text);
    assert.deepEqual(problems, [], text);
  }
});

Deno.test("substitute() names references that are malformed or not set, each of them", () => {
  const malformed = (whole: string) =>
    `must write an environment variable as \${NAME} or \${NAME:-default}, got "${whole}"`;
  const vectors = [
    ["${}", [malformed("${}")]],
    ["${1A}", [malformed("${1A}")]],
    ["${A-d}", [malformed("${A-d}")]],
    ["${ A }", [malformed("${ A }")]],
    ["${NONE}", ['environment variable "NONE" is not set; set it or write ${NONE:-default}']],
    ["${A B} ${:-d}", [malformed("${A B}"), malformed("${:-d}")]],
  ] as const;
  for (const [text, expected] of vectors) {
    assert.deepEqual(substitute(text, environment).problems.map((one) => one.message), expected, text);
  }
});

Deno.test("substitute() reaches values in mappings and lists, and says where it replaced", () => {
  const { data, replaced } = substitute(
    { a: ["x", { b: "${A}" }], c: { "d.e": "${B}" }, n: 1, t: true, z: null },
    environment,
  );
  assert.deepEqual(data, { a: ["x", { b: "alpha" }], c: { "d.e": "beta" }, n: 1, t: true, z: null });
  assert.deepEqual(replaced, [["a", 1, "b"], ["c", "d.e"]]);
});

Deno.test("substitute() leaves keys alone", () => {
  assert.deepEqual(substitute({ "${A}": 1 }, environment).data, { "${A}": 1 });
});

Deno.test("substitute() leaves data without a reference as it is", () => {
  fc.assert(fc.property(fc.jsonValue().filter((value) => !JSON.stringify(value).includes("${")), (value) => {
    const { data, replaced, problems } = substitute(value, environment);
    assert.equal(JSON.stringify(data), JSON.stringify(value));
    assert.deepEqual([replaced, problems], [[], []]);
  }));
});

Deno.test("substitute() puts a value in as it is, without looking for references in it", () => {
  fc.assert(fc.property(fc.string(), fc.string().filter((text) => !text.includes("$")), (value, around) => {
    const { data } = substitute(`${around}\${V}${around}`, () => value);
    assert.equal(data, around + value + around);
  }));
});

/** One listener with these lines in it, and the admin token. */
function listener(...lines: string[]) {
  const settings = lines.map((line) => `    ${line}\n`).join("");
  const text = `
admin:
  token: \${DIGITS}
listeners:
  - name: front
    protocol: TCP
    backends: { servers: [] }
${settings}`;
  const { config } = loadText(text, { environment: VARIABLES });
  return { ...config.listeners[0], token: config.admin.token };
}

Deno.test("a variable becomes a number or a switch where the schema wants one", () => {
  const { port, ipTranslation, idleTimeout } = listener(
    "port: ${PORT}",
    "ipTranslation: ${ON}",
    "idleTimeout: ${NONE:-60}",
  );
  assert.deepEqual({ port, ipTranslation, idleTimeout }, { port: 8443, ipTranslation: true, idleTimeout: 60 });
});

Deno.test("a variable becomes a number in quotes too, as JSON can only write it so", () => {
  assert.equal(listener('port: "${PORT}"').port, 8443);
});

Deno.test("a variable that looks like a number stays text where the schema wants text", () => {
  const { token, description, tags } = listener(
    "port: ${PORT}",
    "description: ${PORT}",
    'tags: { digits: "${DIGITS}", on: "${ON}" }',
  );
  assert.deepEqual({ token, description, tags }, {
    token: "0123",
    description: "8443",
    tags: { digits: "0123", on: "true" },
  });
});

Deno.test("a text in quotes without a variable never becomes a number", () => {
  assert.deepEqual(errorsIn('maxWorkers: "8"\nlisteners: []\n'), [
    'weir.yaml:1:13 maxWorkers: must be between 1 and 256, got "8"; write it without quotes',
  ]);
});
