/**
 * The files that Weir itself writes for certificates: where they are, and how they are known again.
 *
 * @module
 */

import type { CertificateKind } from "./model.ts";

/** Stands above the first block of every file that Weir has put there by itself. */
const MARK = "Written by the Weir load balancer, which deletes this file with its entry.\n";

/** Beside the configuration. */
const FOLDER = "certificates";

/** What the files of a new entry are called, relative to the configuration. */
export function ownFileNames(kind: CertificateKind, name: string): { certFile: string; keyFile: string | null } {
  // A certificate and a client CA may share a name.
  if (kind === "clientCA") return { certFile: `${FOLDER}/clientCAs/${name}.pem`, keyFile: null };
  return { certFile: `${FOLDER}/${name}.pem`, keyFile: `${FOLDER}/${name}.key` };
}

/** Whether a path is one that Weir gives to an entry. */
export function isOwnName(kind: CertificateKind, name: string, path: string): boolean {
  const { certFile, keyFile } = ownFileNames(kind, name);
  return path === certFile || path === keyFile;
}

/** PEM text as Weir writes it to files of its own. */
export function withMark(pem: string): string {
  return MARK + pem;
}

/**
 * Deletes a file that Weir has written, and that nobody has changed into something else since.
 *
 * @param path absolute
 * @returns whether it did; a link, or a file of somebody else, stays
 */
export function removeOwn(path: string): boolean {
  try {
    if (!Deno.lstatSync(path).isFile || !Deno.readTextFileSync(path).startsWith(MARK)) return false;
  } catch {
    return false; // it has gone, or belongs to somebody else
  }
  Deno.removeSync(path);
  return true;
}
