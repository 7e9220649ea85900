/**
 * Why a TLS handshake failed: one word for each, the same in logs, metrics and the admin API.
 *
 * @module
 */

/** Every reason for which a handshake fails, in the order in which the board counts them. */
export const HANDSHAKE_FAILURES = [
  /** What the client sent is not TLS: plain text, say. */
  "not_tls",
  /** The client's first message is larger than any real one. */
  "hello_too_large",
  /** The client speaks older versions of TLS only. */
  "old_version",
  /** The client wants application protocols (ALPN) that the listener does not have. */
  "no_shared_alpn",
  /** The client broke the rules of TLS, or shares no cipher suite. */
  "protocol",
  /** The client refused: it does not trust the certificate, say. */
  "client_alert",
  /** The client hung up in the middle. */
  "hung_up",
  /** The client showed no certificate. */
  "no_certificate",
  /** The client's certificate was not issued by one of the client CAs. */
  "unknown_ca",
  /** The client's certificate has expired. */
  "expired",
  /** The client's certificate is not valid yet. */
  "not_yet_valid",
  /** The client's certificate is not for clients. */
  "wrong_purpose",
  /** The client's certificate is wrong in another way. */
  "bad_certificate",
  /** The handshake took longer than it may. */
  "timeout",
  /** Newer handshakes needed the place of this one. */
  "too_many",
] as const;

/** Why a handshake failed. */
export type HandshakeFailure = (typeof HANDSHAKE_FAILURES)[number];

/** Failures that say something about the client's certificate. */
export const CERTIFICATE_FAILURES: ReadonlySet<HandshakeFailure> = new Set<HandshakeFailure>([
  "no_certificate",
  "unknown_ca",
  "expired",
  "not_yet_valid",
  "wrong_purpose",
  "bad_certificate",
]);

/** A handshake that failed. */
export class HandshakeError extends Error {
  override readonly name = "HandshakeError";
  /** Why it failed. */
  readonly failure: HandshakeFailure;

  /** The host name that the client asked for; `null` when it asked for none, or did not get that far. */
  readonly serverName: string | null;

  /** @param failure why, @param detail for people, @param serverName what the client asked for */
  constructor(failure: HandshakeFailure, detail: string, serverName: string | null = null) {
    super(detail);
    this.failure = failure;
    this.serverName = serverName;
  }
}
