/**
 * What an X.509 certificate says (RFC 5280), as far as it decides whether a server may be trusted. Reading only, and
 * strictly: a certificate that is not well formed says nothing.
 *
 * @module
 */

import {
  context,
  DerError,
  type DerValue,
  expectTag,
  hex,
  readCount,
  readOne,
  readSequence,
  readValues,
  TAG,
} from "./strict_der.ts";

/** A certificate. Names and object identifiers are the bytes that stand for them, in hexadecimal. */
export interface Certificate {
  readonly der: Uint8Array<ArrayBuffer>;
  /** 1-3; only 3 has extensions. */
  readonly version: number;
  readonly issuer: string;
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly validFrom: number;
  /** Milliseconds since 1970; still valid then. */
  readonly validTo: number;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** What is signed. */
  readonly signed: Uint8Array<ArrayBuffer>;
  /** AlgorithmIdentifier. */
  readonly algorithm: DerValue;
  readonly signature: Uint8Array<ArrayBuffer>;
  /** Subject alternative names: host names in lower case, as they stand there. */
  readonly hosts: readonly string[];
  /** Subject alternative names: the bytes of addresses, in hexadecimal. */
  readonly addresses: readonly string[];
  /** Whether it may sign others (basic constraints). */
  readonly isCa: boolean;
  /** CA certificates that may be between it and a server's; `null` for any number. */
  readonly pathLength: number | null;
  /** Whether its key usage lets it sign certificates; so does having none. */
  readonly maySign: boolean;
  /** Extended key usages; `null` for every purpose. */
  readonly purposes: readonly string[] | null;
  /** Which names the certificates below it may be for. */
  readonly names: NameConstraints | null;
  /** Whether it asks for something that is not understood here. */
  readonly hasUnknownCritical: boolean;
}

/** Names that are permitted or excluded. */
export interface NameConstraints {
  readonly permitted: readonly NameSubtree[];
  readonly excluded: readonly NameSubtree[];
}

/** Host names below one, addresses within a block, or names that no server is asked for by. */
export type NameSubtree =
  | { readonly kind: "host"; readonly host: string }
  | { readonly kind: "address"; readonly address: Uint8Array; readonly mask: Uint8Array }
  | { readonly kind: "other" };

/** Reads a certificate. @throws {DerError} when it is not well formed */
export function readCertificate(bytes: Uint8Array<ArrayBuffer>): Certificate {
  const [body, algorithm, signature, ...rest] = readSequence(readOne(bytes, TAG.SEQUENCE));
  if (rest.length > 0) throw new DerError("something follows the signature");
  const fields = readSequence(body);
  const version = fields[0]?.tag === context(0, true) ? readVersion(fields.shift()) : 1;
  const [serial, innerAlgorithm, issuer, validity, subject, publicKey, ...others] = fields;
  expectTag(serial, TAG.INTEGER);
  const outer = expectTag(algorithm, TAG.SEQUENCE);
  if (hex(expectTag(innerAlgorithm, TAG.SEQUENCE).whole) !== hex(outer.whole)) {
    throw new DerError("two signature algorithms are named");
  }
  const [from, to, ...more] = readSequence(validity);
  if (more.length > 0) throw new DerError("something follows the validity");
  const bits = expectTag(signature, TAG.BIT_STRING).content;
  if (bits[0] !== 0) throw new DerError("the signature is not whole bytes");
  return {
    der: bytes,
    version,
    issuer: hex(expectTag(issuer, TAG.SEQUENCE).whole),
    subject: hex(expectTag(subject, TAG.SEQUENCE).whole),
    validFrom: readTime(from),
    validTo: readTime(to),
    publicKey: expectTag(publicKey, TAG.SEQUENCE).whole,
    signed: expectTag(body, TAG.SEQUENCE).whole,
    algorithm: outer,
    signature: bits.subarray(1),
    ...readExtensions(others, version),
  };
}

function readVersion(value: DerValue | undefined): number {
  const version = readCount(readValues(expectTag(value, context(0, true)).content)[0]) + 1;
  if (version !== 3) throw new DerError("the version is neither 1 nor 3");
  return version;
}

