/**
 * What to make of the certificate that a client has shown (mutual authentication). The machine checks the chain, the
 * dates and the purpose, but tells the reason in one word for all; the word for people is found here.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { HandshakeError, type HandshakeFailure } from "./handshake_failure.ts";
import type { MachineFacts, PeerCertificate } from "./machine.ts";

/** Who a client is, by its certificate. */
export interface ClientIdentity {
  /** The subject's common name; `null` when it has none. */
  readonly commonName: string | null;
  /** The whole subject on one line. */
  readonly subject: string;
}

/** What of a certificate decides why it was refused. */
export interface RefusedCertificate {
  readonly validFrom: Date;
  readonly validTo: Date;
  readonly isSelfSigned: boolean;
  /** Purposes (extended key usage, object identifiers); `undefined` when it is for any. */
  readonly purposes: readonly string[] | undefined;
}

const CLIENT_AUTHENTICATION = "1.3.6.1.5.5.7.3.2";
const ANY_PURPOSE = "2.5.29.37.0";

/** The reason for which a certificate that failed the check was refused. Pure. */
export function reasonOf(certificate: RefusedCertificate, now: Date): HandshakeFailure {
  if (certificate.isSelfSigned) return "unknown_ca";
  if (certificate.validTo <= now) return "expired";
  if (certificate.validFrom > now) return "not_yet_valid";
  const { purposes } = certificate;
  const forClients = purposes === undefined || purposes.includes(CLIENT_AUTHENTICATION) ||
    purposes.includes(ANY_PURPOSE);
  return forClients ? "unknown_ca" : "wrong_purpose";
}

/** Certificates that are remembered; 100 bytes each. */
const REMEMBERED = 100_000;

/**
 * Certificates that have passed the check against one set of client CAs. A resumed session carries the certificate of
 * an earlier one without any check, and the runtime lets a session of one listener be resumed at another.
 */
export class CheckedCertificates {
  readonly #validUntil = new Map<string, number>();

  /** Remembers one. @param validUntil milliseconds since 1970 */
  add(fingerprint: string, validUntil: number): void {
    this.#validUntil.delete(fingerprint);
    this.#validUntil.set(fingerprint, validUntil);
    if (this.#validUntil.size <= REMEMBERED) return;
    const [oldest] = this.#validUntil.keys();
    if (oldest !== undefined) this.#validUntil.delete(oldest);
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
  const x509 = new X509Certificate(certificate.raw);
  const [fingerprint, validTo] = [x509.fingerprint256, new Date(x509.validTo)];
  const subject = nameOnOneLine(x509.subject);
  const good = resumed ? checked.has(fingerprint, now.getTime()) : verifyError === "";
  if (!good) {
    const reason = reasonOf({
      validFrom: new Date(x509.validFrom),
      validTo,
      isSelfSigned: x509.subject === x509.issuer,
      purposes: purposesOf(x509),
    }, now);
    throw new HandshakeError(reason, `the client's certificate "${subject}" was refused: ${TEXTS[reason] ?? reason}`);
  }
  if (!resumed) checked.add(fingerprint, validTo.getTime());
  return { commonName: /^CN=(.+)$/m.exec(x509.subject)?.[1] ?? null, subject };
}

const TEXTS: Partial<Record<HandshakeFailure, string>> = {
  unknown_ca: "it was not issued by one of the client CAs",
  expired: "it has expired",
  not_yet_valid: "it is not valid yet",
  wrong_purpose: "it is not meant for clients",
};

/** `X509Certificate.keyUsage` is what the standard calls extended key usage. */
function purposesOf(x509: X509Certificate): readonly string[] | undefined {
  const purposes: readonly string[] | undefined = x509.keyUsage;
  return purposes === undefined || purposes.length === 0 ? undefined : purposes;
}

function nameOnOneLine(name: string): string {
  return name.split("\n").filter((part) => part !== "").join(", ");
}

/** Sets of client CAs whose checked certificates are remembered. */
const REMEMBERED_AUTHORITIES = 16;

/** What was checked, by client CA: listeners with the same one share it, and so do a listener's reloads. */
export class CheckedByAuthority {
  readonly #checked = new Map<string, CheckedCertificates>();

  /** Those of one set of client CAs, PEM. */
  of(clientCaPem: string): CheckedCertificates {
    const known = this.#checked.get(clientCaPem) ?? new CheckedCertificates();
    // Put last, as the one that was asked for last.
    this.#checked.delete(clientCaPem);
    this.#checked.set(clientCaPem, known);
    const [oldest] = this.#checked.keys();
    if (this.#checked.size > REMEMBERED_AUTHORITIES && oldest !== undefined) this.#checked.delete(oldest);
    return known;
  }
}
