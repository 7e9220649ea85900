/** What is written is what the specification shows, and is read back as it was. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalAddress, type IpFamily } from "../../../../src/net/ip.ts";
import { decodeProxyHeader } from "../../../../src/net/proxy_protocol/decode.ts";
import type { ProxyHeader, Tlv } from "../../../../src/net/proxy_protocol/header.ts";
import { readSslTlv, SslClient, type SslDetails, sslTlv } from "../../../../src/net/proxy_protocol/ssl_tlv.ts";
import * as tlv from "../../../../src/net/proxy_protocol/tlv.ts";
import { encodeV1 } from "../../../../src/net/proxy_protocol/v1.ts";
import { encodeV2 } from "../../../../src/net/proxy_protocol/v2.ts";
import { bytesOf, feedByteByByte } from "./feed.ts";
import { bitwiseSum, referenceReading, spelledOut } from "./reference.ts";

function header(source: string, destination: string, ports = [56324, 443], tlvs: readonly Tlv[] = []): ProxyHeader {
  const [from = 0, to = 0] = ports;
  return {
    command: "PROXY",
    family: source.includes(":") ? "IPv6" : "IPv4",
    source: { address: source, port: from },
    destination: { address: destination, port: to },
    tlvs,
  };
}

const LONG = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
const V2 = "0d0a0d0a000d0a515549540a";

const lines: readonly [ProxyHeader, string][] = [
  [header("192.168.0.1", "192.168.0.11"), "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"],
  [header("2001:DB8:0::1", "::", [0, 65535]), "PROXY TCP6 2001:db8::1 :: 0 65535\r\n"],
  [header(LONG, LONG, [65535, 65535]), `PROXY TCP6 ${LONG} ${LONG} 65535 65535\r\n`],
  [header("1.1.1.1", "2.2.2.2", [1, 2], [{ type: 1, value: bytesOf("h2") }]), "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n"],
  [{ command: "UNKNOWN" }, "PROXY UNKNOWN\r\n"],
  [{ command: "LOCAL" }, "PROXY UNKNOWN\r\n"],
];

for (const [one, line] of lines) {
  Deno.test(`encodeV1() writes ${JSON.stringify(line)}`, () => assert.deepEqual(encodeV1(one), bytesOf(line)));
}

const INET = "c0000201cb007109d43101bb";
const inet = header("192.0.2.1", "203.0.113.9", [54321, 443]);

const binaries: readonly [name: string, written: Uint8Array, hex: string][] = [
  ["TCP over IPv4", encodeV2(inet), `${V2}2111000c${INET}`],
  [
    "TCP over IPv6",
    encodeV2(header("2001:db8::1", "::ffff:192.0.2.1", [1, 65535])),
    `${V2}2121002420010db800000000000000000000000100000000000000000000ffffc00002010001ffff`,
  ],
  ["a checksum", encodeV2(inet, { crc32c: true }), `${V2}21110013${INET}030004` + "1ecc653b"],
  ["a TLV", encodeV2(inet, { tlvs: [tlv.authorityTlv("ex")] }), `${V2}21110011${INET}0200026578`],
  ["LOCAL", encodeV2({ command: "LOCAL" }), `${V2}20000000`],
  [
    "LOCAL, always without TLVs",
    encodeV2({ command: "LOCAL" }, { tlvs: [tlv.noopTlv()], crc32c: true }),
    `${V2}20000000`,
  ],
  ["UNKNOWN", encodeV2({ command: "UNKNOWN" }), `${V2}21000000`],
  ["UNKNOWN with a checksum", encodeV2({ command: "UNKNOWN" }, { crc32c: true }), `${V2}21000007030004` + "3ec9894e"],
];

for (const [name, written, hex] of binaries) {
  Deno.test(`encodeV2() writes ${name}`, () => assert.equal(written.toHex(), hex));
}

const tlvs: readonly [name: string, written: Tlv, type: number, value: Uint8Array][] = [
  ["alpnTlv()", tlv.alpnTlv("h2"), 0x01, bytesOf("h2")],
  ["alpnTlv() of bytes", tlv.alpnTlv(bytesOf("\xff")), 0x01, bytesOf("\xff")],
  ["authorityTlv() in UTF-8", tlv.authorityTlv("bücher.example"), 0x02, bytesOf("b\xc3\xbccher.example")],
  ["noopTlv()", tlv.noopTlv(2), 0x04, bytesOf("\0\0")],
  ["uniqueIdTlv()", tlv.uniqueIdTlv(new Uint8Array(128)), 0x05, new Uint8Array(128)],
  ["netnsTlv()", tlv.netnsTlv("blue"), 0x30, bytesOf("blue")],
  ["sslTlv() of no TLS", sslTlv({ client: 0, verify: 1 }), 0x20, bytesOf("\0\0\0\0\x01")],
  [
    "sslTlv()",
    sslTlv({
      client: SslClient.SSL | SslClient.CERT_CONN | SslClient.CERT_SESS,
      verify: 0x80000001,
      version: "TLSv1.3",
      commonName: "é",
      cipher: "C",
      signatureAlgorithm: "RSA-SHA256",
      keyAlgorithm: "RSA2048",
    }),
    0x20,
    bytesOf(
      "\x07\x80\0\0\x01\x21\0\x07TLSv1.3\x22\0\x02\xc3\xa9\x23\0\x01C\x24\0\x0aRSA-SHA256\x25\0\x07RSA2048",
    ),
  ],
];

for (const [name, written, type, value] of tlvs) {
  Deno.test(`${name} is as sections 2.2.1 to 2.2.7 have it`, () => assert.deepEqual(written, { type, value }));
}

const refused: readonly [name: string, write: () => unknown, error: typeof Error][] = [
  ["encodeV1() an address of the other family", () => encodeV1(header("1.1.1.1", "::1")), TypeError],
  ["encodeV2() an address of the other family", () => encodeV2(header("::1", "1.1.1.1")), TypeError],
  ["encodeV1() a name", () => encodeV1(header("localhost", "1.1.1.1")), TypeError],
  ["encodeV1() a line break in an address", () => encodeV1(header("1.1.1.1\r\n", "1.1.1.1")), TypeError],
  ["encodeV2() 256 in an address", () => encodeV2(header("256.0.113.7", "1.1.1.1")), TypeError],
  ["encodeV1() port 65536", () => encodeV1(header("1.1.1.1", "1.1.1.1", [1, 65536])), RangeError],
  ["encodeV2() port -1", () => encodeV2(header("1.1.1.1", "1.1.1.1", [-1, 1])), RangeError],
  ["encodeV2() port 1.5", () => encodeV2(header("1.1.1.1", "1.1.1.1", [1.5, 1])), RangeError],
  [
    "encodeV2() a checksum as a TLV",
    () => encodeV2(inet, { tlvs: [{ type: 3, value: new Uint8Array(4) }] }),
    TypeError,
  ],
  ["encodeV2() a type of 256", () => encodeV2(inet, { tlvs: [{ type: 256, value: new Uint8Array() }] }), RangeError],
  ["encodeV2() 65,536 bytes of TLVs", () => encodeV2(inet, { tlvs: [tlv.noopTlv(65_521)] }), RangeError],
  ["encodeV2() a TLV of 65,536 bytes", () => encodeV2(inet, { tlvs: [tlv.noopTlv(65_536)] }), RangeError],
  [
    "encodeV2() a long unique id",
    () => encodeV2(inet, { tlvs: [{ type: 5, value: new Uint8Array(129) }] }),
    RangeError,
  ],
  ["uniqueIdTlv() 129 bytes", () => tlv.uniqueIdTlv(new Uint8Array(129)), RangeError],
  ["netnsTlv() other than US-ASCII", () => tlv.netnsTlv("bleú"), TypeError],
  ["sslTlv() nine bits of client", () => sslTlv({ client: 256, verify: 0 }), RangeError],
  ["sslTlv() a negative verify", () => sslTlv({ client: 1, verify: -1 }), RangeError],
  ["sslTlv() a version other than US-ASCII", () => sslTlv({ client: 1, verify: 0, version: "é" }), TypeError],
];

for (const [name, write, error] of refused) {
  Deno.test(`${name}: refused`, () => assert.throws(write, error));
}

Deno.test("readSslTlv() gives nothing for another type or a TLV that is cut short", () => {
  const { value } = sslTlv({ client: 1, verify: 0, version: "TLSv1.3" });
  assert.equal(readSslTlv({ type: 0x21, value }), undefined);
  for (let length = 0; length < value.length; length++) {
    const details = readSslTlv({ type: 0x20, value: value.slice(0, length) });
    assert.deepEqual(details, length === 5 ? { client: 1, verify: 0 } : undefined);
  }
});

const bytesUpTo = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Uint8Array.from(bytes));
const someText = fc.string({ maxLength: 20 }).filter((text) => /^[ -~]*$/.test(text));
const sslDetails: fc.Arbitrary<SslDetails> = fc.record(
  {
    client: fc.integer({ min: 0, max: 255 }),
    verify: fc.integer({ min: 0, max: 0xffffffff }),
    version: someText,
    commonName: fc.string({ unit: "grapheme", maxLength: 20 }),
    cipher: someText,
    signatureAlgorithm: someText,
    keyAlgorithm: someText,
  },
  { requiredKeys: ["client", "verify"], noNullPrototype: true },
);
const someTlv: fc.Arbitrary<Tlv> = fc.oneof(
  sslDetails.map(sslTlv),
  bytesUpTo(128).map(tlv.uniqueIdTlv),
  // A checksum is not given as a TLV, padding is not read back, a unique id has its own length.
  fc.record({
    type: fc.integer({ min: 0, max: 255 }).filter((type) => ![3, 4, 5].includes(type)),
    value: bytesUpTo(300),
  }, { noNullPrototype: true }),
);
const addresses: Readonly<Record<IpFamily, fc.Arbitrary<string>>> = {
  IPv4: fc.ipV4(),
  IPv6: fc.array(fc.constantFrom("0", "1", "ffff", "db8"), { minLength: 8, maxLength: 8 })
    .map((groups) => canonicalAddress(groups.join(":"))),
};
const proxied = fc.constantFrom<IpFamily>("IPv4", "IPv6").chain((family) => {
  const endpoint = fc.record({ address: addresses[family], port: fc.integer({ min: 0, max: 65535 }) }, {
    noNullPrototype: true,
  });
  return fc.record({
    command: fc.constant<"PROXY">("PROXY"),
    family: fc.constant(family),
    source: endpoint,
    destination: endpoint,
    tlvs: fc.array(someTlv, { maxLength: 5 }),
  }, { noNullPrototype: true });
});

Deno.test("encodeV1() and encodeV2() are read back as they were, byte by byte too", () => {
  fc.assert(
    fc.property(proxied, fc.boolean(), bytesUpTo(40), (one, crc32c, payload) => {
      for (
        const [bytes, expected] of [[encodeV1(one), { ...one, tlvs: [] }], [encodeV2(one, { crc32c }), one]] as const
      ) {
        const result = { state: "done", header: expected, length: bytes.length };
        assert.deepEqual(decodeProxyHeader(bytesOf(bytes, payload)), result);
        assert.deepEqual(feedByteByByte(bytesOf(bytes, payload)), { result, after: bytes.length });
        const ends = [one.source, one.destination].map(({ address, port }) => `${spelledOut(address)} ${port}`).join(
          " ",
        );
        assert.equal(referenceReading(bytesOf(bytes, payload)), `PROXY ${ends} length ${bytes.length}`);
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("encodeV2() writes the TLVs of the header, then those of the options, and a checksum over all", () => {
  fc.assert(
    fc.property(proxied, fc.array(someTlv, { maxLength: 3 }), (one, added) => {
      const bytes = encodeV2(one, { tlvs: added, crc32c: true });
      const result = decodeProxyHeader(bytes);
      assert.ok(result.state === "done");
      assert.deepEqual(result.header, { ...one, tlvs: [...one.tlvs, ...added] });
      const at = 16 + (one.family === "IPv4" ? 12 : 36) + 3;
      const sum = bitwiseSum(bytes.map((byte, index) => index >= at && index < at + 4 ? 0 : byte));
      assert.equal(new DataView(bytes.buffer).getUint32(at), sum);
    }),
    { numRuns: 200 },
  );
});

Deno.test("readSslTlv() reads what sslTlv() wrote", () => {
  fc.assert(fc.property(sslDetails, (details) => assert.deepEqual(readSslTlv(sslTlv(details)), details)));
});
