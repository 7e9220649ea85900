/**
 * What clients and servers show as their certificates, DER after DER, the own one first: whether they are let in, and
 * what is said of them.
 *
 * @module
 */

import type { LogRecord } from "@logtape/logtape";
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { renderAccess } from "../../../src/access_log/render.ts";
import { readPem } from "../../../src/config/pem.ts";
import { sequence } from "../../../src/demo/der.ts";
import { formatJson, formatText } from "../../../src/log.ts";
import { readCertificate } from "../../../src/net/tls/certificate.ts";
import { CheckedCertificates, type ClientIdentity, identify } from "../../../src/net/tls/client_certificate.ts";
import { derElement } from "../../../src/net/tls/der.ts";
import { HandshakeError } from "../../../src/net/tls/handshake_failure.ts";
import { checkServer, PassedChains, ServerTlsError } from "../../../src/net/tls/server_certificate.ts";
import { identityOf } from "../../../src/net/tls/server_identity.ts";
import { hex } from "../../../src/net/tls/strict_der.ts";
import { MOST_CERTIFICATES } from "../../../src/net/tls/trust.ts";
import { accessRecord, SessionNotes } from "../../../src/session/access_record.ts";
import type { EndDetail } from "../../../src/session/session_context.ts";
import { RefusalLog } from "../../../src/worker/refusal_log.ts";
import { issue, type Issued, PURPOSES } from "../../support/authority.ts";
import { type FuzzTarget, shapeOf } from "../target.ts";

const NOW = Date.UTC(2026, 10, 20);
const HOST = "app.internal";
const BOTH = [PURPOSES.server, PURPOSES.client];

const root = await issue({ name: "Root", ca: true });
const between = await issue({ name: "Between", ca: true, issuer: root });
const stranger = await issue({ name: "Root", ca: true });

/** Those that may come in, as servers and as clients. */
const welcome = await Promise.all([
  issue({ name: "a", hosts: [HOST, "*.example.com"], issuer: between, purposes: BOTH }),
  issue({ name: "b", hosts: [HOST], issuer: root, purposes: BOTH }),
  issue({ name: "eve1", hosts: [HOST], issuer: root, purposes: BOTH }),
  issue({ name: "😀".repeat(127) + "x😀😀", hosts: [HOST], issuer: root, purposes: BOTH }),
  issue({ name: "x".repeat(294) + "😀😀", hosts: [HOST], issuer: root, purposes: BOTH }),
  issue({ name: "a\nCN=b\r\u009b31m\u202e\u2028,\"'", hosts: [HOST], issuer: root, purposes: BOTH }),
]);

/** And some that may not. */
const [self, expired, byLeaf, ofStranger, elsewhere, useless] = await Promise.all([
  issue({ name: "a", hosts: [HOST] }),
  issue({ name: "a", hosts: [HOST], issuer: root, to: "2021-01-01T00:00:00Z" }),
  issue({ name: "a", hosts: [HOST], issuer: welcome[1] ?? root }),
  issue({ name: "a", hosts: [HOST], issuer: stranger }),
  issue({ name: "a", hosts: ["other.internal", "\u009b31m", "a b"], issuer: root, purposes: [PURPOSES.server] }),
  issue({ name: "a", hosts: [HOST], issuer: root, extensions: [{ id: "1.2.3", critical: true, value: sequence() }] }),
]);

function derOf({ certPem }: Issued): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(readPem(certPem)[0]?.der ?? []);
}

const signedOf = (bytes: Uint8Array<ArrayBuffer>) => hex(readCertificate(bytes).signed);

/** Whoever has the key of a CA could give itself a certificate. */
const WELCOME: ReadonlySet<string> = new Set([...welcome, between, root].map((one) => signedOf(derOf(one))));

const CAS = { name: "partners", certificates: [readCertificate(derOf(root))] };

/** The certificates one after the other, as far as there are any. */
function chainIn(input: Uint8Array): Uint8Array<ArrayBuffer>[] {
  const chain: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < input.length && chain.length <= MOST_CERTIFICATES;) {
    let end = input.length;
    try {
      end = derElement(input, at).end;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    chain.push(Uint8Array.from(input.subarray(at, end)));
    at = end;
  }
  return chain;
}

function assertIssued(own: Uint8Array<ArrayBuffer> | undefined, who: string): void {
  assert.ok(own !== undefined && WELCOME.has(signedOf(own)), `a ${who} gets in whom nobody has let in`);
}

async function asServer(chain: readonly Uint8Array<ArrayBuffer>[]): Promise<string> {
  const shown = { chain, verifyError: "", resumed: false };
  const expected = () => ({ identity: identityOf(HOST), where: "10.0.0.1:443", cas: CAS, passed: new PassedChains() });
  try {
    await checkServer(shown, expected(), NOW);
  } catch (error) {
    if (!(error instanceof ServerTlsError)) throw error;
    assertSaid({ text: error.message });
    return error.message;
  }
  assertIssued(chain[0], "server");
  await assert.rejects(checkServer({ ...shown, verifyError: "bad" }, expected(), NOW), ServerTlsError);
  return "let in";
}

