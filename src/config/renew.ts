/**
 * The certificate store read again, while the rest of a configuration stays as it was accepted. Each certificate stands
 * for itself: what is broken stays old and keeps nothing else from being renewed.
 *
 * @module
 */

import { loadCertificateStore } from "./certificate_store.ts";
import { Findings, placeFindings } from "./findings.ts";
import type { CertificateKind, StoredCertificate } from "./model.ts";
import { hashOfFile, type NamedFiles } from "./read_file.ts";
import type { ValidConfig } from "./validate.ts";

/** A certificate whose files have changed and cannot be used. */
export interface Refusal {
  readonly name: string;
  readonly kind: CertificateKind;
  /** What is wrong with the files: `keyFile must …, got …`. */
  readonly reason: string;
}

/** A configuration with its certificates read again. */
export interface Renewal {
  /** Everything that could be renewed is; warnings are those of what was. The same object when nothing was. */
  readonly valid: ValidConfig;
  readonly refused: readonly Refusal[];
}

/** Reads those certificates and client CAs again whose files have changed. */
export function renewCertificates(valid: ValidConfig, files: NamedFiles, now: Date): Renewal {
  const renewed = {
    certificates: new Map(valid.certificates),
    clientCAs: new Map(valid.clientCAs),
    stored: [...valid.stored],
  };
  const refused: Refusal[] = [];
  const warnings = new Findings();
  for (const [index, entry] of valid.stored.entries()) {
    if (!hasChanged(entry, files)) continue;
    const findings = new Findings();
    const { certificates, clientCAs, stored: [stored] } = loadCertificateStore(
      sectionsOf(valid, entry),
      files,
      now,
      findings,
    );
    if (stored === undefined) {
      const reason = findings.errors.map(({ path, message }) => `${path.at(-1)} ${message}`).join("; ");
      refused.push({ name: entry.name, kind: entry.kind, reason });
      continue;
    }
    renewed.stored[index] = stored;
    for (const [name, pair] of certificates) renewed.certificates.set(name, pair);
    for (const [name, pem] of clientCAs) renewed.clientCAs.set(name, pem);
    for (const { path, message } of findings.warnings) warnings.warn(path, message);
  }
  const isSame = renewed.stored.every((entry, index) => entry === valid.stored[index]);
  if (isSame) return { valid, refused };
  return { valid: { ...valid, ...renewed, warnings: placeFindings(valid.source, warnings.warnings) }, refused };
}

/** The sections with one entry only. */
function sectionsOf({ config }: ValidConfig, { kind, name }: StoredCertificate) {
  const only = <Settings>(section: Readonly<Record<string, Settings>>) =>
    Object.fromEntries(Object.entries(section).filter(([key]) => key === name));
  return kind === "certificate" ? { certificates: only(config.certificates) } : { clientCAs: only(config.clientCAs) };
}

function hasChanged(entry: StoredCertificate, { readFile }: NamedFiles): boolean {
  return entry.files.some(({ path, hash }) => hashOfFile(path, readFile) !== hash);
}
