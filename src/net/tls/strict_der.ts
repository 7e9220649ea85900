/**
 * Reading DER (ITU-T X.690), strictly: what is not written in its one form is refused, so that nobody reads anything
 * else out of it than others do.
 *
 * @module
 */

/** One value. */
export interface DerValue {
  readonly tag: number;
  readonly content: Uint8Array<ArrayBuffer>;
  /** The value with its tag and length. */
  readonly whole: Uint8Array<ArrayBuffer>;
}

/** Bytes that are not what they should be. */
export class DerError extends Error {
  override readonly name = "DerError";
}

/** The tags that certificates are made of. */
export const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OBJECT_IDENTIFIER: 0x06,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
} as const;

/** The tag of a context-specific value, `[number]`. */
export function context(number: number, constructed: boolean): number {
  return (constructed ? 0xa0 : 0x80) + number;
}

/** All the values that `bytes` hold, one after the other. @throws {DerError} when they hold anything else */
export function readValues(bytes: Uint8Array<ArrayBuffer>): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length;) {
    const value = readAt(bytes, at);
    values.push(value);
    at += value.whole.length;
  }
  return values;
}

/** The one value that `bytes` are. @throws {DerError} when they are none, several, or another kind */
export function readOne(bytes: Uint8Array<ArrayBuffer>, tag: number): DerValue {
  const value = readAt(bytes, 0);
  if (value.whole.length !== bytes.length) throw new DerError("something follows the value");
  return expectTag(value, tag);
}

/** A value that must be there and of a kind. @throws {DerError} */
export function expectTag(value: DerValue | undefined, tag: number): DerValue {
  if (value?.tag !== tag) throw new DerError(`expected tag ${tag}, got ${value?.tag ?? "nothing"}`);
  return value;
}

/** The values in a SEQUENCE. @throws {DerError} when it is none */
export function readSequence(value: DerValue | undefined): DerValue[] {
  return readValues(expectTag(value, TAG.SEQUENCE).content);
}

function readAt(bytes: Uint8Array<ArrayBuffer>, at: number): DerValue {
  const [tag, first] = [bytes[at], bytes[at + 1]];
  if (tag === undefined || first === undefined) throw new DerError("a value is cut off");
  if ((tag & 0x1f) === 0x1f) throw new DerError("a tag has more than one byte");
  let [start, length] = [at + 2, first];
  if (first >= 0x80) {
    const count = first & 0x7f;
    // Four bytes hold more than any message; the indefinite form (none) is not DER.
    if (count < 1 || count > 4 || bytes[start] === 0) throw new DerError("a length is not in its one form");
    length = bytes.subarray(start, start + count).reduce((sum, byte) => sum * 256 + byte, 0);
    if (length < 0x80) throw new DerError("a length is not in its one form");
    start += count;
  }
  const end = start + length;
  if (end > bytes.length) throw new DerError("a value is longer than what holds it");
  return { tag, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) };
}

/** Bytes as text that can be compared. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** An INTEGER from 0 on that fits a number. @throws {DerError} */
export function readCount(value: DerValue | undefined): number {
  const { content } = expectTag(value, TAG.INTEGER);
  const [first = 0x80, second = 0x80] = content;
  if (
    content.length === 0 || content.length > 5 || first >= 0x80 || (content.length > 1 && first === 0 && second < 0x80)
  ) {
    throw new DerError("an integer is not a small number in its one form");
  }
  return content.reduce((sum, byte) => sum * 256 + byte, 0);
}
