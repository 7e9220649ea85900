/**
 * What to make of the certificate that a client has shown (mutual authentication). The machine checks the chain, the
 * dates and the purpose, but tells the reason in one word for all; the word for people is found here.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { messageOf } from "../../errors.ts";
import { type Certificate, readCertificate } from "./certificate.ts";
import { certificatesIn } from "./certificate_list.ts";
import { commonNameOf, isSelfIssued, versionOf } from "./der.ts";
import { HandshakeError, type HandshakeFailure } from "./handshake_failure.ts";
import type { MachineFacts, PeerCertificate } from "./machine.ts";
import { DerError } from "./strict_der.ts";
import { pathToTrust } from "./trust.ts";

/** Who a client is, by its certificate. */
export interface ClientIdentity {
  /** The subject's first common name, as it stands there; `null` when it has none. */
  readonly commonName: string | null;
  /** The subject on one line, for people; cut off when it is very long. */
  readonly subject: string;
}

/** What of a certificate decides why it was refused. */
export interface RefusedCertificate {
  readonly validFrom: Date;
  readonly validTo: Date;
  readonly isSelfSigned: boolean;
  /** Whether TLS takes it from nobody: it is a CA's own, or of X.509 version 1. */
  readonly isUnfit: boolean;
  /** Whether its purposes (extended key usage) leave clients out. */
  readonly isForOthers: boolean;
}

/** The reason for which a certificate that failed the check was refused. Pure. */
export function reasonOf(certificate: RefusedCertificate, now: Date): HandshakeFailure {
  if (certificate.isSelfSigned) return "unknown_ca";
  if (certificate.validTo <= now) return "expired";
  if (certificate.validFrom > now) return "not_yet_valid";
  if (certificate.isUnfit) return "bad_certificate";
  return certificate.isForOthers ? "wrong_purpose" : "unknown_ca";
}

/** Certificates that are remembered; 100 bytes each. */
const REMEMBERED = 100_000;

/**
 * Certificates that have passed the check against one set of client CAs. A resumed session carries the certificate of
 * an earlier one without any check, and the runtime lets a session of one listener be resumed at another.
 */
export class CheckedCertificates {
  readonly #validUntil = new Map<string, number>();
  readonly #authorities: ReadonlySet<string>;
  readonly #clientCaPem: string;

  /** @param clientCaPem the client CAs @throws {Error} when they are no certificates */
  constructor(clientCaPem: string) {
    const found = clientCaPem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    this.#authorities = new Set(found.map((pem) => new X509Certificate(pem).fingerprint256));
    this.#clientCaPem = clientCaPem;
  }

  /** Whether it is the certificate of one of the client CAs. */
  isAuthority(fingerprint: string): boolean {
    return this.#authorities.has(fingerprint);
  }

