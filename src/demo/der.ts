/**
 * Just enough DER (ITU-T X.690) to write a certificate.
 *
 * @module
 */

/** Bytes of one encoded value. */
export type Der = Uint8Array<ArrayBuffer>;

/** Puts byte strings one after the other. */
export function concat(parts: readonly Uint8Array[]): Der {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A value with its tag and length. */
export function der(tag: number, ...content: readonly Uint8Array[]): Der {
  const body = concat(content);
  const length: number[] = [];
  for (let rest = body.length; rest > 0; rest = rest >>> 8) length.unshift(rest & 0xff);
  const header = body.length < 0x80 ? [tag, body.length] : [tag, 0x80 | length.length, ...length];
  return concat([Uint8Array.from(header), body]);
}

/** SEQUENCE */
export const sequence = (...content: readonly Uint8Array[]) => der(0x30, ...content);
/** SET */
export const set = (...content: readonly Uint8Array[]) => der(0x31, ...content);
/** OCTET STRING */
export const octetString = (content: Uint8Array) => der(0x04, content);
/** BIT STRING of whole bytes */
export const bitString = (content: Uint8Array) => der(0x03, Uint8Array.of(0), content);
/** UTF8String */
export const utf8 = (text: string) => der(0x0c, new TextEncoder().encode(text));
/** BOOLEAN true */
export const yes = () => der(0x01, Uint8Array.of(0xff));

/** INTEGER, positive, from big-endian bytes. */
export function integer(bytes: Uint8Array): Der {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const trimmed = bytes.subarray(start);
  return der(0x02, (trimmed[0] ?? 0) >= 0x80 ? concat([Uint8Array.of(0), trimmed]) : trimmed);
}

/** OBJECT IDENTIFIER, from its dotted form. */
export function oid(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [40 * first + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let high = arc >>> 7; high > 0; high >>>= 7) groups.unshift(0x80 | (high & 0x7f));
    bytes.push(...groups);
  }
  return der(0x06, Uint8Array.from(bytes));
}

/** UTCTime, or GeneralizedTime from 2050 on (RFC 5280, 4.1.2.5). */
export function time(date: Date): Der {
  const digits = date.toISOString().replace(/[-:T]/g, "").slice(0, 14) + "Z";
  const text = date.getUTCFullYear() < 2050 ? digits.slice(2) : digits;
  return der(date.getUTCFullYear() < 2050 ? 0x17 : 0x18, new TextEncoder().encode(text));
}
