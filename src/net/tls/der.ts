/**
 * The little of DER (X.690) that has to be read of a certificate where the runtime does not tell it, or not without
 * doubt.
 *
 * @module
 */

/** An element: where its content begins and ends. */
export interface DerElement {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/** The element at an offset. @throws {RangeError} when it does not fit */
export function derElement(der: Uint8Array, at: number): DerElement {
  const short = der[at + 1] ?? 0;
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f;
  const start = at + 2 + lengthBytes;
  const length = lengthBytes === 0 ? short : der.subarray(at + 2, start).reduce((value, byte) => value * 256 + byte, 0);
  if (start + length > der.length) throw new RangeError("A DER element is longer than what holds it");
  return { tag: der[at] ?? 0, start, end: start + length };
}

/** What an element holds, one after the other. @throws {RangeError} when it does not fit */
function* elementsIn(der: Uint8Array, { start, end }: DerElement): Generator<DerElement> {
  for (let at = start; at < end;) {
    const element = derElement(der, at);
    yield element;
    at = element.end;
  }
}

const VERSION = 0xa0;

/** The X.509 version of a certificate, 1-3. @param certificate DER @throws {RangeError} when it is none */
export function versionOf(certificate: Uint8Array): number {
  const first = derElement(certificate, derElement(certificate, derElement(certificate, 0).start).start);
  // Without the tag it is version 1; within it is an INTEGER of one byte, 2 for version 3.
  return first.tag === VERSION ? (certificate[first.end - 1] ?? 0) + 1 : 1;
}

/** The object identifier 2.5.4.3. */
const COMMON_NAME = [0x55, 0x04, 0x03];

/**
 * The first common name of a certificate's subject; `null` when it has none. The runtime gives subjects as lines, and
 * the text of another part, which clients may choose, can look like a line of its own.
 *
 * @param certificate DER @throws {RangeError} when it is none
 */
export function commonNameOf(certificate: Uint8Array): string | null {
  const { subject } = namesIn(certificate);
  for (const set of elementsIn(certificate, subject)) {
    for (const pair of elementsIn(certificate, set)) {
      const [type, value] = elementsIn(certificate, pair);
      if (type === undefined || value === undefined || type.end - type.start !== COMMON_NAME.length) continue;
      if (COMMON_NAME.every((byte, index) => certificate[type.start + index] === byte)) {
        return textOf(value.tag, certificate.subarray(value.start, value.end));
      }
    }
  }
  return null;
}

/**
 * Whether a certificate names itself as its issuer. The runtime would compare texts, which it cannot make of every name.
 *
 * @param certificate DER @throws {RangeError} when it is none
 */
export function isSelfIssued(certificate: Uint8Array): boolean {
  const { issuer, subject } = namesIn(certificate);
  const length = issuer.end - issuer.start;
  return length === subject.end - subject.start &&
    certificate.subarray(issuer.start, issuer.end).every((byte, at) => byte === certificate[subject.start + at]);
}

function namesIn(certificate: Uint8Array): { readonly issuer: DerElement; readonly subject: DerElement } {
  const [body] = elementsIn(certificate, derElement(certificate, 0));
  if (body === undefined) throw new RangeError("A certificate must not be empty");
  const fields = [...elementsIn(certificate, body)].filter(({ tag }) => tag !== VERSION);
  // serialNumber, signature, issuer, validity, subject
  const [, , issuer, , subject] = fields;
  if (issuer === undefined || subject === undefined) throw new RangeError("A certificate must have a subject");
  return { issuer, subject };
}

const [BMP_STRING, UNIVERSAL_STRING, UTF8_STRING] = [0x1e, 0x1c, 0x0c];

function textOf(tag: number, bytes: Uint8Array): string {
  if (tag === UTF8_STRING) return new TextDecoder().decode(bytes);
  if (tag === BMP_STRING) return new TextDecoder("utf-16be").decode(bytes);
  if (tag !== UNIVERSAL_STRING) return new TextDecoder("latin1").decode(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const points = Array.from({ length: bytes.length >> 2 }, (_, index) => view.getUint32(4 * index));
  return points.map((point) => String.fromCodePoint(point > 0x10ffff ? 0xfffd : point).toWellFormed()).join("");
}
