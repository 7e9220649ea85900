/**
 * A file with certificates: read, every certificate in it parsed, its version and dates checked.
 *
 * @module
 */

import { ordinal } from "./chain.ts";
import type { Findings } from "./findings.ts";
import type { CertificateDetails } from "./model.ts";
import { readPem, writePem } from "./pem.ts";
import { cannotRead, contentHash, type NamedFiles } from "./read_file.ts";
import { parseCertificate, type ParsedCertificate } from "./x509.ts";

/** The certificates of a file, all of them right by themselves. */
export interface CertificateFile {
  readonly chain: readonly [ParsedCertificate, ...ParsedCertificate[]];
  readonly details: readonly [CertificateDetails, ...CertificateDetails[]];
  /** The certificates and nothing else of the file. */
  readonly pem: string;
  /** Stands for what the file held. */
  readonly hash: string;
}

const WARN_BEFORE_EXPIRY_MS = 30 * 24 * 3600 * 1000;

/**
 * Reads a file with one or more certificates. A private key beside them is passed over.
 *
 * @returns `undefined` when there are errors, which are added to `findings`
 */
export function readCertificateFile(
  file: string,
  path: string[],
  files: NamedFiles,
  now: Date,
  findings: Findings,
): CertificateFile | undefined {
  const quoted = JSON.stringify(file);
  let text: string;
  try {
    text = files.readFile(file);
  } catch (error) {
    findings.error(path, cannotRead(file, error));
    return undefined;
  }
  const blocks = readPem(text).filter(({ label }) => label === "CERTIFICATE" || label === "X509 CERTIFICATE");
  const chain: ParsedCertificate[] = [];
  for (const [index, { der }] of blocks.entries()) {
    const parsed = der === undefined ? undefined : parseCertificate(der);
    if (parsed !== undefined) chain.push(parsed);
    else if (blocks.length > 1) {
      findings.error(
        path,
        `must hold certificates that can be read, got ${quoted} in which certificate ${index + 1} cannot`,
      );
    }
  }
  const [first, ...rest] = chain;
  if (first === undefined && blocks.length < 2) {
    findings.error(path, `must hold a PEM certificate, got ${quoted}`);
  }
  if (first === undefined || chain.length < blocks.length) return undefined;
  const right = chain.map((one, index) => {
    const which = chain.length === 1 ? quoted : `${ordinal(index, one)} of ${quoted}`;
    return checkOne(one, which, path, now, findings);
  });
  if (right.includes(false)) return undefined;
  return {
    chain: [first, ...rest],
    details: [first.details, ...rest.map((one) => one.details)],
    pem: chain.map((one) => writePem("CERTIFICATE", one.der)).join(""),
    hash: contentHash(text),
  };
}

/** @param which how the certificate is called in messages */
function checkOne(
  { version, details }: ParsedCertificate,
  which: string,
  path: string[],
  now: Date,
  findings: Findings,
): boolean {
  const [from, to] = [new Date(details.validFrom), new Date(details.validTo)];
  const fault = version !== 3
    ? `must be an X.509 version 3 certificate, got ${which} with version ${version}, which TLS does not take`
    : to <= now
    ? `must not have expired, got ${which}, valid until ${details.validTo}`
    : from > now
    ? `must be valid already, got ${which}, valid from ${details.validFrom}`
    : undefined;
  if (fault !== undefined) {
    findings.error(path, fault);
    return false;
  }
  if (to.getTime() - now.getTime() < WARN_BEFORE_EXPIRY_MS) {
    findings.warn(path, `${which} expires on ${details.validTo}`);
  }
  return true;
}
