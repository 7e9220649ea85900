/**
 * The certificate store as a whole: the sections `certificates` and `clientCAs` with the contents of their files.
 *
 * @module
 */

import { type CertificatePair, loadCertificate } from "./certificates.ts";
import { loadClientCA } from "./client_cas.ts";
import type { Findings } from "./findings.ts";
import type { StoredCertificate } from "./model.ts";
import type { NamedFiles } from "./read_file.ts";
import type { Config } from "./schema.ts";

/** Certificates and client CAs that can be used. */
export interface CertificateStore {
  readonly certificates: Map<string, CertificatePair>;
  /** PEM. */
  readonly clientCAs: Map<string, string>;
  /** What can be said of both; certificates first, in the order of the file. */
  readonly stored: StoredCertificate[];
}

/** Reads and checks everything; what has errors is left out, and they are added to `findings`. */
export function loadCertificateStore(
  sections: Partial<Pick<Config, "certificates" | "clientCAs">>,
  files: NamedFiles,
  now: Date,
  findings: Findings,
): CertificateStore {
  const store: CertificateStore = { certificates: new Map(), clientCAs: new Map(), stored: [] };
  for (const [name, settings] of Object.entries(sections.certificates ?? {})) {
    const loaded = loadCertificate(name, settings, files, now, findings);
    if (loaded === undefined) continue;
    store.certificates.set(name, loaded.pair);
    store.stored.push(loaded.stored);
  }
  for (const [name, settings] of Object.entries(sections.clientCAs ?? {})) {
    const loaded = loadClientCA(name, settings, files, now, findings);
    if (loaded === undefined) continue;
    store.clientCAs.set(name, loaded.pem);
    store.stored.push(loaded.stored);
  }
  return store;
}
