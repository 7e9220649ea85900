/**
 * Client CAs: the trust anchors for the certificates of clients (mutual authentication) and of servers (TLS to them).
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import { certificatesIn } from "../net/tls/certificate_list.ts";
import { readCertificateFile } from "./certificate_file.ts";
import { ordinal } from "./chain.ts";
import type { Findings } from "./findings.ts";
import type { StoredCertificate } from "./model.ts";
import type { NamedFiles } from "./read_file.ts";
import type { Config } from "./schema.ts";

/** Client CAs that can be used, and what can be said of them. */
export interface LoadedClientCA {
  /** One or more CA certificates. */
  readonly pem: string;
  readonly stored: StoredCertificate;
}

/**
 * Reads and checks a file of CA certificates: each must be an X.509 version 3 certificate that says CA:TRUE and has not
 * expired. They need not belong together.
 *
 * @returns `undefined` when there are errors, which are added to `findings`
 */
export function loadClientCA(
  name: string,
  { certFile }: Config["clientCAs"][string],
  files: NamedFiles,
  now: Date,
  findings: Findings,
): LoadedClientCA | undefined {
  const path = ["clientCAs", name, "certFile"];
  const file = readCertificateFile(certFile, path, files, now, findings);
  if (file === undefined) return undefined;
  const quoted = JSON.stringify(certFile);
  const wrong = file.chain.findIndex((one) => !one.x509.ca);
  const bad = file.chain[wrong];
  if (bad !== undefined) {
    const which = file.chain.length === 1 ? quoted : `${quoted} in which ${ordinal(wrong, bad)} does not`;
    findings.error(path, `must hold CA certificates, which say CA:TRUE in their basic constraints, got ${which}`);
    return undefined;
  }
  try {
    // What will read them to check servers is stricter than what has read them so far.
    certificatesIn(file.pem);
    Deno.createHttpClient({ caCerts: [file.pem] }).close();
  } catch (error) {
    findings.error(path, `must hold CA certificates that TLS can use (${messageOf(error)}), got ${quoted}`);
    return undefined;
  }
  return {
    pem: file.pem,
    stored: {
      name,
      kind: "clientCA",
      certFile,
      keyFile: null,
      chain: file.details,
      persisted: true,
      files: [{ path: certFile, hash: file.hash }],
    },
  };
}
