/** The certificate store read again: each certificate for itself, and nothing but certificates. @module */

import assert from "node:assert/strict";
import { renewCertificates } from "../../../src/config/renew.ts";
import { issue } from "../../support/authority.ts";
import { CASE_NOW } from "../../config/cases.ts";
import { loadText } from "../../config/load_text.ts";

const [first, second, third, short] = await Promise.all([
  issue({ name: "first" }),
  issue({ name: "second" }),
  issue({ name: "third" }),
  issue({ name: "short", to: "2026-06-20T00:00:00Z" }),
]);

const TEXT = `
ipGroups:
  office: { file: office.txt }
certificates:
  www: { certFile: www.pem, keyFile: www.key }
  api: { certFile: api.pem, keyFile: api.key }
listeners: [{ name: front, protocol: TCP_SSL, port: 9000, backends: {}, tls: { certificate: www } }]
`;

const FILES: Readonly<Record<string, string>> = {
  "office.txt": "192.0.2.1\n",
  "www.pem": first.certPem,
  "www.key": first.keyPem,
  "api.pem": second.certPem,
  "api.key": second.keyPem,
};

/** Renews after some files have changed; those that are `undefined` have gone. */
function renew(changed: Readonly<Record<string, string | undefined>>, now = CASE_NOW) {
  const before = loadText(TEXT, { files: FILES });
  const read: string[] = [];
  const renewal = renewCertificates(before, {
    readFile: (path) => {
      read.push(path);
      const content = path in changed ? changed[path] : FILES[path];
      if (content === undefined) throw new Deno.errors.NotFound(path);
      return content;
    },
    fileMode: () => 0o600,
  }, now);
  return { before, read, ...renewal };
}

const subjects = (valid: ReturnType<typeof loadText>) => valid.stored.map((one) => one.chain[0].subject);

Deno.test("renewCertificates() gives back the same configuration when no file has changed", () => {
  const { before, valid, refused } = renew({});
  assert.equal(valid, before);
  assert.deepEqual(refused, []);
});

Deno.test("renewCertificates() takes up a changed pair and reads nothing but certificate files", () => {
  const { before, valid, refused, read } = renew({
    "www.pem": third.certPem,
    "www.key": third.keyPem,
    "office.txt": "nonsense",
  });
  assert.deepEqual(refused, []);
  assert.ok(!read.includes("office.txt"));
  assert.deepEqual(valid.certificates.get("www"), { certPem: third.certPem, keyPem: third.keyPem });
  assert.deepEqual(valid.certificates.get("api"), before.certificates.get("api"));
  assert.deepEqual(subjects(valid), ["CN=third", "CN=second"]);
  assert.deepEqual(valid.ipGroups, before.ipGroups);
});

const BROKEN: readonly (readonly [what: string, changed: Record<string, string | undefined>, reason: RegExp])[] = [
  [
    "a new certificate with the old key",
    { "www.pem": third.certPem },
    /^keyFile must be the certificate's private key/,
  ],
  ["an old certificate with a new key", { "www.key": third.keyPem }, /^keyFile must be the certificate's private key/],
  ["half a file", { "www.pem": third.certPem.slice(0, 200) }, /^certFile must hold a PEM certificate, got "www.pem"$/],
  ["an empty file", { "www.key": "" }, /^keyFile must hold an unencrypted PEM private key/],
  [
    "a file that has gone",
    { "www.key": undefined },
    /^keyFile cannot read "www.key": no such file; a relative path starts at/,
  ],
  ["two files that have gone", { "www.pem": undefined, "www.key": undefined }, /^certFile cannot .*; keyFile cannot /],
];

for (const [what, changed, reason] of BROKEN) {
  Deno.test(`renewCertificates() refuses ${what}, keeps the old pair, and renews the others all the same`, () => {
    const alone = renew(changed);
    const { valid, refused } = renew({ ...changed, "api.pem": third.certPem, "api.key": third.keyPem });
    for (const found of [alone.refused, refused]) {
      assert.deepEqual(found.map(({ kind, name }) => [kind, name]), [["certificate", "www"]]);
      assert.match(found[0]?.reason ?? "", reason);
    }
    assert.deepEqual(valid.certificates.get("www"), { certPem: first.certPem, keyPem: first.keyPem });
    assert.deepEqual(valid.certificates.get("api"), { certPem: third.certPem, keyPem: third.keyPem });
    assert.deepEqual(subjects(valid), ["CN=first", "CN=third"]);
  });
}

Deno.test("renewCertificates() warns of what it has renewed only", () => {
  const { valid } = renew({ "api.pem": short.certPem, "api.key": short.keyPem });
  assert.deepEqual(valid.warnings.map(({ line, path, message }) => [line, path, message]), [
    [6, "certificates.api.certFile", '"api.pem" expires on 2026-06-20T00:00:00.000Z'],
  ]);
});

Deno.test("renewCertificates() leaves an expired certificate alone whose files have not changed", () => {
  const { valid, refused } = renew({ "api.pem": third.certPem, "api.key": third.keyPem }, new Date("2088-01-01"));
  assert.deepEqual([refused, subjects(valid)], [[], ["CN=first", "CN=third"]]);
  const late = renew({}, new Date("2095-01-01"));
  assert.deepEqual([late.refused, late.valid === late.before], [[], true]);
});
