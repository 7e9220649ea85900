/** PEM text as found in the wild. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { readPem, writePem } from "../../../src/config/pem.ts";

const BYTES = Uint8Array.from({ length: 100 }, (_, index) => index);
const BLOCK = writePem("CERTIFICATE", BYTES);
const GOOD = { label: "CERTIFICATE", encrypted: false, der: BYTES };

Deno.test("writePem() breaks lines at 64 characters and ends the last one", () => {
  for (const size of [1, 47, 48, 49, 96, 200]) {
    const bytes = new Uint8Array(size).fill(7);
    const lines = writePem("TEST", bytes).split("\n");
    assert.equal(lines[0], "-----BEGIN TEST-----");
    assert.deepEqual(lines.slice(-2), ["-----END TEST-----", ""]);
    const body = lines.slice(1, -2);
    assert.ok(body.every((line, index) => index === body.length - 1 ? line.length <= 64 : line.length === 64));
    assert.deepEqual(Uint8Array.from(atob(body.join("")), (character) => character.charCodeAt(0)), bytes);
  }
});

const WILD: readonly (readonly [what: string, text: string, blocks: readonly unknown[]])[] = [
  ["nothing", "", []],
  ["text only", "This is not a certificate.\n", []],
  ["one block", BLOCK, [GOOD]],
  ["no line feed at the end", BLOCK.trimEnd(), [GOOD]],
  ["CRLF", BLOCK.replaceAll("\n", "\r\n"), [GOOD]],
  ["CR alone", BLOCK.replaceAll("\n", "\r"), [GOOD]],
  ["a byte order mark", `\ufeff${BLOCK}`, [GOOD]],
  ["indented lines", BLOCK.replaceAll(/^/gm, "  "), [GOOD]],
  ["text around, as openssl prints", `Certificate:\n    Data:\n${BLOCK}subject=CN = x\n${BLOCK}`, [GOOD, GOOD]],
  ["two blocks on one line", BLOCK.trimEnd() + BLOCK, [GOOD, GOOD]],
  [
    "several kinds",
    `${writePem("EC PARAMETERS", BYTES)}${writePem("EC PRIVATE KEY", BYTES)}${BLOCK}`,
    [{ ...GOOD, label: "EC PARAMETERS" }, { ...GOOD, label: "EC PRIVATE KEY" }, GOOD],
  ],
  [
    "an encrypted key of the old form",
    BLOCK.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"),
    [{ ...GOOD, encrypted: true }],
  ],
  ["no end", BLOCK.slice(0, 60), [{ ...GOOD, der: undefined }]],
  ["no end before the next", BLOCK.slice(0, 60) + BLOCK, [{ ...GOOD, der: undefined }, GOOD]],
  ["another end", BLOCK.replace("END CERTIFICATE", "END X509 CRL"), [{ ...GOOD, der: undefined }]],
  ["what is not base64", BLOCK.replace("AAEC", "A!EC"), [{ ...GOOD, der: undefined }]],
];

for (const [what, text, blocks] of WILD) {
  Deno.test(`readPem() of ${what}`, () => assert.deepEqual(readPem(text), blocks));
}

Deno.test("readPem() reads what writePem() writes", () => {
  const label = fc.constantFrom("CERTIFICATE", "PRIVATE KEY", "RSA PRIVATE KEY");
  fc.assert(fc.property(fc.array(fc.tuple(label, fc.uint8Array({ maxLength: 300 }))), (blocks) => {
    const text = blocks.map(([label, bytes]) => writePem(label, bytes)).join("\n");
    assert.deepEqual(
      readPem(text).map(({ label, der }) => [label, [...der ?? []]]),
      blocks.map(([label, bytes]) => [label, [...bytes]]),
    );
  }));
});
