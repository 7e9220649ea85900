/** Addresses are read strictly and written in one way. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  canonicalAddress,
  familyOf,
  formatEndpoint,
  isLoopback,
  isWildcard,
  parseCidr,
  parseEndpoint,
  parseIpv4,
  parseIpv6,
  peerFamily,
  plainPeerAddress,
} from "../../../src/net/ip.ts";

const octets = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 });
const sparseGroup = fc.oneof(fc.constant(0), fc.nat(0xffff));
const groups = fc.array(sparseGroup, { minLength: 8, maxLength: 8 });
const port = fc.integer({ min: 1, max: 65535 });

/** Writes eight groups in one of the many legal ways: letters of either case, leading zeros, `::`, an IPv4 tail. */
const spelled = fc.record({
  groups,
  upper: fc.boolean(),
  padded: fc.boolean(),
  ipv4Tail: fc.boolean(),
  shortenAt: fc.nat(7),
}).map(({ groups, upper, padded, ipv4Tail, shortenAt }) => {
  const hex = (group: number) => {
    const text = group.toString(16).padStart(padded ? 4 : 1, "0");
    return upper ? text.toUpperCase() : text;
  };
  const [g = 0, h = 0] = groups.slice(6);
  const words = groups.slice(0, ipv4Tail ? 6 : 8).map(hex);
  if (ipv4Tail) words.push([g >> 8, g & 255, h >> 8, h & 255].join("."));
  const isZero = (index: number) => groups[index] === 0 && index < (ipv4Tail ? 6 : 8);
  if (!isZero(shortenAt)) return { groups, text: words.join(":") };
  let end = shortenAt;
  while (isZero(end)) end++;
  return { groups, text: `${words.slice(0, shortenAt).join(":")}::${words.slice(end).join(":")}` };
});

Deno.test("parseIpv4() reads every dotted quad", () => {
  fc.assert(fc.property(octets, (value) => assert.deepEqual(parseIpv4(value.join(".")), value)));
});

Deno.test("parseIpv4() refuses everything that some program reads in another way", () => {
  const refused = [
    "",
    "1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.04",
    "0x7f.0.0.1",
    "1.2.3.-4",
    "1.2.3.+4",
    "1.2.3. 4",
    " 1.2.3.4",
    "1.2.3.4 ",
    "1.2.3.4\n",
    "1..3.4",
    "1.2.3.4e0",
    "１.2.3.4",
    "2130706433",
  ];
  for (const text of refused) assert.equal(parseIpv4(text), undefined, text);
});

