/** Which certificates of clients are taken, what is said of the others, and what is remembered. @module */

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { der, oid, sequence, set } from "../../../../src/demo/der.ts";
import {
  CheckedByAuthority,
  CheckedCertificates,
  type ClientIdentity,
  identify,
  reasonOf,
  type RefusedCertificate,
  type ShownCertificate,
} from "../../../../src/net/tls/client_certificate.ts";
import { HandshakeError, type HandshakeFailure } from "../../../../src/net/tls/handshake_failure.ts";
import { issue, type Issued, PURPOSES } from "../../../support/authority.ts";
import { ALICE, ROOT } from "./bench.ts";

const NOW = new Date("2026-06-01T00:00:00Z");
const GOOD: RefusedCertificate = {
  validFrom: new Date("2026-01-01T00:00:00Z"),
  validTo: new Date("2027-01-01T00:00:00Z"),
  isSelfSigned: false,
  isUnfit: false,
  isForOthers: false,
};

const REASONS: readonly [what: string, certificate: Partial<RefusedCertificate>, expected: HandshakeFailure][] = [
  ["nothing that can be seen", {}, "unknown_ca"],
  ["its own signature", { isSelfSigned: true }, "unknown_ca"],
  ["its own signature, and being out of date", { isSelfSigned: true, validTo: new Date(0) }, "unknown_ca"],
  ["having expired", { validTo: new Date("2026-05-31T23:59:59Z") }, "expired"],
  ["expiring at this moment", { validTo: NOW }, "expired"],
  ["being valid for one more moment", { validTo: new Date(NOW.getTime() + 1) }, "unknown_ca"],
  ["not being valid yet", { validFrom: new Date("2026-06-01T00:00:01Z") }, "not_yet_valid"],
  ["being valid from this moment", { validFrom: NOW }, "unknown_ca"],
  ["being a CA's", { isUnfit: true }, "bad_certificate"],
  ["being a CA's and for servers", { isUnfit: true, isForOthers: true }, "bad_certificate"],
  ["being a CA's, and having expired", { isUnfit: true, validTo: new Date(0) }, "expired"],
  ["being for servers", { isForOthers: true }, "wrong_purpose"],
  ["being for servers, and having expired", { isForOthers: true, validTo: new Date(0) }, "expired"],
];

for (const [what, certificate, expected] of REASONS) {
  Deno.test(`reasonOf() a certificate with ${what} is ${expected}`, () => {
    assert.equal(reasonOf({ ...GOOD, ...certificate }, NOW), expected);
  });
}

const raw = ({ certPem }: Pick<Issued, "certPem">) => new X509Certificate(certPem).raw;
const checkedBy = (...authorities: readonly Issued[]) =>
  new CheckedCertificates(authorities.map(({ certPem }) => certPem).join(""));

function shown(certificate: Issued | undefined, given: Partial<ShownCertificate> = {}): ShownCertificate {
  return {
    certificate: certificate === undefined ? undefined : { raw: raw(certificate) },
    verifyError: "",
    resumed: false,
    ...given,
  };
}

/** Why a client was refused, and what people are told. */
function refusal(what: ShownCertificate, checked = checkedBy(ROOT), now = NOW): [HandshakeFailure, string] {
  try {
    identify(what, checked, now);
  } catch (error) {
    assert.ok(error instanceof HandshakeError, String(error));
    return [error.failure, error.message];
  }
  assert.fail("it was taken");
}

Deno.test("identify() takes a certificate that has passed the check, and knows it when the session is resumed", () => {
  const checked = checkedBy(ROOT);
  const expected: ClientIdentity = { commonName: "Alice", subject: "CN=Alice" };
  assert.deepEqual(identify(shown(ALICE), checked, NOW), expected);
  assert.deepEqual(identify(shown(ALICE, { resumed: true }), checked, NOW), expected);
});

Deno.test("identify() refuses a resumed session whose certificate was never checked by these client CAs", async () => {
  const other = await issue({ name: "Other", ca: true });
  const checked = checkedBy(ROOT);
  identify(shown(await issue({ name: "Bob", issuer: ROOT })), checked, NOW);
  identify(shown(ALICE), checkedBy(other), NOW);
  assert.deepEqual(refusal(shown(ALICE, { resumed: true }), checked), [
    "unknown_ca",
    `the client's certificate "CN=Alice" was refused: it was not issued by one of the client CAs`,
  ]);
});

