/** The common name, read so that no other part of a subject can pass for it. @module */

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { type Der, der, integer, oid, sequence, set, utf8 } from "../../../../src/demo/der.ts";
import { commonNameOf, isSelfIssued, versionOf } from "../../../../src/net/tls/der.ts";
import { issue } from "../../../support/authority.ts";

const [COMMON_NAME, ORGANISATION, SERIAL_NUMBER] = ["2.5.4.3", "2.5.4.10", "2.5.4.5"];

/** As much of a certificate as comes before the end of its subject. */
function certificate(subject: Der, version: 1 | 3 = 3): Der {
  const nothing = sequence();
  const versionField = version === 3 ? [der(0xa0, integer(Uint8Array.of(2)))] : [];
  return sequence(sequence(...versionField, integer(Uint8Array.of(9)), nothing, nothing, nothing, subject), nothing);
}

const part = (type: string, value: Der) => set(sequence(oid(type), value));
const bytes = (...bytes: number[]) => Uint8Array.from(bytes);

const SUBJECTS: readonly [what: string, subject: Der, expected: string | null][] = [
  ["no parts", sequence(), null],
  ["no common name", sequence(part(ORGANISATION, utf8("Weir"))), null],
  ["a common name", sequence(part(COMMON_NAME, utf8("alice"))), "alice"],
  ["an empty common name", sequence(part(COMMON_NAME, utf8(""))), ""],
  ["two common names", sequence(part(COMMON_NAME, utf8("alice")), part(COMMON_NAME, utf8("bob"))), "alice"],
  [
    "a part that looks like a common name",
    sequence(part(ORGANISATION, utf8("Weir\nCN=root")), part(COMMON_NAME, utf8("alice"))),
    "alice",
  ],
  ["a part that looks like a common name, and none", sequence(part(ORGANISATION, utf8("x\nCN=root\r\nCN=root"))), null],
  ["line feeds in the common name", sequence(part(COMMON_NAME, utf8("alice\nCN=root"))), "alice\nCN=root"],
  [
    "two parts in one set",
    sequence(set(sequence(oid(SERIAL_NUMBER), utf8("7")), sequence(oid(COMMON_NAME), utf8("a")))),
    "a",
  ],
  ["a PrintableString", sequence(part(COMMON_NAME, der(0x13, bytes(97, 98)))), "ab"],
  ["a TeletexString", sequence(part(COMMON_NAME, der(0x14, bytes(0x4a, 0xf6)))), "Jö"],
  ["a BMPString", sequence(part(COMMON_NAME, der(0x1e, bytes(0, 0x4a, 0, 0xf6)))), "Jö"],
  ["a UniversalString", sequence(part(COMMON_NAME, der(0x1c, bytes(0, 1, 0xf6, 0, 0, 0xff, 0, 0)))), "😀\ufffd"],
  ["a UniversalString of half a character", sequence(part(COMMON_NAME, der(0x1c, bytes(0, 0, 0xd8, 0)))), "\ufffd"],
  ["a long common name", sequence(part(COMMON_NAME, utf8("x".repeat(300)))), "x".repeat(300)],
];

for (const [what, subject, expected] of SUBJECTS) {
  Deno.test(`commonNameOf() of a subject with ${what}`, () => {
    assert.deepEqual([1, 3].map((version) => versionOf(certificate(subject, version === 1 ? 1 : 3))), [1, 3]);
    assert.equal(commonNameOf(certificate(subject)), expected);
    assert.equal(commonNameOf(certificate(subject, 1)), expected);
  });
}

Deno.test("commonNameOf() finds any name in a real certificate, among any other parts", async () => {
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(text, fc.array(text, { maxLength: 3 }), async (name, others) => {
      const issued = await issue({ name, subject: others.map((other) => [ORGANISATION, other]) });
      assert.equal(commonNameOf(new X509Certificate(issued.certPem).raw), name);
    }),
    { numRuns: 20 },
  );
});

Deno.test("isSelfIssued() compares the bytes of both names, whether they are texts or not", () => {
  const no = Uint8Array.of(0xc3, 0x28);
  for (const text of ["Root", ""].map(utf8).concat(der(0x0c, no))) {
    const own = part(COMMON_NAME, text);
    const [issuer, subject] = [sequence(own), sequence(own)];
    assert.equal(isSelfIssued(sequence(sequence(integer(bytes(9)), sequence(), issuer, sequence(), subject))), true);
    for (const other of [sequence(), sequence(own, own), sequence(part(COMMON_NAME, utf8("Roof")))]) {
      assert.equal(isSelfIssued(sequence(sequence(integer(bytes(9)), sequence(), other, sequence(), subject))), false);
    }
  }
});

Deno.test("commonNameOf() of bytes that are no certificate throws a RangeError or finds none", () => {
  const good = certificate(sequence(part(COMMON_NAME, utf8("alice"))));
  for (let length = 0; length < good.length; length++) {
    assert.throws(() => commonNameOf(good.subarray(0, length)), RangeError, `${length} bytes`);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(fc.tuple(fc.nat(200), fc.nat(255))), (any, changes) => {
      const changed = good.slice();
      for (const [at, value] of changes) changed[at % changed.length] = value;
      for (const bytes of [any, changed]) {
        try {
          commonNameOf(bytes);
        } catch (error) {
          assert.ok(error instanceof RangeError, String(error));
        }
      }
    }),
  );
});
