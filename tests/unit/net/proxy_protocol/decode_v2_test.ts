/** Version 2 headers, from section 2.2 of the specification. @module */

import assert from "node:assert/strict";
import { decodeProxyHeader } from "../../../../src/net/proxy_protocol/decode.ts";
import type { ProxyHeader } from "../../../../src/net/proxy_protocol/header.ts";
import { bytesOf, feedByteByByte } from "./feed.ts";

const SIGNATURE = "0d0a0d0a000d0a515549540a";

/** 192.0.2.1:54321 to 203.0.113.9:443. */
const INET = "c0000201cb007109d43101bb";
/** [2001:db8::1]:1 to [2001:db8:0:1::ff]:65535. */
const INET6 = "20010db8000000000000000000000001" + "20010db80000000100000000000000ff" + "0001ffff";
const UNIX = "2f746d702f61".padEnd(216, "0") + "2f746d702f62".padEnd(216, "0");

/** A header from hexadecimal text: version and command, family and transport, and the rest, whose length is added. */
function v2(start: string, rest: string, length = rest.length / 2): string {
  return SIGNATURE + start + length.toString(16).padStart(4, "0") + rest;
}

function tlv(type: string, value: string, length = value.length / 2): string {
  return type + length.toString(16).padStart(4, "0") + value;
}

function inet(...tlvs: readonly [type: number, value: string][]): ProxyHeader {
  return {
    command: "PROXY",
    family: "IPv4",
    source: { address: "192.0.2.1", port: 54321 },
    destination: { address: "203.0.113.9", port: 443 },
    tlvs: tlvs.map(([type, value]) => ({ type, value: Uint8Array.fromHex(value) })),
  };
}

function inet6(source: string, sourcePort: number, destination: string, destinationPort: number): ProxyHeader {
  return {
    command: "PROXY",
    family: "IPv6",
    source: { address: source, port: sourcePort },
    destination: { address: destination, port: destinationPort },
    tlvs: [],
  };
}

const UNKNOWN: ProxyHeader = { command: "UNKNOWN" };
const LOCAL: ProxyHeader = { command: "LOCAL" };
const ZERO6 = "0".repeat(32);

const valid: readonly [name: string, hex: string, header: ProxyHeader][] = [
  ["TCP over IPv4", v2("2111", INET), inet()],
  ["TCP over IPv6", v2("2121", INET6), inet6("2001:db8::1", 1, "2001:db8:0:1::ff", 65535)],
  ["addresses and ports of zero", v2("2121", ZERO6 + ZERO6 + "00000000"), inet6("::", 0, "::", 0)],
  [
    "IPv4 inside IPv6",
    v2("2121", "00000000000000000000ffffc0000201" + ZERO6.slice(1) + "1" + "00500051"),
    inet6("::ffff:c000:201", 80, "::1", 81),
  ],
  ["one TLV", v2("2111", INET + tlv("02", "6578")), inet([2, "6578"])],
  ["an empty TLV", v2("2111", INET + tlv("05", "")), inet([5, ""])],
  [
    "two TLVs of a type, in order",
    v2("2111", INET + tlv("e0", "01") + tlv("e0", "02")),
    inet([0xe0, "01"], [0xe0, "02"]),
  ],
  ["types nobody has registered", v2("2111", INET + tlv("00", "") + tlv("ff", "aa")), inet([0, ""], [255, "aa"])],
  ["padding, which is ignored", v2("2111", INET + tlv("04", "0000") + tlv("04", "")), inet()],
  ["a TLV of 300 bytes", v2("2111", INET + tlv("e1", "ab".repeat(300))), inet([0xe1, "ab".repeat(300)])],
  ["a unique id of 128 bytes", v2("2111", INET + tlv("05", "cd".repeat(128))), inet([5, "cd".repeat(128)])],
  ["the greatest length", v2("2111", INET + tlv("e2", "00".repeat(65520))), inet([0xe2, "00".repeat(65520)])],
  ["an SSL TLV, as it is", v2("2111", INET + tlv("20", "0100000000")), inet([0x20, "0100000000"])],
  ["a checksum", v2("2111", INET + tlv("03", "1ecc653b")), inet()],
  ["a checksum behind a TLV", v2("2111", INET + tlv("02", "6161") + tlv("03", "e9474110")), inet([2, "6161"])],
  ["LOCAL", v2("2000", ""), LOCAL],
  ["LOCAL with a family, which is ignored", v2("2011", INET), LOCAL],
  ["LOCAL with an unassigned family", v2("20ff", ""), LOCAL],
  ["LOCAL with less than an address block", v2("2021", "0102"), LOCAL],
  ["LOCAL with a broken TLV", v2("2011", INET + "0100"), LOCAL],
  ["UNSPEC", v2("2100", ""), UNKNOWN],
  ["UNSPEC with bytes of no form", v2("2100", "deadbeef"), UNKNOWN],
  ["UNSPEC with what is nearly a checksum", v2("2100", "030000"), UNKNOWN],
  ["UNSPEC with 3.0.9.1, which looks like a TLV", v2("2101", "03000901cb007109d43101bb"), UNKNOWN],
  ["UNSPEC with a checksum", v2("2100", tlv("03", "3ec9894e")), UNKNOWN],
  ["UNSPEC with what looks like two checksums", v2("2100", tlv("03", "00000000").repeat(2)), UNKNOWN],
  ["UNSPEC over TCP", v2("2101", "0102"), UNKNOWN],
  ["UNSPEC over UDP", v2("2102", ""), UNKNOWN],
  ["IPv4 over UNSPEC", v2("2110", INET), UNKNOWN],
  ["IPv6 over UNSPEC, short", v2("2120", "00"), UNKNOWN],
  ["UDP over IPv4", v2("2112", INET), UNKNOWN],
  ["UDP over IPv6 with a TLV", v2("2122", INET6 + tlv("e0", "01")), UNKNOWN],
  ["a UNIX stream", v2("2131", UNIX), UNKNOWN],
  ["UNIX datagrams with a TLV", v2("2132", UNIX + tlv("01", "6832")), UNKNOWN],
  ["UNIX over UNSPEC", v2("2130", ""), UNKNOWN],
];

