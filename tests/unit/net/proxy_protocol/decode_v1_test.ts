/** Version 1 headers, from section 2.1 of the specification. @module */

import assert from "node:assert/strict";
import { decodeProxyHeader } from "../../../../src/net/proxy_protocol/decode.ts";
import type { ProxyHeader } from "../../../../src/net/proxy_protocol/header.ts";
import { bytesOf, feedByteByByte } from "./feed.ts";

function tcp(source: string, sourcePort: number, destination: string, destinationPort: number): ProxyHeader {
  return {
    command: "PROXY",
    family: source.includes(":") ? "IPv6" : "IPv4",
    source: { address: source, port: sourcePort },
    destination: { address: destination, port: destinationPort },
    tlvs: [],
  };
}

const UNKNOWN: ProxyHeader = { command: "UNKNOWN" };
const LONG_IPV6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

const valid: readonly [line: string, header: ProxyHeader][] = [
  ["PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", tcp("192.168.0.1", 56324, "192.168.0.11", 443)],
  ["PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", tcp("0.0.0.0", 0, "0.0.0.0", 0)],
  [
    "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
    tcp("255.255.255.255", 65535, "255.255.255.255", 65535),
  ],
  ["PROXY TCP6 :: ::1 1 10\r\n", tcp("::", 1, "::1", 10)],
  ["PROXY TCP6 2001:db8::1 2001:db8::2 5000 443\r\n", tcp("2001:db8::1", 5000, "2001:db8::2", 443)],
  ["PROXY TCP6 2001:DB8:0:0:0:0:0:A 2001:0db8:0000::000b 1 2\r\n", tcp("2001:db8::a", 1, "2001:db8::b", 2)],
  ["PROXY TCP6 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1 2\r\n", tcp("1:2:3:4:5:6:7:0", 1, "0:2:3:4:5:6:7:8", 2)],
  ["PROXY TCP6 ::ffff:192.0.2.1 64:ff9b::192.0.2.33 1 2\r\n", tcp("::ffff:c000:201", 1, "64:ff9b::c000:221", 2)],
  [`PROXY TCP6 ${LONG_IPV6} ${LONG_IPV6} 65535 65535\r\n`, tcp(LONG_IPV6, 65535, LONG_IPV6, 65535)],
  ["PROXY UNKNOWN\r\n", UNKNOWN],
  ["PROXY UNKNOWN \r\n", UNKNOWN],
  [`PROXY UNKNOWN ${LONG_IPV6} ${LONG_IPV6} 65535 65535\r\n`, UNKNOWN], // the worst case, 107 bytes
  ["PROXY UNKNOWN 256.0.0.1  70000 whatever\r\n", UNKNOWN],
  ["PROXY UNKNOWN a\rb\nc\n\r\0\xff\r\n", UNKNOWN], // neither CR nor LF alone ends the line
  ["PROXY UNKNOWN \r\r\n", UNKNOWN],
];

for (const [line, header] of valid) {
  Deno.test(`decodeProxyHeader() reads ${JSON.stringify(line)}`, () => {
    const expected = { state: "done", header, length: line.length } as const;
    for (const payload of ["", "GET / HTTP/1.1\r\n\r\n", "\r\n", line, "\n", "\x16\x03\x01"]) {
      assert.deepEqual(decodeProxyHeader(bytesOf(line, payload)), expected);
      assert.deepEqual(feedByteByByte(bytesOf(line, payload)), { result: expected, after: line.length });
    }
  });
}

