/**
 * Putting a certificate into the store, and taking one out. Pure.
 *
 * @module
 */

import type { ConfigChange, MakeChange, NamedWrite } from "./accepted.ts";
import type { Upload } from "./certificate_store.ts";
import type { CertificateKind } from "./model.ts";
import { isOwnName, ownFileNames, withMark } from "./own_files.ts";
import { readPem, writePem } from "./pem.ts";
import type { ConfigPath } from "./source.ts";
import type { ValidConfig } from "./validate.ts";
import { SECRET_MODE } from "./write_files.ts";

/** Which entry of the store is meant. */
export type EntryName = Pick<Upload, "kind" | "name">;

/** Creates an entry with files of its own, or renews one in the files that it has. */
export function putCertificate(given: Upload): MakeChange {
  const upload = tidied(given);
  const { kind, name, certificate, key } = upload;
  return (base): ConfigChange => {
    const settings = settingsOf(base, given);
    const { certFile, keyFile } = settings ?? ownFileNames(kind, name);
    const write = (path: string, content: string, mode: number | undefined): NamedWrite => ({
      name: path,
      content: isOwnName(kind, name, path) ? withMark(content) : content,
      mode,
      expected: settings === undefined ? null : hashIn(base, given, path),
    });
    const files = keyFile === certFile ? [write(certFile, certificate + (key ?? ""), SECRET_MODE)] : [
      write(certFile, certificate, settings === undefined ? SECRET_MODE : undefined),
      ...(keyFile === null ? [] : [write(keyFile, key ?? "", SECRET_MODE)]),
    ];
    const path = pathOf(given);
    const value = { certFile, ...(keyFile === null ? {} : { keyFile }) };
    return { path, edits: settings === undefined ? [{ path, value }] : [], upload, files, leftovers: [] };
  };
}

/** Takes an entry out; the configuration is not valid then if somebody uses it. */
export function deleteCertificate(entry: EntryName): MakeChange {
  return (base): ConfigChange => {
    const path = pathOf(entry);
    const { certFile, keyFile } = settingsOf(base, entry) ?? ownFileNames(entry.kind, entry.name);
    const others = [
      ...Object.entries(base.config.certificates).filter(([name]) =>
        entry.kind !== "certificate" || name !== entry.name
      ),
      ...Object.entries(base.config.clientCAs).filter(([name]) => entry.kind !== "clientCA" || name !== entry.name),
    ].flatMap(([, settings]) => Object.values(settings));
    const leftovers = [certFile, ...(keyFile === null ? [] : [keyFile])]
      .filter((file) => isOwnName(entry.kind, entry.name, file) && !others.includes(file));
    return { path, edits: [{ path, value: undefined }], files: [], leftovers };
  };
}

function pathOf({ kind, name }: EntryName): ConfigPath {
  return [sectionOf(kind), name];
}

function sectionOf(kind: CertificateKind): "certificates" | "clientCAs" {
  return kind === "certificate" ? "certificates" : "clientCAs";
}

function settingsOf({ config }: ValidConfig, { kind, name }: EntryName) {
  if (!Object.hasOwn(config[sectionOf(kind)], name)) return undefined;
  if (kind === "certificate") return config.certificates[name];
  const certFile = config.clientCAs[name]?.certFile;
  return certFile === undefined ? undefined : { certFile, keyFile: null };
}

/** What a file of an entry held when it was read; `undefined` when it never was. */
function hashIn({ stored }: ValidConfig, { kind, name }: EntryName, path: string): string | undefined {
  return stored.find((one) => one.kind === kind && one.name === name)?.files.find((file) => file.path === path)?.hash;
}

/** Only what was asked for: a key beside the certificate must not get into a file that others may read. */
function tidied({ certificate, key, ...entry }: Upload): Upload {
  return {
    ...entry,
    certificate: onlyBlocks(certificate, (label) => label.endsWith("CERTIFICATE")),
    key: key === null ? null : onlyBlocks(key, (label) => label.endsWith("PRIVATE KEY")),
  };
}

/** The blocks of one kind and nothing else; the text itself when it is broken, so that the checks can say how. */
function onlyBlocks(pem: string, isWanted: (label: string) => boolean): string {
  const blocks = readPem(pem).filter(({ label }) => isWanted(label));
  if (blocks.length === 0 || blocks.some(({ der, encrypted }) => der === undefined || encrypted)) return pem;
  return blocks.map(({ label, der = new Uint8Array() }) => writePem(label, der)).join("");
}