for (const [name, hex, header] of valid) {
  Deno.test(`decodeProxyHeader() reads version 2 with ${name}`, () => {
    const bytes = Uint8Array.fromHex(hex);
    const expected = { state: "done", header, length: bytes.length } as const;
    for (const payload of ["", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01", "\0"]) {
      assert.deepEqual(decodeProxyHeader(bytesOf(bytes, payload)), expected);
    }
    // Byte by byte is slow with a copy for each of 65,551 bytes; its first and last hundred show all there is to see.
    if (bytes.length < 1000) {
      assert.deepEqual(feedByteByByte(bytesOf(bytes, "GET /")), { result: expected, after: bytes.length });
    } else {
      for (let left = 1; left < 100; left++) {
        const result = decodeProxyHeader(bytes.subarray(0, bytes.length - left));
        assert.deepEqual(result, { state: "incomplete", atLeast: bytes.length });
      }
    }
  });
}

/** A header, and after how many of its bytes it can be seen to be wrong; by default when it is whole. */
const wrong: readonly [name: string, hex: string, after?: number][] = [
  ["an HTTP request after an empty line", "0d0a474554202f", 3],
  ["the signature without its NUL", "0d0a0d0a0d0a", 5],
  ["another last byte of the signature", "0d0a0d0a000d0a515549540d2111000c" + INET, 12],
  ["version 1", v2("1111", INET), 13],
  ["version 3", v2("3111", INET), 13],
  ["version 0", v2("0111", INET), 13],
  ["command 2", v2("2211", INET), 13], // nginx accepts unassigned commands
  ["command 15", v2("2f11", INET), 13],
  ["family 4", v2("2141", INET), 14],
  ["family 15", v2("21f1", INET), 14],
  ["transport 3", v2("2113", INET), 14],
  ["transport 15", v2("211f", INET), 14],
  ["UNSPEC over transport 3", v2("2103", ""), 14],
  ["no addresses for TCP over IPv4", v2("2111", ""), 16],
  ["11 bytes for IPv4", v2("2111", INET.slice(2)), 16],
  ["IPv4 addresses for IPv6", v2("2121", INET), 16],
  ["35 bytes for IPv6", v2("2121", INET6.slice(2)), 16],
  ["11 bytes for UDP over IPv4", v2("2112", INET.slice(2)), 16],
  ["35 bytes for UDP over IPv6", v2("2122", INET6.slice(2)), 16],
  ["215 bytes for UNIX", v2("2131", UNIX.slice(2)), 16],
  ["one byte behind the addresses", v2("2111", INET + "00")],
  ["two bytes behind the addresses", v2("2111", INET + "0400")],
  ["a TLV that is one byte short", v2("2111", INET + tlv("02", "6578", 3))],
  ["a TLV that goes on far behind the header", v2("2111", INET + tlv("02", "", 0xffff))],
  ["one byte behind a TLV", v2("2111", INET + tlv("02", "6578") + "01")],
  ["a truncated TLV behind IPv6", v2("2121", INET6 + "0200")],
  ["a truncated TLV behind UDP", v2("2112", INET + "02")],
  ["a truncated TLV behind UNIX", v2("2131", UNIX + "0200")],
  ["a unique id of 129 bytes", v2("2111", INET + tlv("05", "cd".repeat(129)))],
  ["a wrong checksum", v2("2111", INET + tlv("03", "1ecc653c"))], // nginx accepts a wrong one
  ["a checksum of zero", v2("2111", INET + tlv("03", "00000000"))],
  ["a checksum in the other byte order", v2("2111", INET + tlv("03", "3b65cc1e"))],
  ["a checksum of other addresses", v2("2111", INET.replace("c0000201", "c0000202") + tlv("03", "1ecc653b"))],
  ["a checksum of 3 bytes", v2("2111", INET + tlv("03", "1ecc65"))],
  ["a checksum of 5 bytes", v2("2111", INET + tlv("03", "1ecc653b00"))],
  ["a checksum of 5 bytes, the first four right", v2("2111", INET + tlv("03", "370e672400"))],
  ["two checksums, the first right", v2("2111", INET + tlv("03", "61c561a5") + tlv("03", "00000000"))],
  ["an empty checksum", v2("2111", INET + tlv("03", ""))],
  ["two checksums", v2("2111", INET + tlv("03", "00000000") + tlv("03", "00000000"))],
  ["a wrong checksum behind UDP", v2("2112", INET + tlv("03", "1ecc653b"))],
  ["a wrong checksum behind UNIX", v2("2131", UNIX + tlv("03", "1ecc653b"))],
  ["a wrong checksum behind UNSPEC", v2("2100", tlv("03", "3ec9894f"))],
];

for (const [name, hex, after = hex.length / 2] of wrong) {
  Deno.test(`decodeProxyHeader() refuses version 2 with ${name} after ${after} bytes`, () => {
    const bytes = bytesOf(Uint8Array.fromHex(hex), "GET / HTTP/1.1\r\n\r\n");
    const verdict = feedByteByByte(bytes);
    assert.equal(verdict.result.state, "invalid");
    assert.equal(verdict.after, after);
    const { result } = verdict;
    assert.ok(result.state === "invalid" && /^[A-Z][ -~]*[^.]$/.test(result.reason), JSON.stringify(result));
  });
}

Deno.test("decodeProxyHeader() refuses every version and command but two, every unassigned family and transport", () => {
  for (let byte = 0; byte < 256; byte++) {
    const hex = byte.toString(16).padStart(2, "0");
    const command = decodeProxyHeader(Uint8Array.fromHex(v2(`${hex}00`, "")));
    assert.equal(command.state === "done", byte === 0x20 || byte === 0x21, `version and command ${hex}`);
    const kind = decodeProxyHeader(Uint8Array.fromHex(v2(`21${hex}`, "00".repeat(216))));
    assert.equal(kind.state === "done", byte >> 4 <= 3 && (byte & 15) <= 2, `family and transport ${hex}`);
    const local = decodeProxyHeader(Uint8Array.fromHex(v2(`20${hex}`, "00".repeat(5))));
    assert.deepEqual(local, { state: "done", header: LOCAL, length: 21 });
  }
});

Deno.test("decodeProxyHeader() finds every single flipped bit in a header with a checksum", () => {
  const bytes = Uint8Array.fromHex(v2("2111", INET + tlv("02", "6161") + tlv("03", "e9474110")));
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.map((byte, index) => index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte);
    const result = decodeProxyHeader(flipped);
    // The one thing that a checksum cannot tell: PROXY has become LOCAL, or the checksum's TLV another, or the
    // family UNSPEC with the addresses where TLVs would be. None of them is another address.
    if (result.state === "done" && result.header.command === "PROXY") {
      assert.deepEqual(result.header.source, { address: "192.0.2.1", port: 54321 }, `bit ${bit}`);
      assert.ok(bit >> 3 >= bytes.length - 7 && bit >> 3 < bytes.length - 6, `bit ${bit}`);
    }
  }
});

Deno.test("decodeProxyHeader() shares no memory with the bytes it read", () => {
  const bytes = Uint8Array.fromHex(v2("2111", INET + tlv("02", "6578")));
  const result = decodeProxyHeader(bytes);
  bytes.fill(0);
  assert.ok(result.state === "done");
  assert.deepEqual(result.header, inet([2, "6578"]));
});

Deno.test("decodeProxyHeader() reads a view into a larger buffer, and shared memory", () => {
  const bytes = Uint8Array.fromHex(v2("2111", INET + tlv("03", "1ecc653b")));
  const larger = bytesOf("PROXY", bytes, "rest");
  assert.deepEqual(decodeProxyHeader(larger.subarray(5)), { state: "done", header: inet(), length: bytes.length });
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  assert.deepEqual(decodeProxyHeader(shared), { state: "done", header: inet(), length: bytes.length });
});
