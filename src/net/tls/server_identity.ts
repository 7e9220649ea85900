/**
 * Who a server must be, and whether a certificate says so (RFC 9525): by its alternative names only, a common name
 * counts for nothing. Pure.
 *
 * @module
 */

import { familyOf, parseIpv4, parseIpv6, plainPeerAddress } from "../ip.ts";
import type { Certificate, NameConstraints, NameSubtree } from "./certificate.ts";
import { hex } from "./strict_der.ts";

/** A host name or an address that a certificate must be for. */
export interface ServerIdentity {
  readonly kind: "host" | "address";
  /** A host name in lower case and without a dot at its end, or an address. */
  readonly text: string;
  /** The bytes of an address; none for a host name. */
  readonly bytes: Uint8Array;
}

/** The identity that a host name or an address stands for. */
export function identityOf(name: string): ServerIdentity {
  const text = plainPeerAddress(name);
  const octets = parseIpv4(text);
  if (octets !== undefined) return { kind: "address", text, bytes: Uint8Array.from(octets) };
  const groups = parseIpv6(text);
  if (groups !== undefined) {
    return { kind: "address", text, bytes: Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255])) };
  }
  return { kind: "host", text: name.toLowerCase().replace(/\.$/, ""), bytes: new Uint8Array() };
}

/** The name to ask a server for (SNI, RFC 6066): never an address; empty for none. */
export function nameToAskFor({ kind, text }: ServerIdentity): string {
  return kind === "host" ? text : "";
}

/** Whether a certificate is for a server. */
export function isFor(
  { hosts, addresses }: Pick<Certificate, "hosts" | "addresses">,
  identity: ServerIdentity,
): boolean {
  if (identity.kind === "address") return addresses.includes(hex(identity.bytes));
  return hosts.some((pattern) => matches(pattern, identity.text));
}

const LABELS = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;

/** `*.example.com` stands for one label; there must be two more, so that nobody is for a whole top-level domain. */
function matches(pattern: string, host: string): boolean {
  if (!LABELS.test(host) || familyOf(host) !== undefined) return false;
  if (!pattern.startsWith("*.")) return LABELS.test(pattern) && pattern === host;
  const parent = pattern.slice(2);
  const dot = host.indexOf(".");
  return LABELS.test(parent) && parent.includes(".") && dot > 0 && host.slice(dot + 1) === parent;
}

/** Whether a CA that is held to some names may vouch for a server. */
export function mayVouchFor(names: NameConstraints | null, identity: ServerIdentity): boolean {
  if (names === null) return true;
  if (names.excluded.some((subtree) => holds(subtree, identity))) return false;
  const permitted = names.permitted.filter((subtree) => subtree.kind === identity.kind);
  return permitted.length === 0 || permitted.some((subtree) => holds(subtree, identity));
}

function holds(subtree: NameSubtree, { kind, text, bytes }: ServerIdentity): boolean {
  if (subtree.kind === "address") {
    const { address, mask } = subtree;
    return kind === "address" && address.length === bytes.length &&
      bytes.every((byte, index) => (byte & (mask[index] ?? 0)) === ((address[index] ?? 0) & (mask[index] ?? 0)));
  }
  if (subtree.kind !== "host" || kind !== "host") return false;
  // ".example.com" is not in the standard, but in certificates: everything below example.com.
  const { host } = subtree;
  return host === "" || (!host.startsWith(".") && text === host) ||
    text.endsWith(host.startsWith(".") ? host : `.${host}`);
}