async function asClient(chain: readonly Uint8Array<ArrayBuffer>[]): Promise<string> {
  const [raw] = chain;
  const certificate = raw === undefined ? undefined : { raw };
  const checked = new CheckedCertificates(root.certPem);
  const [refused] = named(() => identify({ certificate, verifyError: "bad", resumed: false }, checked, new Date(NOW)));
  assert.ok(refused instanceof HandshakeError, "a client gets in that the library has refused");
  assertSaid({ text: refused.message, failure: refused.failure });
  // The library has found nothing wrong, so this is about who it is, in whatever words.
  const [told] = named(() => identify({ certificate, verifyError: "", resumed: false }, checked, new Date(NOW)));
  if (told instanceof HandshakeError) assertSaid({ text: told.message, failure: told.failure });
  else assertNamed(told);
  // Nobody has looked at it before.
  const others = new CheckedCertificates(root.certPem);
  if (raw !== undefined && !(told instanceof HandshakeError)) {
    await others.lookAgain(new X509Certificate(raw).fingerprint256, chain, NOW);
  }
  const [again] = named(() => identify({ certificate, verifyError: "", resumed: true }, others, new Date(NOW)));
  if (!(again instanceof HandshakeError)) assertIssued(raw, "client");
  return `${refused.failure} ${told instanceof HandshakeError} ${again instanceof HandshakeError}`;
}

/** What came of it: who it is, or why not. Everything else is a fault of ours. */
function named(look: () => ClientIdentity): [ClientIdentity | HandshakeError] {
  try {
    return [look()];
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    return [error];
  }
}

const ROUTE = { source: { address: "192.0.2.1", port: 1 }, destination: { address: "192.0.2.2", port: 2 } };

/** Somebody who got in is one line of the access log. */
function assertNamed({ commonName, subject }: ClientIdentity): void {
  assertPlain(subject);
  const facts = {
    version: "TLSv1.3",
    cipher: "x",
    alpn: null,
    serverName: null,
    client: { commonName },
    resumed: false,
  };
  assertLines(new SessionNotes(0), { reason: "client_closed", detail: undefined, facts, at: 1, time: NOW });
}

/** What is said of somebody who did not is plain and not long, in the log, the events and the access log. */
function assertSaid(detail: EndDetail): void {
  assertPlain(detail.text);
  assert.ok(detail.text.length < 700, `${detail.text.length} characters`);
  assertLines(new SessionNotes(0), { reason: "handshake_failed", detail, facts: null, at: 1, time: NOW });
  const refusals = new RefusalLog("front", (level, message, fields = {}) => {
    const record: LogRecord = {
      category: ["weir"],
      level: level === "warn" ? "warning" : level,
      message: [],
      rawMessage: "",
      timestamp: NOW,
      properties: { message, fields },
    };
    assertPlain(formatText(record));
    assertJson(formatJson(record));
  }, "info");
  refusals.note("192.0.2.1", "handshake_failed", detail);
}

function assertLines(notes: SessionNotes, end: Parameters<typeof accessRecord>[3]): void {
  const record = accessRecord("front", ROUTE, notes, end);
  assertPlain(renderAccess(record, "text"));
  assertJson(renderAccess(record, "json"));
}

/** Neither the end of a line, nor anything that moves a cursor or turns writing round, nor half of a character. */
function assertPlain(text: string): void {
  assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
}

/** Not every reader of JSON takes half of a character, though it is written as JSON allows. */
function assertJson(line: string): void {
  assertPlain(line);
  JSON.parse(line, (key, value: unknown) => {
    assert.ok(
      key.isWellFormed() && (typeof value !== "string" || value.isWellFormed()),
      `half of a character: ${line}`,
    );
    return value;
  });
}

async function check(input: Uint8Array): Promise<string> {
  const chain = chainIn(input);
  return `${chain.length} ${await asClient(chain)} ${shapeOf(await asServer(chain))}`;
}

function joined(...issued: readonly Issued[]): Uint8Array {
  return Uint8Array.from(issued.flatMap((one) => [...derOf(one)]));
}

/** A common name of four characters, as one of UTF-32 that is none. */
function withHalfCharacter(bytes: Uint8Array): Uint8Array {
  const text = [0x0c, 4, ...new TextEncoder().encode("eve1")];
  const at = bytes.findIndex((_, index) => text.every((byte, offset) => bytes[index + offset] === byte));
  assert.ok(at >= 0);
  const result = Uint8Array.from(bytes);
  result.set([0x1c, 4, 0, 0, 0xd8, 0], at);
  return result;
}

/** The target. */
export const peerCertificateTarget: FuzzTarget = {
  name: "peer-certificate",
  holds:
    "nobody gets in, as a client or as a server, whose certificate no CA that is trusted has signed as it is; refused " +
    "with an error of its own; what logs say of it is one plain line",
  isText: false,
  seeds: () => [
    ...welcome.flatMap((one) => [joined(one), joined(one, between)]),
    ...welcome.filter((_, index) => index === 2).map((one) => withHalfCharacter(joined(one))),
    ...[self, expired, byLeaf, ofStranger, elsewhere, useless].map((one) => joined(one)),
    joined(byLeaf, ...welcome.slice(1, 2)),
    joined(ofStranger, stranger, root),
    joined(root),
    joined(between, root),
    new Uint8Array(),
  ],
  words: [
    ...[[0x30, 0x80], [0x30, 0x84, 0xff, 0xff, 0xff, 0xff], [0x02, 0x01], [0x06, 0x03, 0x55, 0x1d], [0xa0], [0xa3]],
    ...[[0x1c, 4, 0, 0, 0xd8, 0], [0x1e, 2, 0xd8, 0], [0x0c, 0x82], [0x17, 0x0d], [0x18, 0x0f], [0x01, 0x01, 0xff]],
    ...[[...between.name], [...root.name], [0x03, 0x02, 0x00, 0x00], [0x05, 0x00]],
  ].map((bytes) => Uint8Array.from(bytes)),
  longest: 8000,
  check,
};
