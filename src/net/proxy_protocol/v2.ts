/**
 * Version 2 of the PROXY protocol: sixteen bytes, an address block and type-length-values (section 2.2).
 *
 * @module
 */

import { canonicalAddress, type IpFamily, parseIpv4, parseIpv6 } from "../ip.ts";
import { crc32c } from "./crc32c.ts";
import { checkedEndpoint } from "./endpoint.ts";
import { type DecodeResult, hex, invalid, type ProxyEndpoint, type ProxyHeader, type Tlv } from "./header.ts";
import { type PlacedTlv, readTlvs, TLV_HEAD, TlvType, UNIQUE_ID_LONGEST, writeTlvs } from "./tlv.ts";

const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);

/** The first byte of every version 2 header, CR. */
export const V2_START = 0x0d;

/** Bytes before the address block: signature, version and command, family and transport, length. */
const HEAD = 16;

/** The length field has sixteen bits. */
const LONGEST_REST = 0xffff;

const LOCAL = 0x20;
const PROXY = 0x21;

/** Bytes of the address block by family; the index is the family's number. */
const ADDRESS_BLOCKS = [0, 12, 36, 216];

const STREAM_FAMILIES: ReadonlyMap<number, IpFamily> = new Map([[0x11, "IPv4"], [0x21, "IPv6"]]);

/**
 * Reads a version 2 header at the start of `bytes` (section 2.2).
 *
 * Only TCP over IPv4 and IPv6 give addresses. For every other assigned pair of family and transport, datagrams over
 * IPv4 and IPv6 among them, the header is `UNKNOWN`: section 2.2 has a receiver that does not serve a pair fall back
 * to UNSPEC, and HAProxy and nginx do. Address block and TLVs must be well formed nevertheless, and a checksum must
 * match, except that with UNSPEC as family or transport the rest may be anything. Behind `LOCAL` nothing is looked at.
 *
 * @param bytes everything received so far
 */
export function decodeV2(bytes: Uint8Array): DecodeResult {
  const wrong = SIGNATURE.findIndex((byte, index) => index < bytes.length && byte !== bytes[index]);
  if (wrong >= 0) return invalid(`Expected the signature of PROXY version 2, got ${hex(bytes[wrong] ?? 0)} in it`);
  const [command, kind, high, low] = bytes.subarray(SIGNATURE.length, HEAD);
  if (command !== undefined && command !== LOCAL && command !== PROXY) {
    return invalid(`Expected version 2 with command LOCAL or PROXY (0x20 or 0x21), got ${hex(command)}`);
  }
  if (command === PROXY && kind !== undefined && !isAssigned(kind)) {
    return invalid(`Expected an assigned address family and transport, got ${hex(kind)}`);
  }
  if (kind === undefined || high === undefined || low === undefined) return { state: "incomplete", atLeast: HEAD };
  const length = HEAD + high * 256 + low;
  const block = isUnspecified(kind) ? 0 : ADDRESS_BLOCKS[kind >>> 4] ?? 0;
  if (command === PROXY && length < HEAD + block) {
    return invalid(`Expected ${block} bytes of addresses for ${hex(kind)}, got a length of ${length - HEAD}`);
  }
  if (bytes.length < length) return { state: "incomplete", atLeast: length };
  if (command === LOCAL) return { state: "done", header: { command: "LOCAL" }, length };
  const header = readRest(bytes.subarray(0, length), kind);
  return typeof header === "string" ? invalid(header) : { state: "done", header, length };
}

/** What {@link encodeV2} writes beside the header. */
export interface EncodeV2Options {
  /** TLVs after those of the header; default none. Not written for `LOCAL`. */
  readonly tlvs?: readonly Tlv[];
  /** Whether to write a checksum, in front of all TLVs (section 2.2.3); default false. Not written for `LOCAL`. */
  readonly crc32c?: boolean;
}

/**
 * Writes a version 2 header (section 2.2). `UNKNOWN` is written as PROXY with family UNSPEC; `LOCAL` has a length of
 * zero, as the specification asks for.
 *
 * @throws TypeError when an address is not one of the header's family or a TLV is a checksum, RangeError when a port,
 * a TLV or the whole header is out of its range
 */
