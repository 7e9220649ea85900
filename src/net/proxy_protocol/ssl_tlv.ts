/**
 * What a version 2 header says of the client's TLS: the SSL TLV and the TLVs inside it (section 2.2.6).
 *
 * @module
 */

import type { Tlv } from "./header.ts";
import { asciiBytes, readTlvs, TlvType, writeTlvs } from "./tlv.ts";

/** The types of the TLVs inside an SSL TLV (section 2.2.6). */
export const SslTlvType = { VERSION: 0x21, CN: 0x22, CIPHER: 0x23, SIG_ALG: 0x24, KEY_ALG: 0x25 } as const;

/** The bits of the client field (section 2.2.6). */
export const SslClient = {
  /** The client connected over TLS. */
  SSL: 0x01,
  /** It gave a certificate over this connection. */
  CERT_CONN: 0x02,
  /** It gave a certificate at least once over this TLS session. */
  CERT_SESS: 0x04,
} as const;

/** What is known of the client's TLS (section 2.2.6). */
export interface SslDetails {
  /** Bits of {@link SslClient}. */
  readonly client: number;
  /** Zero when the client gave a certificate and it was verified. */
  readonly verify: number;
  /** US-ASCII: `TLSv1.3`, say. */
  readonly version?: string;
  /** The common name of the client's certificate, UTF-8. */
  readonly commonName?: string;
  /** US-ASCII: `ECDHE-RSA-AES128-GCM-SHA256`, say. */
  readonly cipher?: string;
  /** How the certificate presented to the client was signed, US-ASCII: `RSA-SHA256`, say. */
  readonly signatureAlgorithm?: string;
  /** The key of the certificate presented to the client, US-ASCII: `RSA2048`, say. */
  readonly keyAlgorithm?: string;
}

/** Bytes before the inner TLVs: the client field and the verify field. */
const FIELDS = 5;

/**
 * Writes an SSL TLV (section 2.2.6).
 *
 * @throws TypeError when a text that must be US-ASCII is not, RangeError when a field is out of its range
 */
export function sslTlv(details: SslDetails): Tlv {
  const { client, verify, version, commonName, cipher, signatureAlgorithm, keyAlgorithm } = details;
  if (!isUnsigned(client, 0xff) || !isUnsigned(verify, 0xffffffff)) {
    throw new RangeError(`Cannot write an SSL TLV: client has 8 bits and verify 32, got "${client}" and "${verify}"`);
  }
  const inner: Tlv[] = [];
  const add = (type: number, value: Uint8Array | undefined) => value !== undefined && inner.push({ type, value });
  const ascii = (text: string | undefined) => text === undefined ? undefined : asciiBytes(text);
  add(SslTlvType.VERSION, ascii(version));
  add(SslTlvType.CN, commonName === undefined ? undefined : new TextEncoder().encode(commonName));
  add(SslTlvType.CIPHER, ascii(cipher));
  add(SslTlvType.SIG_ALG, ascii(signatureAlgorithm));
  add(SslTlvType.KEY_ALG, ascii(keyAlgorithm));
  const tail = writeTlvs(inner);
  const value = new Uint8Array(FIELDS + tail.length);
  value[0] = client;
  new DataView(value.buffer).setUint32(1, verify);
  value.set(tail, FIELDS);
  return { type: TlvType.SSL, value };
}

/**
 * Reads an SSL TLV (section 2.2.6); `undefined` when it is not one or what it holds is cut short. Inner TLVs of other
 * types are passed over; of a type given twice the last counts.
 */
export function readSslTlv({ type, value }: Tlv): SslDetails | undefined {
  const inner = type === TlvType.SSL && value.length >= FIELDS ? readTlvs(value, FIELDS) : undefined;
  if (inner === undefined) return undefined;
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  const texts = new Map(inner.map((tlv) => [tlv.type, utf8.decode(tlv.value)]));
  const field = <Name extends string>(name: Name, of: number): { [key in Name]?: string } => {
    const text = texts.get(of);
    const found: { [key in Name]?: string } = {};
    if (text !== undefined) found[name] = text;
    return found;
  };
  return {
    client: value[0] ?? 0,
    verify: new DataView(value.buffer, value.byteOffset).getUint32(1),
    ...field("version", SslTlvType.VERSION),
    ...field("commonName", SslTlvType.CN),
    ...field("cipher", SslTlvType.CIPHER),
    ...field("signatureAlgorithm", SslTlvType.SIG_ALG),
    ...field("keyAlgorithm", SslTlvType.KEY_ALG),
  };
}

function isUnsigned(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most;
}
