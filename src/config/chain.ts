/**
 * Whether the certificates of a file are a chain: the server's own first, each one signed by the next, none twice.
 *
 * @module
 */

import type { ParsedCertificate } from "./x509.ts";

/**
 * Why certificates are not a chain, as the end of a configuration error; `undefined` when they are one.
 *
 * @param file the file's name in quotes
 */
export function chainFault(chain: readonly ParsedCertificate[], file: string): string | undefined {
  for (const [index, one] of chain.entries()) {
    const same = chain.findIndex((other) => other.details.fingerprint256 === one.details.fingerprint256);
    if (same < index) {
      return `must hold each certificate once, got ${file} in which certificate ${index + 1} is certificate ${
        same + 1
      } again`;
    }
  }
  for (const [index, one] of chain.entries()) {
    const next = chain[index + 1];
    if (next === undefined || hasSigned(next, one)) continue;
    const signer = chain.findIndex((other) => other !== one && hasSigned(other, one));
    return `must hold the chain in order, each certificate signed by the next, got ${file} in which ${
      ordinal(index + 1, next)
    } did not sign ${ordinal(index, one)}${signer < 0 ? "" : `, but certificate ${signer + 1} did`}`;
  }
  return undefined;
}

/** `certificate 2 (CN=Some CA)` */
export function ordinal(index: number, { details: { subject } }: ParsedCertificate): string {
  return `certificate ${index + 1}${subject === "" ? "" : ` (${subject})`}`;
}

/** Whether one certificate has signed another. */
function hasSigned(issuer: ParsedCertificate, subject: ParsedCertificate): boolean {
  if (!subject.x509.checkIssued(issuer.x509)) return false;
  if (!verifiable(issuer, subject)) return true;
  return subject.x509.verify(issuer.x509.publicKey);
}

/** Signature algorithms (DER of the object identifier) with the key types of which the runtime can judge them. */
const VERIFIABLE: Readonly<Record<string, RegExp>> = {
  "2a864886f70d010105": /^RSA /, // PKCS #1 1.5 with SHA-1
  "2a864886f70d01010b": /^RSA /, // with SHA-256
  "2a864886f70d01010c": /^RSA /, // with SHA-384
  "2a864886f70d01010d": /^RSA /, // with SHA-512
  "2a8648ce3d040302": /^EC P-256$/, // ECDSA with SHA-256
  "2a8648ce3d040303": /^EC P-384$/, // ECDSA with SHA-384
  "2b6570": /^Ed25519$/,
};

/**
 * The runtime calls some good signatures bad (RSASSA-PSS; in Deno 2.7 also a P-384 key with SHA-256) and throws at
 * others (P-521). There the names and key identifiers have to do: better than refusing a good chain.
 */
function verifiable(issuer: ParsedCertificate, { signatureAlgorithm }: ParsedCertificate): boolean {
  return VERIFIABLE[signatureAlgorithm]?.test(issuer.details.keyType) ?? false;
}
