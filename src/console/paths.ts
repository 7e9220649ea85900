/**
 * The addresses of pages.
 *
 * @module
 */

import type { CertificateKind } from "../config/model.ts";

/** A listener's page. */
export function listenerPath(name: string): string {
  return `/listeners/${encodeURIComponent(name)}`;
}

/** A backend group's page. */
export function groupPath(name: string): string {
  return `/backend-groups/${encodeURIComponent(name)}`;
}

/** The page of a certificate or an entry of client CAs. */
export function certificatePath(kind: CertificateKind, name: string): string {
  return `/${kind === "certificate" ? "certificates" : "client-cas"}/${encodeURIComponent(name)}`;
}

/** An IP group's page. */
export function ipGroupPath(name: string): string {
  return `/ip-groups/${encodeURIComponent(name)}`;
}
