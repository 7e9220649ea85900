/** Certificates are read strictly, and what is read is what the runtime reads. @module */

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { readPem } from "../../../../src/config/pem.ts";
import { der, octetString, oid, sequence, yes } from "../../../../src/demo/der.ts";
import { readCertificate } from "../../../../src/net/tls/certificate.ts";
import { certificatesIn, pemOf } from "../../../../src/net/tls/certificate_list.ts";
import { DerError } from "../../../../src/net/tls/strict_der.ts";
import { issue, type IssueRequest, PURPOSES } from "../../../support/authority.ts";

function derOf({ certPem }: { readonly certPem: string }): Uint8Array<ArrayBuffer> {
  const [block] = readPem(certPem);
  assert.ok(block?.der);
  return Uint8Array.from(block.der);
}

const read = async (request: Partial<IssueRequest>) => readCertificate(derOf(await issue({ name: "app", ...request })));

const bits = (...bytes: number[]) => der(0x03, Uint8Array.from(bytes));

Deno.test("readCertificate() reads names, dates and what a certificate is for", async () => {
  const issued = await issue({
    name: "app",
    hosts: ["App.Internal", "*.example.com"],
    addresses: [[10, 0, 0, 1], [0x20, 1, 0xd, 0xb8, ...new Array<number>(11).fill(0), 1]],
    purposes: [PURPOSES.server],
    from: "2024-02-29T12:34:56Z",
    to: "2050-01-01T00:00:00Z",
  });
  const certificate = readCertificate(derOf(issued));
  const x509 = new X509Certificate(issued.certPem);
  assert.deepEqual([certificate.validFrom, certificate.validTo], [
    Date.parse(x509.validFrom),
    Date.parse(x509.validTo),
  ]);
  assert.deepEqual(certificate.hosts, ["app.internal", "*.example.com"]);
  assert.deepEqual(certificate.addresses, ["0a000001", "20010db8000000000000000000000001"]);
  assert.deepEqual(certificate.purposes, ["2b06010505070301"]);
  assert.deepEqual([certificate.version, certificate.isCa, certificate.hasUnknownCritical], [3, false, false]);
  assert.equal(certificate.issuer, certificate.subject);
  assert.equal(new X509Certificate(pemOf(certificate.der)).fingerprint256, x509.fingerprint256);
});

Deno.test("readCertificate() reads what a CA may do", async () => {
  const constraints = sequence(yes(), der(0x02, Uint8Array.of(0)));
  const ca = await read({ extensions: [{ id: "2.5.29.19", critical: true, value: constraints }] });
  assert.deepEqual([ca.isCa, ca.pathLength, ca.maySign, ca.purposes, ca.names], [true, 0, true, null, null]);
  const noSigning = await read({ ca: true, extensions: [{ id: "2.5.29.15", value: bits(7, 0x80) }] });
  assert.equal(noSigning.maySign, false);
  const signing = await read({ ca: true, extensions: [{ id: "2.5.29.15", value: bits(1, 0x06) }] });
  assert.equal(signing.maySign, true);
  const odd = await read({ extensions: [{ id: "1.2.3.4", critical: true, value: sequence() }] });
  assert.equal(odd.hasUnknownCritical, true);
  const harmless = await read({ extensions: [{ id: "1.2.3.4", value: sequence() }] });
  assert.equal(harmless.hasUnknownCritical, false);
});

Deno.test("readCertificate() reads version 1, which has no extensions", async () => {
  const old = await read({ version: 1, hosts: ["app"] });
  assert.deepEqual([old.version, old.hosts, old.isCa], [1, [], false]);
});

Deno.test("readCertificate() refuses extensions that are not well formed, or there twice", async () => {
  const names = (...names: Uint8Array[]) => sequence(der(0xa0, ...names));
  const host = der(0x82, new TextEncoder().encode("a.test"));
  const vectors: readonly (readonly [string, string, Uint8Array<ArrayBuffer>])[] = [
    ["basic constraints with a flag that is neither", "2.5.29.19", sequence(der(0x01, Uint8Array.of(0x55)))],
    ["basic constraints with a negative length", "2.5.29.19", sequence(yes(), der(0x02, Uint8Array.of(0xff)))],
    ["basic constraints that are no sequence", "2.5.29.19", octetString(new Uint8Array(2))],
    ["names and something after them", "2.5.29.17", der(0x30, host, Uint8Array.of(0x82))],
    ["purposes that are none", "2.5.29.37", sequence(host)],
    ["name constraints with bounds", "2.5.29.30", names(sequence(host, der(0x80, Uint8Array.of(1))))],
    ["name constraints on an address without a mask", "2.5.29.30", names(sequence(der(0x87, new Uint8Array(4))))],
    ["name constraints of a third kind", "2.5.29.30", sequence(der(0xa2, sequence(host)))],
  ];
  for (const [what, id, value] of vectors) {
    await assert.rejects(read({ extensions: [{ id, value }] }), DerError, what);
  }
  const bounded = names(sequence(host, der(0x80, Uint8Array.of(0))));
  assert.equal((await read({ extensions: [{ id: "2.5.29.30", value: bounded }] })).names?.permitted.length, 1);
  const twice = await issue({
    name: "app",
    extensions: [{ id: "1.2.3.4", value: sequence() }, { id: "1.2.3.5", value: sequence() }],
  });
  const bytes = derOf(twice);
  const [from, to] = [oid("1.2.3.5"), oid("1.2.3.4")].map((id) => String.fromCharCode(...id));
  const text = String.fromCharCode(...bytes).replace(from ?? "", to ?? "");
  assert.throws(() => readCertificate(Uint8Array.from(text, (one) => one.charCodeAt(0))), DerError);
});

Deno.test("readCertificate() refuses every beginning of a certificate, and one with something behind it", async () => {
  const whole = derOf(await issue({ name: "app", hosts: ["app.internal"] }));
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => readCertificate(whole.slice(0, length)), DerError, `${length} bytes`);
  }
  assert.throws(() => readCertificate(Uint8Array.from([...whole, 0])), DerError);
});

Deno.test("readCertificate() of anything: a certificate or a DerError", async () => {
  const whole = derOf(await issue({ name: "app", hosts: ["app.internal"], addresses: [[10, 0, 0, 1]], ca: true }));
  const readOrRefuse = (bytes: Uint8Array<ArrayBuffer>) => {
    try {
      readCertificate(bytes);
    } catch (error) {
      assert.ok(error instanceof DerError, String(error));
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => readOrRefuse(Uint8Array.from(bytes))));
  const change = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const bytes = whole.slice();
      for (const [at, byte] of changes) bytes[at] = byte;
      readOrRefuse(bytes);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("certificatesIn() reads every certificate of a text", async () => {
  const [one, two] = [await issue({ name: "one", ca: true }), await issue({ name: "two", ca: true })];
  assert.deepEqual(certificatesIn(one.certPem + two.certPem).map(({ der }) => der), [derOf(one), derOf(two)]);
  assert.deepEqual(certificatesIn(""), []);
});
