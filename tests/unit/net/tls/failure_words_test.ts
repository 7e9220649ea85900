/** The TLS library's words as reasons: those of every version that Weir is built with. @module */

import assert from "node:assert/strict";
import { failureInWords, plainWords } from "../../../../src/net/tls/failure_words.ts";
import type { HandshakeFailure } from "../../../../src/net/tls/handshake_failure.ts";

// As seen with Deno 2.7.14 and 2.9.6; what the real ones say now is tested with real clients in accept_test.ts.
const WORDS: readonly [text: string, expected: HandshakeFailure][] = [
  ["peer sent no certificates", "no_certificate"],
  ["invalid peer certificate: BadSignature", "bad_certificate"],
  ["invalid peer certificate: Expired", "bad_certificate"],
  ["peer doesn't support any known protocol", "no_shared_alpn"],
  ["peer is incompatible: Tls12NotOffered", "old_version"],
  ["peer is incompatible: Tls12NotOfferedOrEnabled", "old_version"],
  ["peer is incompatible: SupportedVersionsExtensionRequired", "old_version"],
  ["received fatal alert: UnknownCA", "client_alert"],
  ["received fatal alert: CertificateUnknown", "client_alert"],
  ["received fatal alert: HandshakeFailure", "client_alert"],
  ["received corrupt message of type InvalidContentType", "not_tls"],
  [
    "received corrupt message of type InvalidContentType (SSL routines:ssl3_get_record:wrong version number)",
    "not_tls",
  ],
  ["received corrupt message of type InvalidServerName", "protocol"],
  [
    "received corrupt message of type InvalidServerName (SSL routines:ssl3_get_record:wrong version number)",
    "protocol",
  ],
  ['received corrupt message of type MissingData("SessionID")', "protocol"],
  ["peer is incompatible: NoCipherSuitesInCommon", "protocol"],
  ["peer is incompatible: SignatureAlgorithmsExtensionRequired", "protocol"],
  ["peer misbehaved: ServerNameMustContainOneHostName", "protocol"],
  ["received unexpected message: got ApplicationData when expecting Handshake", "protocol"],
  ["cannot decrypt peer's message", "protocol"],
  ["", "protocol"],
];

for (const [text, expected] of WORDS) {
  Deno.test(`failureInWords() takes "${text}" for ${expected}`, () => assert.equal(failureInWords(text), expected));
}

Deno.test("plainWords() leaves out what the runtime adds to look like OpenSSL, and nothing else", () => {
  const text = "received corrupt message of type InvalidServerName";
  assert.equal(plainWords(`${text} (SSL routines:ssl3_get_record:wrong version number)`), text);
  for (const other of ["", text, "peer is incompatible (really)"]) assert.equal(plainWords(other), other);
});
