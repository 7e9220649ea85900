/**
 * A set of addresses given as CIDR blocks, compiled for fast look-ups: sorted ranges in typed arrays, found by bisection.
 * The memory is shared, so that a worker gets it without a copy.
 *
 * @module
 */

import { parseCidr, parseIpv4, parseIpv6 } from "./ip.ts";

/** Compiled ranges: first and last address of each, sorted, without overlaps. */
export interface AddressRanges {
  /** Two words a range. */
  readonly ipv4: Uint32Array;
  /** Eight words a range: the first address, then the last. */
  readonly ipv6: Uint32Array;
}

/** The words of one IPv6 address. */
const WORDS = 4;

/** Compiles blocks; each must be an address or a CIDR block (see {@link parseCidr}). */
export function compileRanges(blocks: Iterable<string>): AddressRanges {
  const ipv4: [number, number][] = [];
  const ipv6: [readonly number[], readonly number[]][] = [];
  for (const block of blocks) {
    const cidr = parseCidr(block);
    const address = block.split("/", 1)[0] ?? "";
    if (cidr === undefined) throw new TypeError(`Cannot compile "${block}": it is no address or CIDR block`);
    if (cidr.family === "IPv4") {
      const first = maskWord(ipv4Word(address) ?? 0, cidr.prefix);
      ipv4.push([first, (first | hostBits(cidr.prefix)) >>> 0]);
      continue;
    }
    const words = ipv6Words(address) ?? [];
    const mapped = mappedIpv4(words, cidr.prefix);
    if (mapped !== undefined) {
      // ::ffff:a.b.c.d is the IPv4 client a.b.c.d, and is looked up as that.
      const first = maskWord(mapped, cidr.prefix - 96);
      ipv4.push([first, (first | hostBits(cidr.prefix - 96)) >>> 0]);
      continue;
    }
    const prefixOf = (index: number) => Math.min(32, Math.max(0, cidr.prefix - 32 * index));
    ipv6.push([
      words.map((word, index) => maskWord(word, prefixOf(index))),
      words.map((word, index) => (maskWord(word, prefixOf(index)) | hostBits(prefixOf(index))) >>> 0),
    ]);
  }
  return { ipv4: packIpv4(ipv4), ipv6: packIpv6(ipv6) };
}

/** Whether an address, as a socket reports it, is in the set. */
export function rangesInclude({ ipv4, ipv6 }: AddressRanges, address: string): boolean {
  const plain = address.includes(":") ? undefined : ipv4Word(address);
  if (plain !== undefined) return includesIpv4(ipv4, plain);
  const words = ipv6Words(address);
  if (words === undefined) return false;
  const mapped = mappedIpv4(words, 128);
  return mapped === undefined ? includesIpv6(ipv6, words) : includesIpv4(ipv4, mapped);
}

function includesIpv4(ranges: Uint32Array, address: number): boolean {
  let low = 0;
  let high = ranges.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[2 * middle + 1] ?? 0) < address) low = middle + 1;
    else high = middle;
  }
  return 2 * low < ranges.length && (ranges[2 * low] ?? 0) <= address;
}

function includesIpv6(ranges: Uint32Array, address: readonly number[]): boolean {
  let low = 0;
  let high = ranges.length / (2 * WORDS);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareAt(ranges, (2 * middle + 1) * WORDS, address) < 0) low = middle + 1;
    else high = middle;
  }
  const start = 2 * low * WORDS;
  return start < ranges.length && compareAt(ranges, start, address) <= 0;
}

function compareAt(ranges: Uint32Array, at: number, address: readonly number[]): number {
  for (let word = 0; word < WORDS; word++) {
    const difference = (ranges[at + word] ?? 0) - (address[word] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function packIpv4(ranges: [number, number][]): Uint32Array {
  ranges.sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [first, last] of ranges) {
    const before = merged.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return share(merged.flat());
}

function packIpv6(ranges: [readonly number[], readonly number[]][]): Uint32Array {
  ranges.sort((a, b) => compareWords(a[0], b[0]));
  const merged: [readonly number[], readonly number[]][] = [];
  for (const [first, last] of ranges) {
    const before = merged.at(-1);
    if (before === undefined || compareWords(first, before[1]) > 0) merged.push([first, last]);
    else if (compareWords(last, before[1]) > 0) before[1] = last;
  }
  return share(merged.flatMap(([first, last]) => [...first, ...last]));
}

function compareWords(a: readonly number[], b: readonly number[]): number {
  for (let word = 0; word < WORDS; word++) {
    const difference = (a[word] ?? 0) - (b[word] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function share(words: readonly number[]): Uint32Array {
  const shared = new Uint32Array(new SharedArrayBuffer(words.length * 4));
  shared.set(words);
  return shared;
}

function ipv4Word(address: string): number | undefined {
  const octets = parseIpv4(address);
  return octets?.reduce((word, octet) => word * 256 + octet, 0);
}

function ipv6Words(address: string): readonly number[] | undefined {
  const groups = parseIpv6(address);
  if (groups === undefined) return undefined;
  return [0, 2, 4, 6].map((index) => (groups[index] ?? 0) * 65536 + (groups[index + 1] ?? 0));
}

/** The IPv4 address inside `::ffff:0:0/96`; `undefined` for any other, or a block that is wider than that. */
function mappedIpv4(words: readonly number[], prefix: number): number | undefined {
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return isMapped && prefix >= 96 ? words[3] : undefined;
}

function maskWord(word: number, prefix: number): number {
  return prefix === 0 ? 0 : (word & (0xffffffff << (32 - prefix))) >>> 0;
}

function hostBits(prefix: number): number {
  return prefix === 32 ? 0 : 0xffffffff >>> prefix;
}