Deno.test("parseIpv6() reads the examples of RFC 4291 and RFC 5952, and canonicalAddress() writes them as RFC 5952 says", () => {
  const vectors = [
    ["ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"],
    ["2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"],
    ["FF01:0:0:0:0:0:0:101", "ff01::101"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["0:0:0:0:0:0:13.1.68.3", "::d01:4403"],
    ["::FFFF:129.144.52.38", "::ffff:8190:3426"],
    ["2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8::0:1", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8::aaaa:0:0:1", "2001:db8::aaaa:0:0:1"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["fe80::", "fe80::"],
  ] as const;
  for (const [text, canonical] of vectors) assert.equal(canonicalAddress(text), canonical, text);
});

Deno.test("parseIpv6() refuses what is not an IPv6 address", () => {
  const refused = [
    "",
    ":",
    ":::",
    "1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "1:2:3:4::5:6:7:8",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    "12345::",
    "g::",
    "::1%eth0",
    "[::1]",
    "::1/64",
    " ::1",
    "1.2.3.4",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "::1.2.3",
    "::01.2.3.4",
    "::256.2.3.4",
    "1:2:3:4:5:6:7:1.2.3.4",
  ];
  for (const text of refused) assert.equal(parseIpv6(text), undefined, text);
});

Deno.test("parseIpv6() reads every spelling of an address into the same groups", () => {
  fc.assert(fc.property(spelled, ({ groups, text }) => assert.deepEqual(parseIpv6(text), groups, text)));
});

Deno.test("canonicalAddress() is one text for all spellings, stays as it is, and means the same address", () => {
  fc.assert(fc.property(spelled, ({ groups, text }) => {
    const canonical = canonicalAddress(text);
    assert.equal(canonical, canonicalAddress(groups.map((group) => group.toString(16)).join(":")));
    assert.equal(canonicalAddress(canonical), canonical);
    assert.deepEqual(parseIpv6(canonical), groups);
  }));
});

Deno.test("canonicalAddress() agrees with the URL standard", () => {
  fc.assert(fc.property(spelled, ({ text }) => {
    assert.equal(`[${canonicalAddress(text)}]`, new URL(`http://[${text}]/`).hostname);
  }));
});

Deno.test("canonicalAddress() leaves everything else alone", () => {
  for (const text of ["10.0.0.1", "example.com", "localhost", ""]) assert.equal(canonicalAddress(text), text);
});

Deno.test("familyOf() tells the families apart and knows no family of names", () => {
  const vectors = [
    ["10.0.0.1", "IPv4"],
    ["0.0.0.0", "IPv4"],
    ["::", "IPv6"],
    ["::ffff:10.0.0.1", "IPv6"],
    ["localhost", undefined],
    ["10.0.0", undefined],
    ["", undefined],
  ] as const;
  for (const [text, family] of vectors) assert.equal(familyOf(text), family, text);
});

Deno.test("parseEndpoint() reads back what formatEndpoint() writes", () => {
  const address = fc.oneof(octets.map((value) => value.join(".")), spelled.map(({ text }) => canonicalAddress(text)));
  fc.assert(fc.property(address, port, (address, port) => {
    assert.deepEqual(parseEndpoint(formatEndpoint(address, port)), { address, port });
  }));
});

Deno.test("parseEndpoint() puts the address into its one form", () => {
  assert.deepEqual(parseEndpoint("[2001:DB8::0:1]:80"), { address: "2001:db8::1", port: 80 });
  assert.deepEqual(parseEndpoint("localhost:80"), { address: "localhost", port: 80 });
});

Deno.test("parseEndpoint() refuses what is not an address and a port", () => {
  const refused = [
    "",
    "10.0.0.1",
    ":80",
    "10.0.0.1:",
    "10.0.0.1:0",
    "10.0.0.1:65536",
    "10.0.0.1:999999",
    "10.0.0.1:-1",
    "10.0.0.1:8o",
    "10.0.0.1:80 ",
    "::1:80",
    "[::1]",
    "[::1]80",
    "[10.0.0.1]:80",
    "[]:80",
    "[::1:80",
    "::1]:80",
  ];
  for (const text of refused) assert.equal(parseEndpoint(text), undefined, text);
});

Deno.test("isLoopback() knows every address that only this machine reaches", () => {
  const vectors = [
    ["127.0.0.1", true],
    ["127.255.255.254", true],
    ["::1", true],
    ["0:0:0:0:0:0:0:1", true],
    ["localhost", true],
    ["0.0.0.0", false],
    ["::", false],
    ["128.0.0.1", false],
    ["10.127.0.1", false],
    ["::2", false],
    ["127.example.com", false],
  ] as const;
  for (const [text, expected] of vectors) assert.equal(isLoopback(text), expected, text);
});

Deno.test("isWildcard() knows both wildcards in every spelling", () => {
  for (const text of ["0.0.0.0", "::", "0::0", "0:0:0:0:0:0:0:0"]) assert.equal(isWildcard(text), true, text);
  for (const text of ["0.0.0.1", "::1", "127.0.0.1", "0"]) assert.equal(isWildcard(text), false, text);
});

Deno.test("plainPeerAddress() and peerFamily() see through the mapping of a dual-stack socket", () => {
  const vectors = [
    ["::ffff:192.0.2.1", "192.0.2.1", "IPv4"],
    ["192.0.2.1", "192.0.2.1", "IPv4"],
    ["2001:db8::1", "2001:db8::1", "IPv6"],
    ["::ffff:c000:201", "192.0.2.1", "IPv4"],
    ["::fffe:c000:201", "::fffe:c000:201", "IPv6"],
    ["::ffff:1:c000:201", "::ffff:1:c000:201", "IPv6"],
  ] as const;
  for (const [address, plain, family] of vectors) {
    assert.equal(plainPeerAddress(address), plain);
    assert.equal(peerFamily(address), family);
  }
});

Deno.test("parseCidr() reads blocks and single addresses", () => {
  const vectors = [
    ["192.0.2.0/24", { family: "IPv4", prefix: 24 }],
    ["0.0.0.0/0", { family: "IPv4", prefix: 0 }],
    ["192.0.2.1", { family: "IPv4", prefix: 32 }],
    ["192.0.2.1/32", { family: "IPv4", prefix: 32 }],
    ["2001:db8::/32", { family: "IPv6", prefix: 32 }],
    ["::/0", { family: "IPv6", prefix: 0 }],
    ["::1", { family: "IPv6", prefix: 128 }],
    ["::1/128", { family: "IPv6", prefix: 128 }],
  ] as const;
  for (const [text, expected] of vectors) assert.deepEqual(parseCidr(text), expected, text);
});

Deno.test("parseCidr() refuses what is not a block", () => {
  const refused = [
    "",
    "/",
    "192.0.2.0/",
    "/24",
    "192.0.2.0/33",
    "192.0.2.0/024",
    "192.0.2.0/-1",
    "192.0.2.0/24/24",
    "192.0.2/24",
    "192.0.2.0/255.255.255.0",
    "::/129",
    "::/1e1",
    "192.0.2.0/ 24",
    "example.com/24",
  ];
  for (const text of refused) assert.equal(parseCidr(text), undefined, text);
});
