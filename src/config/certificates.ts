/**
 * The certificate store: reads certificate and key files and refuses whatever would make handshakes fail later.
 *
 * @module
 */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { messageOf } from "../errors.ts";
import type { Findings } from "./findings.ts";
import { type ReadFile, readReason } from "./read_file.ts";
import type { Config } from "./schema.ts";

/** A certificate chain and its private key, PEM. */
export interface CertificatePair {
  readonly certPem: string;
  readonly keyPem: string;
}

const WARN_BEFORE_EXPIRY_MS = 30 * 24 * 3600 * 1000;

/**
 * Reads and checks every certificate: readable, a chain of X.509 certificates, a private key, key and certificate
 * belong together, dates, and accepted by the TLS library that will use them.
 */
export function loadCertificates(
  certificates: Config["certificates"],
  readFile: ReadFile,
  now: Date,
  findings: Findings,
): Map<string, CertificatePair> {
  const store = new Map<string, CertificatePair>();
  for (const [name, { certFile, keyFile }] of Object.entries(certificates)) {
    const path = ["certificates", name];
    const read = (key: "certFile" | "keyFile", file: string) => {
      try {
        return readFile(file);
      } catch (error) {
        findings.error([...path, key], `cannot read ${JSON.stringify(file)}: ${readReason(error)}`);
        return undefined;
      }
    };
    const certPem = read("certFile", certFile);
    const keyPem = read("keyFile", keyFile);
    const certificate = certPem === undefined ? undefined : parse(() => new X509Certificate(certPem), () => {
      findings.error([...path, "certFile"], `must hold a PEM certificate, got ${JSON.stringify(certFile)}`);
    });
    const key = keyPem === undefined ? undefined : parse(() => createPrivateKey(keyPem), () => {
      findings.error([...path, "keyFile"], `must hold an unencrypted PEM private key, got ${JSON.stringify(keyFile)}`);
    });
    if (certPem === undefined || keyPem === undefined || certificate === undefined || key === undefined) continue;
    if (!checkDates(certificate, certFile, [...path, "certFile"], now, findings)) continue;
    const refusal = refusalOf(certificate, key, { certPem, keyPem });
    if (refusal === undefined) store.set(name, { certPem, keyPem });
    else {findings.error(
        [...path, "keyFile"],
        `${refusal}, got ${JSON.stringify(keyFile)} for ${JSON.stringify(certFile)}`,
      );}
  }
  return store;
}

function parse<Value>(read: () => Value, refuse: () => void): Value | undefined {
  try {
    return read();
  } catch {
    refuse();
    return undefined;
  }
}

function checkDates(
  certificate: X509Certificate,
  file: string,
  path: string[],
  now: Date,
  findings: Findings,
): boolean {
  const [from, to] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
  if (to <= now) {
    findings.error(path, `must not have expired, got ${JSON.stringify(file)}, valid until ${to.toISOString()}`);
    return false;
  }
  if (from > now) {
    findings.error(path, `must be valid already, got ${JSON.stringify(file)}, valid from ${from.toISOString()}`);
    return false;
  }
  if (to.getTime() - now.getTime() < WARN_BEFORE_EXPIRY_MS) {
    findings.warn(path, `${JSON.stringify(file)} expires on ${to.toISOString()}`);
  }
  return true;
}

function refusalOf(certificate: X509Certificate, key: KeyObject, pair: CertificatePair): string | undefined {
  if (!certificate.checkPrivateKey(key)) return "must be the certificate's private key";
  try {
    // The TLS library reads the pair in the same way for clients and for listeners, and a client needs no socket.
    Deno.createHttpClient({ cert: pair.certPem, key: pair.keyPem }).close();
    return undefined;
  } catch (error) {
    return `must be a key that TLS can use (${messageOf(error)})`;
  }
}
