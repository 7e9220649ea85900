/**
 * DNS messages (RFC 1035): a question for the addresses of one family, and what is in its answer. Bytes only.
 *
 * @module
 */

import { canonicalAddress } from "../ip.ts";

/** A kind of address record: IPv4 or IPv6. */
export type AddressType = "A" | "AAAA";

/** What is asked. */
export interface DnsQuestion {
  /** 0-65535, by which the answer is known. */
  readonly id: number;
  /** A host name; a dot at its end does not matter here. */
  readonly name: string;
  readonly type: AddressType;
}

/** What is answered. */
export interface DnsAnswer {
  /** The response code: 0 for success, 3 when there is no such name, anything else is a failure. */
  readonly code: number;
  /** Whether the answer was too long for a datagram; it has to be asked for over TCP then. */
  readonly truncated: boolean;
  /** In their one form, in the order of the answer, those of the name's aliases (CNAME) as well. */
  readonly addresses: readonly string[];
  /** Seconds for which all of it holds; `null` without addresses. */
  readonly ttl: number | null;
}

interface DnsRecord {
  readonly owner: string;
  readonly type: number;
  /** Seconds. */
  readonly ttl: number;
  /** Where its data begins. */
  readonly at: number;
  readonly length: number;
}

const TYPES = { A: 1, CNAME: 5, AAAA: 28 } as const;
const BYTES = { A: 4, AAAA: 16 } as const;
const INTERNET = 1;
const HEADER_BYTES = 12;
const NAME_BYTES = 255;

/** Writes a question as a message that asks for recursion. */
export function encodeQuestion({ id, name, type }: DnsQuestion): Uint8Array<ArrayBuffer> {
  const labels = name.replace(/\.$/, "").split(".").map((label) => new TextEncoder().encode(label));
  const nameBytes = labels.reduce((sum, label) => sum + label.length + 1, 1);
  const bytes = new Uint8Array(HEADER_BYTES + nameBytes + 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  view.setUint16(2, 0x0100);
  view.setUint16(4, 1);
  let at = HEADER_BYTES;
  for (const label of labels) {
    bytes[at] = label.length;
    bytes.set(label, at + 1);
    at += label.length + 1;
  }
  view.setUint16(at + 1, TYPES[type]);
  view.setUint16(at + 3, INTERNET);
  return bytes;
}

/** Reads the answer to a question; `undefined` when the message is not one, or is broken. */
export function decodeAnswer(bytes: Uint8Array, question: DnsQuestion): DnsAnswer | undefined {
  try {
    return readAnswer(bytes, question);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** @throws {RangeError} when the message ends too early or goes round in circles */
function readAnswer(bytes: Uint8Array, question: DnsQuestion): DnsAnswer | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint16(2);
  // An answer (not a question) to an ordinary query.
  if (view.getUint16(0) !== question.id || (flags & 0xf800) !== 0x8000) return undefined;
  const code = flags & 15;
  const questions = view.getUint16(4);
  const failure = { code, truncated: false, addresses: [], ttl: null };
  // A server that did not understand the question need not repeat it.
  if (questions === 0 && code !== 0) return failure;
  const asked = readName(view, HEADER_BYTES);
  const wanted = question.name.replace(/\.$/, "").toLowerCase();
  if (questions !== 1 || asked.name !== wanted || view.getUint16(asked.end) !== TYPES[question.type]) return undefined;
  if (code !== 0) return failure;
  if ((flags & 0x0200) !== 0) return { ...failure, truncated: true };
  const records = readRecords(view, asked.end + 4);
  const { owner, ttl } = followAliases(view, records, wanted);
  const found = records.filter((record) =>
    record.owner === owner && record.type === TYPES[question.type] && record.length === BYTES[question.type]
  );
  return {
    code,
    truncated: false,
    addresses: found.map(({ at, length }) => addressOf(bytes.subarray(at, at + length))),
    ttl: found.length === 0 ? null : Math.min(ttl, ...found.map((record) => record.ttl)),
  };
}

function readRecords(view: DataView, start: number): DnsRecord[] {
  const records: DnsRecord[] = [];
  let from = start;
  for (let left = view.getUint16(6); left > 0; left--) {
    const { name, end } = readName(view, from);
    const length = view.getUint16(end + 8);
    const ttl = view.getUint32(end + 4);
    from = end + 10 + length;
    if (from > view.byteLength) throw new RangeError("A record ends after the message");
    if (view.getUint16(end + 2) !== INTERNET) continue;
    // RFC 2181: one with the highest bit set counts as 0.
    records.push({ owner: name, type: view.getUint16(end), ttl: ttl > 0x7fffffff ? 0 : ttl, at: end + 10, length });
  }
  return records;
}

/** The name that the addresses belong to, and the shortest time for which that holds. */
function followAliases(view: DataView, records: readonly DnsRecord[], name: string) {
  let [owner, ttl] = [name, Infinity];
  // As many steps as there are records are enough, unless they go round in circles.
  for (let step = 0; step < records.length; step++) {
    const alias = records.find((record) => record.owner === owner && record.type === TYPES.CNAME);
    if (alias === undefined) break;
    owner = readName(view, alias.at).name;
    ttl = Math.min(ttl, alias.ttl);
  }
  return { owner, ttl };
}

/** Reads a name, in small letters, that may go on elsewhere in the message. @throws {RangeError} */
function readName(view: DataView, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let [at, end, bytes] = [start, 0, 0];
  for (let length = view.getUint8(at); length > 0; length = view.getUint8(at)) {
    if (length >= 0xc0) {
      const target = view.getUint16(at) & 0x3fff;
      if (end === 0) end = at + 2;
      // Always backwards, or it would never end.
      if (target >= at) throw new RangeError("A name goes on behind itself");
      at = target;
      continue;
    }
    bytes += length + 1;
    if (length > 63 || bytes > NAME_BYTES) throw new RangeError("A name is too long");
    const label = new Uint8Array(view.buffer, view.byteOffset + at + 1, length);
    if (at + 1 + length > view.byteLength) throw new RangeError("A name ends after the message");
    labels.push(new TextDecoder().decode(label).toLowerCase());
    at += length + 1;
  }
  return { name: labels.join("."), end: end === 0 ? at + 1 : end };
}

function addressOf(bytes: Uint8Array): string {
  if (bytes.length === BYTES.A) return bytes.join(".");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(index * 2).toString(16));
  return canonicalAddress(groups.join(":"));
}
