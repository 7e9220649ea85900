/**
 * The TLS library's errors, of which only the words are handed out, as reasons. The words differ between the two
 * runtimes that Weir is built with; what is not recognised is `protocol`.
 *
 * @module
 */

import type { HandshakeFailure } from "./handshake_failure.ts";

const WORDS: readonly (readonly [RegExp, HandshakeFailure])[] = [
  [/PEER_DID_NOT_RETURN|sent no certificates|NoCertificatesPresented/i, "no_certificate"],
  [/invalid peer certificate/i, "bad_certificate"],
  [/ALPN|application.protocol|doesn't support any known protocol/i, "no_shared_alpn"],
  [
    /PROTOCOL_VERSION|protocol version|Tls12NotOffered|SupportedVersionsExtensionRequired|Tls13RequiredForQuic/i,
    "old_version",
  ],
  [/received fatal alert|AlertReceived|ALERT_/i, "client_alert"],
  [/corrupt message of type InvalidContentType|WRONG_VERSION_NUMBER|HTTP_REQUEST/i, "not_tls"],
];

/** The reason that an error of the TLS library stands for. */
export function failureInWords(text: string): HandshakeFailure {
  return WORDS.find(([pattern]) => pattern.test(text))?.[1] ?? "protocol";
}