Deno.test("identify() does not remember what it has refused", async () => {
  const checked = checkedBy(ROOT);
  refusal(shown(ALICE, { verifyError: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" }), checked);
  refusal(shown(ALICE, { resumed: true }), checked);
  // Nor does a session that was resumed make anything known.
  refusal(shown(ALICE, { resumed: true }), checked);
  const spare = await issue({ name: "Spare", ca: true });
  refusal(shown(spare), checkedBy(spare));
  refusal(shown(spare, { resumed: true }), checkedBy(spare));
});

Deno.test("identify() refuses a resumed session when its certificate has expired since", async () => {
  const brief = await issue({ name: "Brief", issuer: ROOT, to: "2026-07-01T00:00:00Z" });
  const checked = checkedBy(ROOT);
  identify(shown(brief), checked, NOW);
  identify(shown(brief, { resumed: true }), checked, new Date("2026-06-30T23:59:59Z"));
  const late = new Date("2026-07-01T00:00:00Z");
  assert.equal(refusal(shown(brief, { resumed: true }), checked, late)[0], "expired");
});

Deno.test("identify() refuses a client without a certificate, resumed or not", () => {
  const expected = ["no_certificate", "the client showed no certificate"];
  assert.deepEqual(refusal(shown(undefined)), expected);
  assert.deepEqual(refusal(shown(undefined, { resumed: true })), expected);
  assert.deepEqual(refusal(shown(undefined, { certificate: {} })), expected);
});

Deno.test("identify() refuses the certificate of a client CA, which the machine takes for good", async () => {
  const second = await issue({ name: "Second", ca: true });
  for (const authority of [ROOT, second]) {
    for (const resumed of [false, true]) {
      const [failure, text] = refusal(shown(authority, { resumed }), checkedBy(ROOT, second));
      assert.equal(failure, "bad_certificate");
      assert.match(text, /^the client showed the certificate of a client CA, "CN=(Root|Second)"$/);
    }
  }
});

const PURPOSE_CASES: readonly [purposes: readonly (keyof typeof PURPOSES)[], expected: HandshakeFailure][] = [
  [[], "unknown_ca"],
  [["server"], "wrong_purpose"],
  [["client"], "unknown_ca"],
  [["server", "client"], "unknown_ca"],
  [["any"], "wrong_purpose"],
];

for (const [purposes, expected] of PURPOSE_CASES) {
  Deno.test(`identify() refuses a certificate for [${purposes}] that failed the check as ${expected}`, async () => {
    const one = await issue({ name: "one", issuer: ROOT, purposes: purposes.map((purpose) => PURPOSES[purpose]) });
    assert.equal(refusal(shown(one, { verifyError: "INVALID_PURPOSE" }))[0], expected);
  });
}

Deno.test("identify() refuses what cannot be read, or only in part, as bad_certificate", () => {
  for (const bytes of [Uint8Array.of(), Uint8Array.of(0x30, 0), raw(ALICE).subarray(0, 100)]) {
    assert.equal(refusal(shown(undefined, { certificate: { raw: bytes } }))[0], "bad_certificate");
  }
});

Deno.test("identify() takes a certificate with an empty subject, and one without a common name", async () => {
  const nameless = await issue({ name: "", hosts: ["client.test"], issuer: ROOT });
  assert.deepEqual(identify(shown(nameless), checkedBy(ROOT), NOW), { commonName: null, subject: "" });
  const organisation = await issue({ name: "", subject: [["2.5.4.10", "Weir"]], issuer: ROOT });
  assert.deepEqual(identify(shown(organisation), checkedBy(ROOT), NOW), { commonName: null, subject: "O=Weir" });
});

Deno.test("identify() is not told a common name by another part of the subject", async () => {
  const liar = await issue({ name: "mallory", subject: [["2.5.4.10", "Weir\nCN=admin"]], issuer: ROOT });
  assert.equal(identify(shown(liar), checkedBy(ROOT), NOW).commonName, "mallory");
  const nobody = await issue({ name: "", subject: [["2.5.4.10", "Weir\nCN=admin"]], issuer: ROOT });
  assert.equal(identify(shown(nobody), checkedBy(ROOT), NOW).commonName, null);
});

Deno.test("identify() writes a subject on one line of plain characters, and not all of an endless one", async () => {
  const wild = await issue({ name: "a\x1b[31m\r\0\u202eb\u2028", subject: [["2.5.4.10", "x\ny"]], issuer: ROOT });
  const { subject } = identify(shown(wild), checkedBy(ROOT), NOW);
  assert.equal(subject, "O=x, y, CN=a?[31m???b?");
  const endless = await issue({ name: "z".repeat(5000), issuer: ROOT });
  assert.equal(identify(shown(endless), checkedBy(ROOT), NOW).subject.length, 301);
  const half = await issue({ name: "z".repeat(296) + "😀😀", issuer: ROOT });
  assert.match(identify(shown(half), checkedBy(ROOT), NOW).subject, /z\ufffd…$/);
  assert.ok(refusal(shown(endless, { verifyError: "no" }))[1].length < 500);
});

Deno.test("identify() has a reason for the certificate of an issuer whose name is no text", async () => {
  const name = sequence(set(sequence(oid("2.5.4.3"), der(0x0c, Uint8Array.of(0xc3, 0x28)))));
  const odd = await issue({ name: "alice", issuer: { ...ROOT, name } });
  assert.throws(() => new X509Certificate(odd.certPem).issuer, "the runtime cannot say it");
  assert.equal(refusal(shown(odd, { verifyError: "no" }))[0], "unknown_ca");
  assert.equal(identify(shown(odd), checkedBy(ROOT), NOW).commonName, "alice");
});

Deno.test("CheckedCertificates forgets the one that was added longest ago when there are too many", () => {
  const checked = checkedBy(ROOT);
  checked.add("first", 1000);
  checked.add("second", 1000);
  for (let count = 2; count < 100_000; count++) checked.add(`${count}`, 1000);
  assert.deepEqual([checked.has("first", 1), checked.has("second", 1)], [true, true]);
  checked.add("first", 1000); // counts as new again
  checked.add("one more", 1000);
  assert.deepEqual([checked.has("first", 1), checked.has("second", 1), checked.has("one more", 1)], [
    true,
    false,
    true,
  ]);
});

Deno.test("CheckedCertificates knows a certificate up to its last moment, whoever asks", () => {
  const checked = checkedBy(ROOT);
  checked.add("one", 1000);
  assert.deepEqual([999, 1000, 1001].map((now) => checked.has("one", now)), [true, false, false]);
  assert.equal(checked.has("other", 0), false);
  assert.equal(checked.has("__proto__", 0), false);
});

Deno.test("CheckedCertificates takes text between client CAs, and refuses what is none", () => {
  const checked = new CheckedCertificates(
    `Some words\n${ROOT.certPem}\nmore\r\n${ALICE.certPem.replaceAll("\n", "\r\n")}`,
  );
  for (const one of [ROOT, ALICE]) assert.ok(checked.isAuthority(new X509Certificate(one.certPem).fingerprint256));
  assert.throws(() => new CheckedCertificates("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
});

Deno.test("CheckedByAuthority shares what was checked by the same client CAs, and nothing else", async () => {
  const other = await issue({ name: "Other", ca: true });
  const by = new CheckedByAuthority();
  const [one, same, both, foreign] = [ROOT, ROOT, { certPem: ROOT.certPem + other.certPem }, other].map(({ certPem }) =>
    by.of(certPem)
  );
  assert.ok(one !== undefined && one === same);
  assert.equal(new Set([one, both, foreign]).size, 3);
  identify(shown(ALICE), one, NOW);
  const { fingerprint256 } = new X509Certificate(ALICE.certPem);
  assert.deepEqual([one, both, foreign].map((checked) => checked?.has(fingerprint256, NOW.getTime())), [
    true,
    false,
    false,
  ]);
});

Deno.test("CheckedByAuthority goes on knowing what was checked when a client CA is added, and not when one is taken away", async () => {
  const other = await issue({ name: "Other", ca: true });
  const bob = await issue({ name: "Bob", issuer: other });
  const by = new CheckedByAuthority();
  const [both, again] = [
    ROOT.certPem + other.certPem,
    `${other.certPem}\n# the same in another order\n${ROOT.certPem}`,
  ];
  identify(shown(ALICE), by.of(ROOT.certPem), NOW);
  identify(shown(bob), by.of(other.certPem), NOW);
  const knows = (pem: string) =>
    [ALICE, bob].map(({ certPem }) => by.of(pem).has(new X509Certificate(certPem).fingerprint256, NOW.getTime()));
  assert.deepEqual(knows(both), [true, true]);
  assert.deepEqual(knows(again), [true, true]);
  assert.deepEqual([knows(ROOT.certPem), knows(other.certPem)], [[true, false], [false, true]]);
  const third = await issue({ name: "Third", ca: true });
  assert.deepEqual([knows(third.certPem), knows(ROOT.certPem + third.certPem)], [[false, false], [true, false]]);
});

Deno.test("CheckedByAuthority forgets the client CAs that were asked for longest ago, and harms nobody who has them", () => {
  const by = new CheckedByAuthority();
  // What is not a certificate is passed over, so that texts which differ are enough. What one knows is copied once.
  const nth = (index: number) => by.of(`${index}\n${ROOT.certPem}`);
  const all = Array.from({ length: 16 }, (_, index) => nth(index));
  assert.equal(nth(0), all[0], "asked for again");
  nth(16);
  assert.equal(nth(0), all[0]);
  assert.notEqual(nth(1), all[1], "forgotten");
  all[1]?.add("one", 1000);
  assert.ok(all[1]?.has("one", 1));
});
