/**
 * PEM text (RFC 7468) as found in the wild: text around the blocks, CRLF, a byte order mark, several kinds of block in
 * one file. What goes on to the TLS libraries is written anew, so that none of them stumbles over the packaging.
 *
 * @module
 */

/** One block of a PEM file. */
export interface PemBlock {
  /** What stands after BEGIN: `CERTIFICATE`, `EC PRIVATE KEY` and so on. */
  readonly label: string;
  /** Whether its headers say that it is encrypted. */
  readonly encrypted: boolean;
  /** The bytes; `undefined` when the block has no end or is not base64. */
  readonly der: Uint8Array | undefined;
}

const BEGIN = /-----BEGIN ([A-Z0-9 ]+)-----/g;

/** Finds every block, in order. */
export function readPem(text: string): PemBlock[] {
  return [...text.matchAll(BEGIN)].map(({ 0: line, 1: label = "", index }): PemBlock => {
    const start = index + line.length;
    const end = text.indexOf(`-----END ${label}-----`, start);
    const next = text.indexOf("-----BEGIN ", start);
    if (end < 0 || (next >= 0 && next < end)) return { label, encrypted: false, der: undefined };
    const lines = text.slice(start, end).split(/\r\n|\r|\n/).map((one) => one.trim());
    const headers = lines.filter((one) => one.includes(":"));
    return {
      label,
      encrypted: headers.some((one) => /^Proc-Type:.*ENCRYPTED/.test(one)),
      der: decodeBase64(lines.filter((one) => !one.includes(":")).join("")),
    };
  });
}

/** Writes one block. */
export function writePem(label: string, der: Uint8Array): string {
  const base64 = btoa(Array.from(der, (byte) => String.fromCharCode(byte)).join(""));
  return `-----BEGIN ${label}-----\n${base64.replace(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`;
}

function decodeBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
