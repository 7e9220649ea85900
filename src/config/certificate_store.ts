/**
 * The certificate store as a whole: the sections `certificates` and `clientCAs` with the contents of their files.
 *
 * @module
 */

import { type CertificatePair, loadCertificate } from "./certificates.ts";
import { loadClientCA } from "./client_cas.ts";
import { sameData } from "./diff.ts";
import type { Findings } from "./findings.ts";
import type { CertificateKind, StoredCertificate } from "./model.ts";
import { hashOfFile, type NamedFiles } from "./read_file.ts";
import type { Config } from "./schema.ts";

/** Certificates and client CAs that can be used. */
export interface CertificateStore {
  readonly certificates: Map<string, CertificatePair>;
  /** PEM. */
  readonly clientCAs: Map<string, string>;
  /** What can be said of both; certificates first, in the order of the file. */
  readonly stored: StoredCertificate[];
}

/** A certificate or client CA that came with a request, PEM. */
export interface Upload {
  readonly kind: CertificateKind;
  readonly name: string;
  readonly certificate: string;
  /** `null` for a client CA. */
  readonly key: string | null;
}

/** Entries that need not be read from their files. */
export interface StoreBase {
  /** Those that were loaded before: taken from there while they name the same files. */
  readonly loaded: {
    readonly certificates: ReadonlyMap<string, CertificatePair>;
    readonly clientCAs: ReadonlyMap<string, string>;
    readonly stored: readonly StoredCertificate[];
  };
  /** Whether one of them is to be read again all the same. */
  readonly isStale: (entry: StoredCertificate) => boolean;
  /** One that is not in files at all. */
  readonly upload: Upload | undefined;
}

/** Reads and checks everything; what has errors is left out, and they are added to `findings`. */
export function loadCertificateStore(
  sections: Partial<Pick<Config, "certificates" | "clientCAs">>,
  files: NamedFiles,
  now: Date,
  findings: Findings,
  base?: StoreBase,
): CertificateStore {
  const certificates = loadSection(sections.certificates ?? {}, {
    kind: "certificate",
    loaded: base?.loaded.certificates,
    load: (name, settings, source) => {
      const found = loadCertificate(name, settings, source, now, findings);
      return found === undefined ? undefined : { content: found.pair, stored: found.stored };
    },
  }, { files, base });
  const clientCAs = loadSection(sections.clientCAs ?? {}, {
    kind: "clientCA",
    loaded: base?.loaded.clientCAs,
    load: (name, settings, source) => {
      const found = loadClientCA(name, settings, source, now, findings);
      return found === undefined ? undefined : { content: found.pem, stored: found.stored };
    },
  }, { files, base });
  return {
    certificates: new Map(certificates.map(({ content, stored }) => [stored.name, content])),
    clientCAs: new Map(clientCAs.map(({ content, stored }) => [stored.name, content])),
    stored: [...certificates, ...clientCAs].map(({ stored }) => stored),
  };
}

interface Entry<Content> {
  readonly content: Content;
  readonly stored: StoredCertificate;
}

interface FileNames {
  readonly certFile: string;
  readonly keyFile?: string;
}

/** What is special about one of the two sections. */
interface Section<Settings, Content> {
  readonly kind: CertificateKind;
  readonly loaded: ReadonlyMap<string, Content> | undefined;
  readonly load: (name: string, settings: Settings, source: NamedFiles) => Entry<Content> | undefined;
}

function loadSection<Settings extends FileNames, Content>(
  settings: Readonly<Record<string, Settings>>,
  { kind, loaded, load }: Section<Settings, Content>,
  { files, base }: { readonly files: NamedFiles; readonly base: StoreBase | undefined },
): Entry<Content>[] {
  return Object.entries(settings).flatMap(([name, names]): Entry<Content>[] => {
    const { certFile, keyFile = null } = names;
    const stored = base?.loaded.stored.find((one) => one.kind === kind && one.name === name);
    const content = loaded?.get(name);
    const known = stored?.certFile === certFile && stored.keyFile === keyFile && content !== undefined
      ? { content, stored }
      : undefined;
    const { upload } = base ?? {};
    if (upload?.kind !== kind || upload.name !== name) {
      return known !== undefined && base?.isStale(known.stored) === false
        ? [known]
        : [load(name, names, files) ?? []].flat();
    }
    const found = load(name, names, uploadedFiles(upload, names));
    if (found === undefined) return [];
    if (known !== undefined && sameData(found.content, known.content)) return [known];
    // Its files, if it has any, hold something else: as long as they go on holding that, they are not of interest.
    const watched = (known?.stored.files ?? []).map(({ path }) => ({ path, hash: hashOfFile(path, files.readFile) }));
    return [{ content: found.content, stored: { ...found.stored, persisted: false, files: watched } }];
  });
}

/** An upload, as if its files held it. */
function uploadedFiles({ certificate, key }: Upload, { certFile, keyFile }: FileNames): NamedFiles {
  return {
    readFile: (path) => (path === certFile ? certificate : "") + (path === keyFile ? key ?? "" : ""),
    fileMode: () => null,
  };
}
