/** What a change comes to, where nothing can be saved. */

import assert from "node:assert/strict";
import { acceptedFrom, changeInMemory, changeOnDisk, revisionOf, unsavedPaths } from "../../../src/config/accepted.ts";
import { deleteCertificate, putCertificate } from "../../../src/config/certificate_change.ts";
import { demoOrigin } from "../../../src/demo/origin.ts";
import { ConfigError, WeirError } from "../../../src/errors.ts";
import { testCertificate } from "../../support/certificates.ts";

const certificate = await testCertificate();
const origin = demoOrigin({ tcp: 8000, tls: 9000, admin: 9900, servers: [8081, 8082, 8083] }, certificate);
const serving = acceptedFrom(origin.load());
const { certPem, keyPem } = await testCertificate();
const put = (name: string) => putCertificate({ kind: "certificate", name, certificate: certPem, key: keyPem });

Deno.test("changeInMemory() changes the demo's certificate, and leaves what it was made of alone", () => {
  const { next, writes } = changeInMemory(serving, put("demo"), origin);
  assert.deepEqual([next.valid.certificates.get("demo"), writes], [{ certPem, keyPem }, []]);
  assert.deepEqual([unsavedPaths(next), unsavedPaths(serving)], [["certificates.demo"], []]);
  assert.equal(next.valid.source.text, serving.fileText);
  assert.notEqual(revisionOf(next), revisionOf(serving));
  assert.equal(serving.valid.certificates.get("demo")?.certPem, certificate.certPem);
});

Deno.test("changeInMemory() puts changes on top of one another", () => {
  const one = changeInMemory(serving, put("a"), origin).next;
  const two = changeInMemory(one, put("b"), origin).next;
  assert.deepEqual([...two.valid.certificates.keys()], ["demo", "a", "b"]);
  const three = changeInMemory(two, deleteCertificate({ kind: "certificate", name: "a" }), origin).next;
  assert.deepEqual([[...three.valid.certificates.keys()], unsavedPaths(three)], [["demo", "b"], ["certificates.b"]]);
});

Deno.test("changeInMemory() refuses what would not be valid", () => {
  assert.throws(
    () => changeInMemory(serving, deleteCertificate({ kind: "certificate", name: "demo" }), origin),
    ConfigError,
  );
});

Deno.test("changeOnDisk() refuses to save where there is no file", () => {
  assert.throws(
    () => changeOnDisk(serving, put("demo"), origin),
    (error) => error instanceof WeirError && error.kind === "not_saveable",
  );
});
