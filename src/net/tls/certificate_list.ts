/**
 * Certificates between PEM (RFC 7468) and what they say.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { type Certificate, readCertificate } from "./certificate.ts";

/** The certificates in a PEM text that holds nothing else. @throws {Error} when one of them cannot be read */
export function certificatesIn(pem: string): Certificate[] {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return found.map((one) => readCertificate(Uint8Array.from(new X509Certificate(one).raw)));
}

/** One certificate as PEM. */
export function pemOf(der: Uint8Array): string {
  const base64 = btoa(Array.from(der, (byte) => String.fromCharCode(byte)).join(""));
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{1,64}/g, "$&\n")}-----END CERTIFICATE-----\n`;
}
