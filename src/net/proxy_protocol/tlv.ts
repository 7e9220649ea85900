/**
 * The type-length-values at the end of a version 2 header (sections 2.2 and 2.2.1 to 2.2.8).
 *
 * @module
 */

import type { Tlv } from "./header.ts";

/** The registered types (section 2.2). 0xE0 to 0xEF are free for applications (section 2.2.8). */
export const TlvType = {
  /** The upper layer protocol, as in the TLS extension of that name (section 2.2.1). */
  ALPN: 0x01,
  /** The host name that the client asked for, UTF-8; SNI with TLS (section 2.2.2). */
  AUTHORITY: 0x02,
  /** The checksum of the whole header (section 2.2.3). */
  CRC32C: 0x03,
  /** Padding, to be ignored (section 2.2.4). */
  NOOP: 0x04,
  /** An opaque name of the connection (section 2.2.5). */
  UNIQUE_ID: 0x05,
  /** What is known of the client's TLS (section 2.2.6). */
  SSL: 0x20,
  /** The client's network namespace, US-ASCII (section 2.2.7). */
  NETNS: 0x30,
} as const;

/** Bytes before a TLV's value: its type and its length. */
export const TLV_HEAD = 3;

/** Bytes that a unique id may have at most (section 2.2.5). */
export const UNIQUE_ID_LONGEST = 128;

const UTF8 = new TextEncoder();

/** The application protocol, as negotiated: `h2`, say (section 2.2.1). A text is written as UTF-8. */
export function alpnTlv(protocol: string | Uint8Array): Tlv {
  return { type: TlvType.ALPN, value: typeof protocol === "string" ? UTF8.encode(protocol) : protocol };
}

/** The host name that the client asked for (section 2.2.2). */
export function authorityTlv(host: string): Tlv {
  return { type: TlvType.AUTHORITY, value: UTF8.encode(host) };
}

/** Padding of `length` bytes and the three that every TLV has (section 2.2.4). */
export function noopTlv(length = 0): Tlv {
  return { type: TlvType.NOOP, value: new Uint8Array(length) };
}

/**
 * A name for the connection that no other has (section 2.2.5).
 *
 * @throws RangeError when it has more than 128 bytes
 */
export function uniqueIdTlv(id: Uint8Array): Tlv {
  if (id.length > UNIQUE_ID_LONGEST) {
    throw new RangeError(
      `Cannot write a unique id: it must have at most ${UNIQUE_ID_LONGEST} bytes, got "${id.length}"`,
    );
  }
  return { type: TlvType.UNIQUE_ID, value: id };
}

/**
 * The name of the client's network namespace (section 2.2.7).
 *
 * @throws TypeError when it is not US-ASCII
 */
export function netnsTlv(name: string): Tlv {
  return { type: TlvType.NETNS, value: asciiBytes(name) };
}

/** US-ASCII text as bytes. @throws TypeError when it is something else */
export function asciiBytes(text: string): Uint8Array {
  if (!/^[\0-\x7f]*$/.test(text)) throw new TypeError(`Cannot write a TLV: its text must be US-ASCII, got "${text}"`);
  return UTF8.encode(text);
}

/** Where a TLV stands among the bytes that it was read from. */
export interface PlacedTlv extends Tlv {
  /** Offset of the value's first byte. */
  readonly at: number;
}

/**
 * Reads TLVs that fill `bytes` exactly; `undefined` when they do not, one being cut short. The values are copies.
 *
 * @param bytes nothing but TLVs from `start` on
 */
export function readTlvs(bytes: Uint8Array, start = 0): readonly PlacedTlv[] | undefined {
  const tlvs: PlacedTlv[] = [];
  let offset = start;
  while (offset < bytes.length) {
    const [type, high, low] = bytes.subarray(offset, offset + TLV_HEAD);
    if (type === undefined || high === undefined || low === undefined) return undefined;
    const at = offset + TLV_HEAD;
    offset = at + high * 256 + low;
    if (offset > bytes.length) return undefined;
    tlvs.push({ type, at, value: bytes.slice(at, offset) });
  }
  return tlvs;
}

/**
 * Writes TLVs one after the other.
 *
 * @throws RangeError when a type is not within 0-255 or a value has more than 65,535 bytes
 */
export function writeTlvs(tlvs: readonly Tlv[]): Uint8Array {
  const bytes = new Uint8Array(tlvs.reduce((sum, { value }) => sum + TLV_HEAD + value.length, 0));
  let offset = 0;
  for (const { type, value } of tlvs) {
    if (!Number.isInteger(type) || type < 0 || type > 255) {
      throw new RangeError(`Cannot write a TLV: its type must be within 0-255, got "${type}"`);
    }
    if (value.length > 65535) {
      throw new RangeError(`Cannot write a TLV: its value must have at most 65535 bytes, got "${value.length}"`);
    }
    bytes.set([type, value.length >>> 8, value.length & 0xff], offset);
    bytes.set(value, offset + TLV_HEAD);
    offset += TLV_HEAD + value.length;
  }
  return bytes;
}
