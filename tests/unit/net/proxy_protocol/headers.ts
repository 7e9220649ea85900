/** Headers of every kind, and what reading one comes to in the words of the reference. @module */

import type { DecodeResult, ProxyHeader } from "../../../../src/net/proxy_protocol/header.ts";
import { authorityTlv, noopTlv, uniqueIdTlv } from "../../../../src/net/proxy_protocol/tlv.ts";
import { encodeV2 } from "../../../../src/net/proxy_protocol/v2.ts";
import { bytesOf } from "./feed.ts";
import { spelledOut } from "./reference.ts";

const tcp4: ProxyHeader = {
  command: "PROXY",
  family: "IPv4",
  source: { address: "192.0.2.1", port: 54321 },
  destination: { address: "203.0.113.9", port: 443 },
  tlvs: [],
};
const tcp6: ProxyHeader = {
  command: "PROXY",
  family: "IPv6",
  source: { address: "2001:db8::1", port: 54321 },
  destination: { address: "2001:db8:0:1::ff", port: 443 },
  tlvs: [],
};
const tlvs = [authorityTlv("example.com"), noopTlv(2), uniqueIdTlv(new Uint8Array(126).fill(7))];

/** Good headers of both versions. */
export const headerSeeds: readonly Uint8Array[] = [
  "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
  "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
  "PROXY TCP4 1.10.100.0 25.250.249.199 0 6553\r\n",
  "PROXY TCP6 2001:db8::1 2001:db8:1:2:3:4:5:6 5000 443\r\n",
  "PROXY TCP6 ::ffff:192.0.2.1 :: 5000 443\r\n",
  `PROXY TCP6 ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535\r\n`,
  "PROXY UNKNOWN\r\n",
  `PROXY UNKNOWN ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535\r\n`,
].map((line) => bytesOf(line)).concat([
  encodeV2(tcp4),
  encodeV2(tcp4, { tlvs }),
  encodeV2(tcp4, { tlvs, crc32c: true }),
  encodeV2(tcp6),
  encodeV2(tcp6, { crc32c: true }),
  encodeV2(tcp6, { tlvs }),
  encodeV2({ command: "UNKNOWN" }, { crc32c: true }),
  encodeV2({ command: "LOCAL" }),
  bytesOf(encodeV2({ command: "LOCAL" }).subarray(0, 12), "\x21\x31\x00\xd8", new Uint8Array(216)),
]);

/** A result in the words of the reference. */
export function resultInWords(result: DecodeResult): string {
  if (result.state !== "done") return result.state;
  const { header, length } = result;
  if (header.command !== "PROXY") return `${header.command} length ${length}`;
  const ends = [header.source, header.destination].map(({ address, port }) => `${spelledOut(address)} ${port}`);
  return `PROXY ${ends.join(" ")} length ${length}`;
}
