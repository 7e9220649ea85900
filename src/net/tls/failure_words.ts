/**
 * The TLS library's errors, of which only the words are handed out, as reasons. What is not recognised is `protocol`.
 *
 * @module
 */

import type { HandshakeFailure } from "./handshake_failure.ts";

/** Words of the library itself; the error codes that the runtime puts beside them say ALERT of nearly everything. */
const WORDS: readonly (readonly [RegExp, HandshakeFailure])[] = [
  [/sent no certificates/, "no_certificate"],
  [/invalid peer certificate/, "bad_certificate"],
  [/doesn't support any known protocol/, "no_shared_alpn"],
  [/Tls12NotOffered|SupportedVersionsExtensionRequired/, "old_version"],
  [/received fatal alert/, "client_alert"],
  [/corrupt message of type InvalidContentType/, "not_tls"],
];

/** The reason that an error of the TLS library stands for. */
export function failureInWords(text: string): HandshakeFailure {
  return WORDS.find(([pattern]) => pattern.test(text))?.[1] ?? "protocol";
}

/** An error of the TLS library for people: without what the runtime adds to look like another library. */
export function plainWords(text: string): string {
  return text.replace(/ \(SSL routines:[^)]*\)$/, "");
}