/** UTCTime or GeneralizedTime, both in the one form that RFC 5280 allows. */
function readTime(value: DerValue | undefined): number {
  const text = ascii(value?.content ?? new Uint8Array());
  const isShort = value?.tag === TAG.UTC_TIME;
  if (!isShort && value?.tag !== TAG.GENERALIZED_TIME) throw new DerError("a time is of another kind");
  const match = (isShort ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(
    text,
  );
  if (match === null) throw new DerError("a time is not in its one form");
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const full = isShort ? (year < 50 ? 2000 : 1900) + year : year;
  const time = Date.UTC(full, month - 1, day, hour, minute, second);
  const back = new Date(time);
  if (back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day || back.getUTCHours() !== hour || second > 59) {
    throw new DerError("a time is none");
  }
  return time;
}

type Extensions = Pick<
  Certificate,
  "hosts" | "addresses" | "isCa" | "pathLength" | "maySign" | "purposes" | "names" | "hasUnknownCritical"
>;

const NO_EXTENSIONS: Extensions = {
  hosts: [],
  addresses: [],
  isCa: false,
  pathLength: null,
  maySign: true,
  purposes: null,
  names: null,
  hasUnknownCritical: false,
};

/** Readers by object identifier. */
const READERS: Readonly<Record<string, (content: Uint8Array<ArrayBuffer>) => Partial<Extensions>>> = {
  "551d0f": readKeyUsage,
  "551d11": readAlternativeNames,
  "551d13": readBasicConstraints,
  "551d1e": readNameConstraints,
  "551d25": readPurposes,
};

function readExtensions(fields: readonly DerValue[], version: number): Extensions {
  if (fields.length === 0) return NO_EXTENSIONS;
  const [field, ...rest] = fields;
  if (version !== 3 || rest.length > 0) throw new DerError("there are fields that version 3 has not");
  const [list, ...others] = readValues(expectTag(field, context(3, true)).content);
  if (others.length > 0) throw new DerError("something follows the extensions");
  const seen = new Set<string>();
  let read: Extensions = NO_EXTENSIONS;
  for (const extension of readSequence(list)) {
    const parts = readSequence(extension);
    const id = hex(expectTag(parts.shift(), TAG.OBJECT_IDENTIFIER).content);
    if (seen.has(id)) throw new DerError("an extension is there twice");
    seen.add(id);
    const isCritical = parts[0]?.tag === TAG.BOOLEAN && readFlag(parts.shift());
    const value = expectTag(parts.shift(), TAG.OCTET_STRING).content;
    if (parts.length > 0) throw new DerError("something follows an extension");
    const reader = READERS[id];
    if (reader !== undefined) read = { ...read, ...reader(value) };
    else if (isCritical) read = { ...read, hasUnknownCritical: true };
  }
  return read;
}

function readFlag(value: DerValue | undefined): boolean {
  const { content } = expectTag(value, TAG.BOOLEAN);
  const [byte] = content;
  if (content.length !== 1 || (byte !== 0 && byte !== 0xff)) throw new DerError("a flag is neither set nor not");
  return byte === 0xff;
}

function readBasicConstraints(content: Uint8Array<ArrayBuffer>): Partial<Extensions> {
  const parts = readSequence(readOne(content, TAG.SEQUENCE));
  const isCa = parts[0]?.tag === TAG.BOOLEAN && readFlag(parts.shift());
  const pathLength = parts.length === 0 ? null : readCount(parts.shift());
  if (parts.length > 0) throw new DerError("something follows the basic constraints");
  return { isCa, pathLength };
}

const KEY_CERT_SIGN = 0x04;

function readKeyUsage(content: Uint8Array<ArrayBuffer>): Partial<Extensions> {
  const [, bits = 0] = readOne(content, TAG.BIT_STRING).content;
  return { maySign: (bits & KEY_CERT_SIGN) !== 0 };
}

function readPurposes(content: Uint8Array<ArrayBuffer>): Partial<Extensions> {
  const purposes = readSequence(readOne(content, TAG.SEQUENCE));
  return { purposes: purposes.map((one) => hex(expectTag(one, TAG.OBJECT_IDENTIFIER).content)) };
}

const [DNS_NAME, IP_ADDRESS] = [context(2, false), context(7, false)];

function readAlternativeNames(content: Uint8Array<ArrayBuffer>): Partial<Extensions> {
  const names = readSequence(readOne(content, TAG.SEQUENCE));
  const of = (tag: number) => names.filter((name) => name.tag === tag);
  return {
    hosts: of(DNS_NAME).map((name) => ascii(name.content).toLowerCase()),
    addresses: of(IP_ADDRESS).map((name) => hex(name.content)),
  };
}

function readNameConstraints(content: Uint8Array<ArrayBuffer>): Partial<Extensions> {
  const names: { permitted: NameSubtree[]; excluded: NameSubtree[] } = { permitted: [], excluded: [] };
  for (const part of readSequence(readOne(content, TAG.SEQUENCE))) {
    if (part.tag !== context(0, true) && part.tag !== context(1, true)) {
      throw new DerError("names are constrained how?");
    }
    const list = part.tag === context(0, true) ? names.permitted : names.excluded;
    list.push(...readValues(part.content).map(readSubtree));
  }
  return { names };
}

function readSubtree(subtree: DerValue): NameSubtree {
  const [base, ...bounds] = readSequence(subtree);
  // RFC 5280 has no use for bounds, so nobody knows what they mean; only their default may be spelled out.
  if (base === undefined || bounds.some(({ whole }) => hex(whole) !== "800100")) {
    throw new DerError("a constraint on names has bounds");
  }
  if (base.tag === DNS_NAME) return { kind: "host", host: ascii(base.content).toLowerCase() };
  if (base.tag !== IP_ADDRESS) return { kind: "other" };
  const half = base.content.length / 2;
  if (half !== 4 && half !== 16) throw new DerError("a constraint on addresses is none");
  return { kind: "address", address: base.content.subarray(0, half), mask: base.content.subarray(half) };
}

function ascii(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