  /** Remembers what passed against other client CAs, if every one of them is one of these as well. */
  addAllOf(other: CheckedCertificates): void {
    if (![...other.#authorities].every((authority) => this.#authorities.has(authority))) return;
    for (const [fingerprint, validUntil] of other.#validUntil) this.add(fingerprint, validUntil);
  }

  /** Remembers one. @param validUntil milliseconds since 1970 */
  add(fingerprint: string, validUntil: number): void {
    this.#validUntil.delete(fingerprint);
    this.#validUntil.set(fingerprint, validUntil);
    if (this.#validUntil.size <= REMEMBERED) return;
    const [oldest] = this.#validUntil.keys();
    if (oldest !== undefined) this.#validUntil.delete(oldest);
  }

  /**
   * Looks for itself at a certificate that nobody has checked against these client CAs: one of a session from before a
   * CA was taken out of the set, whose own CA may have stayed. The client has shown then that it has the key.
   *
   * @param chain DER, the client's own certificate first, @param now milliseconds since 1970
   */
  async lookAgain(fingerprint: string, chain: readonly Uint8Array[], now: number): Promise<void> {
    if (this.has(fingerprint, now)) return;
    const path = await this.#pathFor(chain, now);
    if (path !== undefined) this.add(fingerprint, Math.min(...path.map(({ validTo }) => validTo)));
  }

  async #pathFor(chain: readonly Uint8Array[], now: number): Promise<readonly Certificate[] | undefined> {
    try {
      const shown = chain.map((one) => readCertificate(Uint8Array.from(one)));
      return await pathToTrust(shown, { anchors: certificatesIn(this.#clientCaPem), identity: null, now });
    } catch (error) {
      // One that is not well formed leads nowhere.
      if (error instanceof DerError) return undefined;
      throw error;
    }
  }

  /** Whether it was checked and is still valid. @param now milliseconds since 1970 */
  has(fingerprint: string, now: number): boolean {
    return (this.#validUntil.get(fingerprint) ?? 0) > now;
  }
}

/** What the machine found out about a client. */
export interface ShownCertificate {
  readonly certificate: PeerCertificate | undefined;
  /** What the check found; empty when it is good. */
  readonly verifyError: string;
  readonly resumed: MachineFacts["resumed"];
}

/**
 * Who the client is.
 *
 * @throws {HandshakeError} when it must not get in
 */
export function identify(shown: ShownCertificate, checked: CheckedCertificates, now: Date): ClientIdentity {
  const { certificate, verifyError, resumed } = shown;
  if (certificate?.raw === undefined) {
    throw new HandshakeError("no_certificate", "the client showed no certificate");
  }
  const { x509, commonName, subject } = parse(certificate.raw);
  const [fingerprint, validTo] = [x509.fingerprint256, new Date(x509.validTo)];
  // The machine takes a client CA's own certificate for a client's without a look at anything else.
  if (checked.isAuthority(fingerprint)) {
    throw new HandshakeError("bad_certificate", `the client showed the certificate of a client CA, "${subject}"`);
  }
  const isGood = verifyError === "" && (!resumed || checked.has(fingerprint, now.getTime()));
  if (!isGood) {
    const reason = reasonOf({
      validFrom: new Date(x509.validFrom),
      validTo,
      isSelfSigned: isSelfIssued(certificate.raw),
      isUnfit: x509.ca || versionOf(certificate.raw) === 1,
      isForOthers: isForOthers(certificate.raw),
    }, now);
    throw new HandshakeError(reason, `the client's certificate "${subject}" was refused: ${TEXTS[reason] ?? reason}`);
  }
  if (!resumed) checked.add(fingerprint, validTo.getTime());
  return { commonName, subject };
}

/** @throws {HandshakeError} `bad_certificate` when it cannot be read: the machine does not need to, to refuse it */
function parse(der: Uint8Array): { readonly x509: X509Certificate } & ClientIdentity {
  try {
    const x509 = new X509Certificate(der);
    return { x509, commonName: commonNameOf(der), subject: nameOnOneLine(x509.subject) };
  } catch (error) {
    throw new HandshakeError("bad_certificate", `the client's certificate cannot be read: ${messageOf(error)}`);
  }
}

const TEXTS: Partial<Record<HandshakeFailure, string>> = {
  unknown_ca: "it was not issued by one of the client CAs",
  expired: "it has expired",
  not_yet_valid: "it is not valid yet",
  bad_certificate: "it is a CA's own, or of X.509 version 1 where TLS needs version 3",
  wrong_purpose: "its extended key usage does not name clients",
};

const EXTENDED_KEY_USAGE = [0x06, 0x03, 0x55, 0x1d, 0x25];
const CLIENT_AUTHENTICATION = [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/**
 * The runtime does not tell a certificate's purposes (RFC 5280, 4.2.1.12), so its DER is searched for them. "Any" is not
 * enough for the TLS library. This decides about nothing but the word for a refusal.
 */
function isForOthers(der: Uint8Array): boolean {
  const at = indexOf(der, EXTENDED_KEY_USAGE, 0);
  if (at < 0) return false;
  return indexOf(der, CLIENT_AUTHENTICATION, at + EXTENDED_KEY_USAGE.length) < 0;
}

function indexOf(bytes: Uint8Array, wanted: readonly number[], from: number): number {
  for (let at = bytes.indexOf(wanted[0] ?? 0, from); at >= 0; at = bytes.indexOf(wanted[0] ?? 0, at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}

/** Characters of a subject that are shown. */
const LONGEST_SUBJECT = 300;

/** The runtime has no text for an empty name, which certificates with alternative names alone have. */
function nameOnOneLine(name: string | undefined): string {
  const line = (name ?? "").split("\n").filter((part) => part !== "").join(", ");
  // It goes to logs, and clients choose what it holds.
  const plain = line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
  return plain.length <= LONGEST_SUBJECT ? plain : `${plain.slice(0, LONGEST_SUBJECT).toWellFormed()}…`;
}

/** Sets of client CAs whose checked certificates are remembered. */
const REMEMBERED_AUTHORITIES = 16;

/** What was checked, by client CA: listeners with the same one share it, and so do a listener's reloads. */
export class CheckedByAuthority {
  readonly #checked = new Map<string, CheckedCertificates>();

  /** Those of one set of client CAs, PEM. */
  of(clientCaPem: string): CheckedCertificates {
    const known = this.#checked.get(clientCaPem) ?? this.#make(clientCaPem);
    // Put last, as the one that was asked for last.
    this.#checked.delete(clientCaPem);
    this.#checked.set(clientCaPem, known);
    const [oldest] = this.#checked.keys();
    if (this.#checked.size > REMEMBERED_AUTHORITIES && oldest !== undefined) this.#checked.delete(oldest);
    return known;
  }

  /** A CA that is added must not cost the clients of the others their sessions. */
  #make(clientCaPem: string): CheckedCertificates {
    const made = new CheckedCertificates(clientCaPem);
    for (const other of this.#checked.values()) made.addAllOf(other);
    return made;
  }
}