export function encodeV2(header: ProxyHeader, options: EncodeV2Options = {}): Uint8Array {
  const own = header.command === "PROXY" ? header.tlvs : [];
  const tlvs = header.command === "LOCAL" ? [] : [...own, ...(options.tlvs ?? [])];
  const fault = tlvs.map(tlvFault).find((one) => one !== undefined);
  if (fault !== undefined) throw new RangeError(`Cannot write a PROXY header: ${fault}`);
  if (tlvs.some(({ type }) => type === TlvType.CRC32C)) {
    throw new TypeError("Cannot write a PROXY header: a checksum is asked for by an option, not by a TLV");
  }
  const summed = options.crc32c === true && header.command !== "LOCAL";
  const checksum = { type: TlvType.CRC32C, value: new Uint8Array(4) };
  const block = header.command === "PROXY" ? addressBlock(header.source, header.destination, header.family) : [];
  const tail = writeTlvs(summed ? [checksum, ...tlvs] : tlvs);
  const rest = block.length + tail.length;
  if (rest > LONGEST_REST) {
    throw new RangeError(`Cannot write a PROXY header: at most ${LONGEST_REST} bytes may follow, got "${rest}"`);
  }
  const bytes = new Uint8Array(HEAD + rest);
  bytes.set([...SIGNATURE, header.command === "LOCAL" ? LOCAL : PROXY, kindOf(header), rest >>> 8, rest & 0xff]);
  bytes.set(block, HEAD);
  bytes.set(tail, HEAD + block.length);
  if (summed) new DataView(bytes.buffer).setUint32(HEAD + block.length + TLV_HEAD, crc32c(bytes));
  return bytes;
}

function isAssigned(kind: number): boolean {
  return kind >>> 4 < ADDRESS_BLOCKS.length && (kind & 0x0f) <= 2;
}

function isUnspecified(kind: number): boolean {
  return kind >>> 4 === 0 || (kind & 0x0f) === 0;
}

/** What a whole header with the command PROXY says, or what is wrong with it. */
function readRest(bytes: Uint8Array, kind: number): ProxyHeader | string {
  const family = STREAM_FAMILIES.get(kind);
  const start = HEAD + (ADDRESS_BLOCKS[kind >>> 4] ?? 0);
  const placed = readTlvs(bytes, start);
  if (isUnspecified(kind)) {
    // The rest may be anything: it is a checksum only when it looks like one in every respect.
    const sums = placed?.filter(({ type }) => type === TlvType.CRC32C) ?? [];
    const looksRight = sums.length === 1 && sums[0]?.value.length === 4;
    return (looksRight ? checksumFault(bytes, sums) : undefined) ?? { command: "UNKNOWN" };
  }
  if (placed === undefined) return "Expected TLVs that end where the header ends, got one that is cut short";
  const fault = checksumFault(bytes, placed) ?? placed.map(tlvFault).find((one) => one !== undefined);
  if (fault !== undefined) return fault;
  if (family === undefined) return { command: "UNKNOWN" };
  const width = family === "IPv4" ? 4 : 16;
  const ports = HEAD + 2 * width;
  const endpoint = (index: number): ProxyEndpoint => ({
    address: readAddress(bytes.subarray(HEAD + index * width, HEAD + (index + 1) * width)),
    port: word(bytes, ports + 2 * index),
  });
  const tlvs = placed
    .filter(({ type }) => type !== TlvType.CRC32C && type !== TlvType.NOOP)
    .map(({ type, value }) => ({ type, value }));
  return { command: "PROXY", family, source: endpoint(0), destination: endpoint(1), tlvs };
}

/** What is wrong with the checksum of a header (section 2.2.3); `undefined` when it matches or there is none. */
function checksumFault(bytes: Uint8Array, tlvs: readonly PlacedTlv[]): string | undefined {
  const [checksum, another] = tlvs.filter(({ type }) => type === TlvType.CRC32C);
  if (checksum === undefined) return undefined;
  if (another !== undefined) return "Expected one CRC-32c at most, got another";
  const { at, value } = checksum;
  if (value.length !== 4) return `Expected a CRC-32c of 4 bytes, got ${value.length}`;
  const sum = crc32c(bytes.subarray(at + 4), crc32c(new Uint8Array(4), crc32c(bytes.subarray(0, at))));
  const given = word(value, 0) * 65536 + word(value, 2);
  return sum === given ? undefined : `Expected a CRC-32c of ${hex(sum)}, got ${hex(given)}`;
}

function tlvFault({ type, value }: Tlv): string | undefined {
  const isTooLong = type === TlvType.UNIQUE_ID && value.length > UNIQUE_ID_LONGEST;
  return isTooLong ? `Expected a unique id of at most ${UNIQUE_ID_LONGEST} bytes, got ${value.length}` : undefined;
}

function readAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  return canonicalAddress([0, 2, 4, 6, 8, 10, 12, 14].map((index) => word(bytes, index).toString(16)).join(":"));
}

function word(bytes: Uint8Array, index: number): number {
  return (bytes[index] ?? 0) * 256 + (bytes[index + 1] ?? 0);
}

function kindOf(header: ProxyHeader): number {
  if (header.command !== "PROXY") return 0x00;
  return header.family === "IPv4" ? 0x11 : 0x21;
}

function addressBlock(source: ProxyEndpoint, destination: ProxyEndpoint, family: IpFamily): readonly number[] {
  const ends = [source, destination].map((end) => checkedEndpoint(end, family));
  const pair = (value: number) => [value >>> 8, value & 0xff];
  const addresses = ends.flatMap(({ address }) => parseIpv4(address) ?? (parseIpv6(address) ?? []).flatMap(pair));
  return [...addresses, ...ends.flatMap(({ port }) => pair(port))];
}
