/**
 * What to make of the certificates that a server has shown. Whatever is not understood is refused.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { type Certificate, readCertificate } from "./certificate.ts";
import { pemOf } from "./certificate_list.ts";
import { DerError } from "./strict_der.ts";
import { isFor, type ServerIdentity } from "./server_identity.ts";
import { isForServers, pathToTrust } from "./trust.ts";

/** A server's TLS that did not come about; the message says why, for people, and names the server. */
export class ServerTlsError extends Error {
  override readonly name = "ServerTlsError";
}

/** Who vouches for servers. */
export interface TrustedCas {
  /** How the configuration calls them. */
  readonly name: string;
  readonly certificates: readonly Certificate[];
}

/** What a server must show. */
export interface ServerExpectation {
  readonly identity: ServerIdentity;
  /** The server as messages call it. */
  readonly where: string;
  /** `null` leaves it to the TLS library and the CAs that it knows. */
  readonly cas: TrustedCas | null;
  /** Chains that have passed before. */
  readonly passed: PassedChains;
}

/** What the TLS library found out about a server. */
export interface ShownChain {
  /** DER, the server's own certificate first. */
  readonly chain: readonly Uint8Array[];
  /** What the library's check found; empty when it found nothing wrong. */
  readonly verifyError: string;
  /** Whether an earlier session goes on, without any check. */
  readonly resumed: boolean;
}

/** Chains that are remembered; each takes 150 bytes. */
const REMEMBERED = 256;

/** Chains that have passed every check against one set of CAs, so that each is looked at once and not per connection. */
export class PassedChains {
  readonly #windows = new Map<string, { readonly from: number; readonly to: number }>();

  /** Remembers a chain for as long as all its certificates are valid. @param path those that counted */
  add(key: string, path: readonly Certificate[]): void {
    this.#windows.set(key, {
      from: Math.max(...path.map(({ validFrom }) => validFrom)),
      to: Math.min(...path.map(({ validTo }) => validTo)),
    });
    const [oldest] = this.#windows.keys();
    if (this.#windows.size > REMEMBERED && oldest !== undefined) this.#windows.delete(oldest);
  }

  /** Whether a chain has passed and is still valid. @param now milliseconds since 1970 */
  has(key: string, now: number): boolean {
    const window = this.#windows.get(key);
    return window !== undefined && window.from <= now && now <= window.to;
  }
}

/**
 * Lets a server pass that has shown what it must: a certificate for it, valid, meant for servers, that leads to a CA
 * which is trusted.
 *
 * @throws {ServerTlsError} when it has not
 */
export async function checkServer(shown: ShownChain, expected: ServerExpectation, now: number): Promise<void> {
  const { where, identity, cas, passed } = expected;
  const refuse = (why: string) => new ServerTlsError(`certificate of ${where} ${why}`);
  if (shown.resumed) throw new ServerTlsError(`${where} went on with a TLS session that was not offered`);
  const ders = shown.chain.map((one) => Uint8Array.from(one));
  const [own, ...others] = ders.map(readOrNothing);
  if (ders.length === 0) throw new ServerTlsError(`${where} showed no certificate`);
  const key = keyOf(ders, identity);
  if (shown.verifyError === "" && passed.has(key, now)) return;

  if (own === undefined || !canBeRead(ders[0])) throw refuse("cannot be read");
  if (own.version !== 3) throw refuse(`is of X.509 version ${own.version}, which TLS does not take`);
  if (own.validTo < now) throw refuse(`has expired, on ${dayOf(own.validTo)}`);
  if (own.validFrom > now) throw refuse(`is not valid yet, but from ${dayOf(own.validFrom)} on`);
  const path = cas === null
    ? [own]
    : await pathToTrust([own, ...others.flatMap((one) => one ?? [])], { anchors: cas.certificates, identity, now });
  if (shown.verifyError !== "" || path === undefined) {
    if (!isForServers(own)) throw refuse("is not meant for servers");
    const by = cas === null ? "a CA that is trusted here" : `"${cas.name}"`;
    throw refuse(`was not issued by ${by}${own.issuer === own.subject ? ", but by itself" : ""}`);
  }
  if (!isForServers(own)) throw refuse("is not meant for servers");
  if (!isFor(own, identity)) throw refuse(`is not for ${identity.text}, but for ${namesOf(own)}`);
  passed.add(key, path);
}

function readOrNothing(bytes: Uint8Array<ArrayBuffer>): Certificate | undefined {
  try {
    return readCertificate(bytes);
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

/**
 * Whether the TLS library can read a certificate. For one that it cannot, the handle through which it is used passes
 * over whether the server has the key; reading it as a CA takes the same code and refuses.
 */
function canBeRead(bytes: Uint8Array | undefined): boolean {
  if (bytes === undefined) return false;
  try {
    Deno.createHttpClient({ caCerts: [pemOf(bytes)] }).close();
    return true;
  } catch {
    return false;
  }
}

function keyOf(chain: readonly Uint8Array[], { kind, text }: ServerIdentity): string {
  const hash = createHash("sha256");
  for (const one of chain) hash.update(`${one.length},`).update(one);
  return `${kind} ${text} ${hash.digest("hex")}`;
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

const SHOWN_NAMES = 3;

/** Servers choose what stands there, and it goes to logs. */
function namesOf({ hosts, addresses }: Certificate): string {
  const names = [...hosts.map((host) => host.replace(/[^a-z0-9_.*-]/g, "?").slice(0, 80)), ...addresses.map(addressOf)];
  if (names.length === 0) return "no name at all";
  const more = names.length - SHOWN_NAMES;
  return names.slice(0, SHOWN_NAMES).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function addressOf(bytes: string): string {
  const octets = bytes.match(/../g)?.map((byte) => parseInt(byte, 16)) ?? [];
  return octets.length === 4 ? octets.join(".") : bytes.slice(0, 32).replace(/(.{4})(?=.)/g, "$1:");
}