/** A line, and after how many of its bytes it can be seen to be wrong; by default when its CRLF is there. */
const wrong: readonly [line: string, after?: number][] = [
  ["G", 1],
  ["proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n", 1],
  [" PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n", 1],
  ["\nPROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n", 1],
  ["PROPFIND / HTTP/1.1\r\n", 4],
  ["PROXY\r\n", 6],
  ["PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n", 7],
  ["PROXY\tTCP4 1.1.1.1 2.2.2.2 1 2\r\n", 6],
  ["PROXY \r\n", 7],
  ["PROXY tcp4 1.1.1.1 2.2.2.2 1 2\r\n", 7],
  ["PROXY TCP 1.1.1.1 2.2.2.2 1 2\r\n", 10],
  ["PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n", 10],
  ["PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n", 8],
  ["PROXY TCP4\r\n", 11],
  ["PROXY TCP4\t1.1.1.1 2.2.2.2 1 2\r\n", 11],
  ["PROXY UNKNOWN\n", 14],
  ["PROXY UNKNOWN\rX", 15],
  ["PROXY UNKNOWNX\r\n", 14],
  ["PROXY UNKNOW\r\n", 13],
  ["PROXY TCP4 \r\n"],
  ["PROXY TCP4 1.1.1.1\r\n"],
  ["PROXY TCP4 1.1.1.1 2.2.2.2\r\n"],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n"],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 1 \r\n"],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n"],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n"],
  ["PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n"],
  ["PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n"],
  ["PROXY TCP4 1.1.1.1 2.2.2.2  1 2\r\n"],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 1  2\r\n"],
  ["PROXY TCP4 1.1.1.1\t2.2.2.2 1 2\r\n", 19],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n", 31],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\r\n", 32],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 1 2\rGET", 32],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 1 2\0\r\n", 31],
  ["PROXY TCP4 256.0.113.7 2.2.2.2 1 2\r\n"], // HAProxy 2.6 reads 0.0.113.7
  ["PROXY TCP4 1.1.1.1 2.2.2.256 1 2\r\n"],
  ["PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n"], // nginx and HAProxy accept three octets
  ["PROXY TCP4 1.1.1.1 2.2.2 1 2\r\n"],
  ["PROXY TCP4 1.1.1.1.1 2.2.2.2 1 2\r\n"],
  ["PROXY TCP4 1..1.1 2.2.2.2 1 2\r\n"],
  ["PROXY TCP4 .1.1.1 2.2.2.2 1 2\r\n"],
  ["PROXY TCP4 1.1.1. 2.2.2.2 1 2\r\n"],
  ["PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n"],
  ["PROXY TCP4 1.1.1.00 2.2.2.2 1 2\r\n"],
  ["PROXY TCP4 1.1.1.0001 2.2.2.2 1 2\r\n"],
  ["PROXY TCP4 16843009 2.2.2.2 1 2\r\n"],
  ["PROXY TCP4 0x1.1.1.1 2.2.2.2 1 2\r\n", 13],
  ["PROXY TCP4 +1.1.1.1 2.2.2.2 1 2\r\n", 12],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n", 28],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n"], // HAProxy accepts 65536
  ["PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n"],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 1 99999\r\n"],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 1 4294967297\r\n"],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n"],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 1 00\r\n"],
  ["PROXY TCP4 1.1.1.1 2.2.2.2 1. 2\r\n"],
  ["PROXY TCP4 ::1 ::2 1 2\r\n", 12],
  ["PROXY TCP4 1.1.1.1 ::2 1 2\r\n", 20],
  ["PROXY TCP4 host 2.2.2.2 1 2\r\n", 12],
  [`PROXY TCP4 ${"1".repeat(90)}\r\n`, 55],
  ["PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n"],
  ["PROXY TCP6 ::1 2.2.2.2 1 2\r\n"],
  ["PROXY TCP6 1:2:3:4:5:6:7 ::2 1 2\r\n"],
  ["PROXY TCP6 1:2:3:4:5:6:7:8:9 ::2 1 2\r\n"],
  ["PROXY TCP6 1:2:3:4::5:6:7:8 ::2 1 2\r\n"], // no group left for ::
  ["PROXY TCP6 1::2::3 ::2 1 2\r\n"],
  ["PROXY TCP6 ::: ::2 1 2\r\n"],
  ["PROXY TCP6 : ::2 1 2\r\n"],
  ["PROXY TCP6 :1:2:3:4:5:6:7 ::2 1 2\r\n"],
  ["PROXY TCP6 1:2:3:4:5:6:7: ::2 1 2\r\n"],
  ["PROXY TCP6 ::12345 ::2 1 2\r\n"],
  ["PROXY TCP6 ::ffff:1.2.3 ::2 1 2\r\n"],
  ["PROXY TCP6 ::ffff:256.2.3.4 ::2 1 2\r\n"],
  ["PROXY TCP6 ::1.2.3.4:5 ::2 1 2\r\n"],
  ["PROXY TCP6 1.2.3.4::1 ::2 1 2\r\n"],
  ["PROXY TCP6 ::g ::2 1 2\r\n", 14],
  ["PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n", 19],
  ["PROXY TCP6 [::1] ::2 1 2\r\n", 12],
  ["PROXY TCP6 ::1/64 ::2 1 2\r\n", 15],
  ["PROXY TCP6 ::1 ::2 1 65536\r\n"],
  [`PROXY TCP6 ${LONG_IPV6} ${LONG_IPV6} 65535 65535 0\r\n`], // short enough, but a fifth field
  [`PROXY TCP6 ${LONG_IPV6} ${LONG_IPV6} 65535 65535 000\r\n`, 106],
  [`PROXY TCP6 ${"0".repeat(100)}\r\n`, 106],
  [`PROXY UNKNOWN ${"x".repeat(92)}\r\n`, 106], // 108 bytes: at the 106th there is no room left for CRLF
  [`PROXY UNKNOWN ${"x".repeat(91)}\r\r\n`, 107],
  [`PROXY UNKNOWN ${"x".repeat(60000)}`, 106],
];

