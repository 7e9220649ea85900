/** The demo's certificate, made byte by byte and read back by others. @module */

import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import fc from "fast-check";
import { der, integer, oid, time } from "../../src/demo/der.ts";
import { selfSigned } from "../../src/demo/self_signed.ts";
import { peerTest, run } from "../support/peers.ts";

const REQUEST = {
  name: "Weir demo",
  hosts: ["localhost", "weir.example", "127.0.0.1", "10.255.0.1"],
  notBefore: new Date("2026-11-20T00:00:00Z"),
  notAfter: new Date("2027-11-20T12:34:56Z"),
};

Deno.test("selfSigned() makes a certificate that X509Certificate reads as it was asked for", async () => {
  const { certPem, keyPem } = await selfSigned(REQUEST);
  const certificate = new X509Certificate(certPem);
  assert.equal(certificate.subject, "CN=Weir demo");
  assert.equal(certificate.issuer, "CN=Weir demo");
  assert.equal(
    certificate.subjectAltName,
    "DNS:localhost, DNS:weir.example, IP Address:127.0.0.1, IP Address:10.255.0.1",
  );
  assert.equal(new Date(certificate.validFrom).getTime(), REQUEST.notBefore.getTime());
  assert.equal(new Date(certificate.validTo).getTime(), REQUEST.notAfter.getTime());
  assert.equal(certificate.ca, false);
  assert.equal(certificate.checkPrivateKey(createPrivateKey(keyPem)), true);
  assert.equal(certificate.verify(certificate.publicKey), true);
});

Deno.test("selfSigned() is X.509 version 3", async () => {
  const { certPem } = await selfSigned(REQUEST);
  const { raw } = new X509Certificate(certPem);
  // SEQUENCE { SEQUENCE { [0] { INTEGER 2 } ...: the version is the first thing in it
  assert.equal([...raw.subarray(0, 20)].join(" ").includes("160 3 2 1 2"), true);
});

Deno.test("selfSigned() makes another key and another serial number every time", async () => {
  const [one, other] = [await selfSigned(REQUEST), await selfSigned(REQUEST)];
  assert.notEqual(new X509Certificate(one.certPem).serialNumber, new X509Certificate(other.certPem).serialNumber);
  assert.notEqual(one.keyPem, other.keyPem);
  const otherKey = createPrivateKey(other.keyPem);
  assert.equal(new X509Certificate(one.certPem).checkPrivateKey(otherKey), false);
});

Deno.test("selfSigned() is valid every time: signatures and serials of every shape", async () => {
  // r, s and the serial are random numbers: about half need a zero byte in front, a few begin with one
  for (let round = 0; round < 100; round++) {
    const certificate = new X509Certificate((await selfSigned(REQUEST)).certPem);
    assert.equal(certificate.verify(certificate.publicKey), true, `round ${round}`);
  }
});

Deno.test("selfSigned() serves Deno's own TLS", async () => {
  const now = Date.now();
  const times = { notBefore: new Date(now - 60_000), notAfter: new Date(now + 60_000) };
  const { certPem, keyPem } = await selfSigned({ ...REQUEST, ...times });
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: certPem, key: keyPem });
  const connecting = Deno.connectTls({ hostname: "127.0.0.1", port: listener.addr.port, caCerts: [certPem] });
  using accepted = await listener.accept();
  await accepted.handshake();
  using near = await connecting;
  await near.handshake();
});

peerTest("selfSigned() makes a certificate that openssl reads and verifies", ["openssl"], async ({ openssl }) => {
  const { certPem, keyPem } = await selfSigned(REQUEST);
  const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
  try {
    await Deno.writeTextFile(`${folder}/cert.pem`, certPem);
    await Deno.writeTextFile(`${folder}/key.pem`, keyPem);
    const { code, stdout, stderr } = await run(openssl, ["x509", "-in", `${folder}/cert.pem`, "-noout", "-text"]);
    assert.equal(code, 0, stderr);
    for (
      const expected of [
        /Version: 3 \(0x2\)/,
        /Signature Algorithm: ecdsa-with-SHA256/,
        /DNS:localhost, DNS:weir\.example, IP Address:127\.0\.0\.1, IP Address:10\.255\.0\.1/,
        /Basic Constraints: critical\s+CA:FALSE/,
        /TLS Web Server Authentication/,
        /Not After : Nov 20 12:34:56 2027 GMT/,
        /NIST CURVE: P-256/,
      ]
    ) assert.match(stdout, expected);
    const key = await run(openssl, ["pkey", "-in", `${folder}/key.pem`, "-check", "-noout"]);
    assert.equal(key.code, 0, key.stderr);
    const verified = await run(openssl, [
      "verify",
      "-attime",
      String(REQUEST.notBefore.getTime() / 1000 + 1),
      "-CAfile",
      `${folder}/cert.pem`,
      `${folder}/cert.pem`,
    ]);
    assert.equal(verified.code, 0, verified.stderr + verified.stdout);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Reads one value back; fails when its length is not written in the shortest way. */
function readDer(bytes: Uint8Array): { readonly tag: number; readonly content: Uint8Array } {
  const [tag = 0, first = 0] = bytes;
  let length = first;
  let at = 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    length = bytes.subarray(2, 2 + count).reduce((sum, byte) => sum * 256 + byte, 0);
    at += count;
    assert.ok(length >= 0x80 && bytes[2] !== 0, "the length is not written in the shortest way");
  }
  assert.equal(bytes.length, at + length);
  return { tag, content: bytes.subarray(at) };
}

Deno.test("der() writes lengths in the shortest way, on both sides of every limit", () => {
  for (const size of [0, 1, 127, 128, 129, 255, 256, 257, 65535, 65536, 70_000]) {
    const content = new Uint8Array(size).map((_, index) => index % 256);
    const read = readDer(der(0x30, content));
    assert.equal(read.tag, 0x30);
    assert.deepEqual(read.content, content);
  }
});

Deno.test("integer() is the shortest two's complement of a number that is never negative", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
    const { tag, content } = readDer(integer(bytes));
    const value = (given: Uint8Array) => given.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
    assert.equal(tag, 2);
    assert.equal(value(content), value(bytes));
    assert.ok((content[0] ?? 0) < 0x80, "negative");
    assert.ok(content.length === 1 || content[0] !== 0 || (content[1] ?? 0) >= 0x80, "longer than it has to be");
  }));
});

Deno.test("oid() writes the numbers that standards give as examples", () => {
  const cases: readonly (readonly [string, readonly number[]])[] = [
    ["1.2.840.113549", [0x06, 0x06, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]],
    ["2.5.4.3", [0x06, 0x03, 0x55, 0x04, 0x03]],
    ["2.5.29.17", [0x06, 0x03, 0x55, 0x1d, 0x11]],
    ["1.2.840.10045.4.3.2", [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]],
  ];
  for (const [dotted, bytes] of cases) assert.deepEqual([...oid(dotted)], bytes, dotted);
});

Deno.test("time() is UTCTime until 2049 and GeneralizedTime from 2050 on", () => {
  const text = (date: string) => {
    const { tag, content } = readDer(time(new Date(date)));
    return [tag, new TextDecoder().decode(content)];
  };
  assert.deepEqual(text("2026-11-20T13:04:05.678Z"), [0x17, "261120130405Z"]);
  assert.deepEqual(text("2049-12-31T23:59:59Z"), [0x17, "491231235959Z"]);
  assert.deepEqual(text("2050-01-01T00:00:00Z"), [0x18, "20500101000000Z"]);
});