for (const [line, after = line.indexOf("\r\n") + 2] of wrong) {
  Deno.test(`decodeProxyHeader() refuses ${JSON.stringify(line.slice(0, 120))} after ${after} bytes`, () => {
    const verdict = feedByteByByte(bytesOf(line));
    assert.equal(verdict.result.state, "invalid");
    assert.equal(verdict.after, after);
    const whole = decodeProxyHeader(bytesOf(line));
    assert.ok(whole.state === "invalid" && /^[A-Z][ -~]*[^.]$/.test(whole.reason) && whole.reason.length < 500);
  });
}

Deno.test("decodeProxyHeader() never takes a beginning of a valid line for a whole or a wrong one", () => {
  for (const [line] of valid) {
    for (let length = 0; length < line.length; length++) {
      assert.equal(decodeProxyHeader(bytesOf(line.slice(0, length))).state, "incomplete", `${length} of ${line}`);
    }
  }
});

Deno.test("decodeProxyHeader() asks for as many bytes as the shortest header still possible has", () => {
  const asked: readonly [string, number][] = [
    ["", 15],
    ["P", 15],
    ["PROXY T", 22],
    ["PROXY TCP4", 32],
    ["PROXY TCP6 ", 22],
    ["PROXY UNKNOWN", 15],
    ["PROXY UNKNOWN\r", 15],
    ["PROXY UNKNOWN ", 16],
    ["PROXY TCP4 1.1.1.1 2.2.2.2 1111 2222", 38],
    ["PROXY TCP4 1.1.1.1 2.2.2.2 1111 2222\r", 38],
    ["\r", 16],
    ["\r\n\r\n\0\r\nQUIT\n!\x11", 16],
    ["\r\n\r\n\0\r\nQUIT\n!\x11\0", 16],
    ["\r\n\r\n\0\r\nQUIT\n!\x11\x02\x01", 16 + 513],
  ];
  for (const [text, atLeast] of asked) {
    assert.deepEqual(decodeProxyHeader(bytesOf(text)), { state: "incomplete", atLeast }, JSON.stringify(text));
  }
});
