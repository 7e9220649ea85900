/**
 * The TLS handshake of an accepted connection, and what is known after it.
 *
 * @module
 */

import { messageOf } from "../../errors.ts";
import { direct } from "../direct_stream.ts";
import type { ByteStream } from "../stream.ts";
import { type CheckedCertificates, type ClientIdentity, identify } from "./client_certificate.ts";
import { type ClientHello, HelloProgress, MAX_CLIENT_HELLO_BYTES, readClientHello } from "./client_hello.ts";
import { failureInWords, plainWords } from "./failure_words.ts";
import { HandshakeError, type HandshakeFailure } from "./handshake_failure.ts";
import { type MachineFacts, type MachineSettings, TlsMachine } from "./machine.ts";
import { TlsStream } from "./tls_stream.ts";

/** How a listener ends TLS, ready for use. */
export interface TlsSettings {
  /** The lowest version, as on the wire: 0x0303 is TLS 1.2. */
  readonly minVersion: number;
  /** The certificate for a client. @param serverName what it asks for, in lower case */
  settingsFor(serverName: string | null): MachineSettings;
  /** Where certificates of clients are remembered; `null` when clients need none. */
  readonly checked: CheckedCertificates | null;
}

/** What is known of a client's TLS connection. */
export interface TlsFacts extends MachineFacts {
  /** The host name that the client asked for. */
  readonly serverName: string | null;
  /** Who the client is; `null` when it need not say. */
  readonly client: ClientIdentity | null;
}

/** A connection that has gone through its handshake. */
export interface AcceptedTls {
  readonly stream: TlsStream;
  /** What is known of it, as long as the stream is open; asked for only where somebody wants to know. */
  facts(): TlsFacts;
}

/** Most hellos fit; one that does not gets a larger buffer. */
const FIRST_READ = 2048;
const TLS_1_2 = 0x0303;

/**
 * Goes through the handshake. Whoever closes the connection ends it, and hears what the runtime says of that; when it
 * fails, closing the connection is left to the caller.
 *
 * @param early what the client has sent already
 * @throws {HandshakeError} when the client does not get in
 */
export async function acceptTls(
  connection: Deno.TcpConn,
  early: Uint8Array,
  settings: TlsSettings,
): Promise<AcceptedTls> {
  const wire = direct(connection);
  const first = new Uint8Array(Math.max(FIRST_READ, early.length));
  first.set(early);
  // Thousands of clients may wait here and never say a word: everything else comes after it.
  const filled = early.length > 0 ? early.length : await readSome(wire, first);
  const { hello, bytes } = await readHello(wire, first, filled);
  if (hello.newestVersion < settings.minVersion) {
    // The machine would refuse it as well, but with an alert that depends on what else is missing in an old hello.
    await sendAlert(connection, PROTOCOL_VERSION);
    const detail = `the client speaks ${versionName(hello.newestVersion)} at most`;
    throw new HandshakeError("old_version", detail, hello.serverName);
  }
  const machine = new TlsMachine(settings.settingsFor(hello.serverName));
  const stream = new TlsStream(connection, machine, "client");
  try {
    machine.feed(bytes);
    await shakeHands(wire, machine, stream);
    const version = machine.version();
    const client = settings.checked === null ? null : await identifyClient(connection, machine, settings.checked);
    // Before the client has the end of a TLS 1.2 handshake it sends nothing. In TLS 1.3 only session tickets are left.
    // They may go with the first answer when the client has asked something already; but a client without TCP_NODELAY
    // holds its question back until its last words are acknowledged, which the system puts off for 40 ms unless
    // something is sent.
    if (version !== "TLSv1.3" || !machine.hasPlain) await stream.flush();
    return { stream, facts: () => ({ ...machine.facts(), serverName: hello.serverName, client }) };
  } catch (error) {
    machine.destroy();
    // What is wrong in here is not the client's.
    if (error instanceof TypeError || error instanceof RangeError || isOwnEnd(error)) throw error;
    throw error instanceof HandshakeError
      ? new HandshakeError(error.failure, error.message, hello.serverName)
      : new HandshakeError("hung_up", messageOf(error), hello.serverName);
  }
}

/** @param bytes a buffer with `filled` bytes of it */
async function readHello(
  wire: ByteStream,
  bytes: Uint8Array<ArrayBuffer>,
  filled: number,
): Promise<{ readonly hello: ClientHello; readonly bytes: Uint8Array }> {
  const progress = new HelloProgress();
  for (;;) {
    const result = readClientHello(bytes.subarray(0, filled), progress);
    if (result.state === "done") return { hello: result.hello, bytes: bytes.subarray(0, filled) };
    if (result.state === "invalid") throw new HandshakeError(result.reason, TEXTS[result.reason]);
    do {
      if (filled === bytes.length) {
        const larger = new Uint8Array(Math.min(2 * bytes.length, MAX_CLIENT_HELLO_BYTES + FIRST_READ));
        larger.set(bytes);
        bytes = larger;
      }
      filled += await readSome(wire, bytes.subarray(filled));
    } while (filled < result.atLeast);
  }
}

const TEXTS = {
  not_tls: "what the client sent is not TLS",
  hello_too_large: "the client's first message is too large",
} as const;

/** Reads something. A function that waits would hold five times the memory of this. @throws {HandshakeError} */
function readSome(wire: ByteStream, buffer: Uint8Array): Promise<number> {
  return wire.read(buffer).then(notTheEnd, unreadable);
}

function notTheEnd(count: number | null): number {
  if (count === null || count === 0) throw new HandshakeError("hung_up", "the client hung up during the handshake");
  return count;
}

function unreadable(error: unknown): never {
  throw isOwnEnd(error) ? error : new HandshakeError("hung_up", messageOf(error));
}

/**
 * Closed under the handshake: whoever did that knows why. Another error on top, with its stack, would be a tenth of what
 * a silent client costs.
 */
function isOwnEnd(error: unknown): boolean {
  return error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BadResource;
}

async function shakeHands(wire: ByteStream, machine: TlsMachine, stream: TlsStream): Promise<void> {
  const buffer = new Uint8Array(FIRST_READ);
  while (!machine.handshakeDone) {
    // An alert for the client, when it has made a mistake.
    await stream.flush();
    if (machine.error !== undefined) {
      const { message } = machine.error;
      throw new HandshakeError(failureInWords(message), plainWords(message));
    }
    const count = await readSome(wire, buffer);
    machine.feed(buffer.subarray(0, count));
  }
}

/** Nothing of the machine's last words may be sent before: they would let the client in. */
async function identifyClient(
  connection: Deno.TcpConn,
  machine: TlsMachine,
  checked: CheckedCertificates,
): Promise<ClientIdentity> {
  const [resumed, now] = [machine.resumed(), new Date()];
  const shown = {
    certificate: machine.peerCertificate(),
    verifyError: machine.verifyError(),
    resumed,
  };
  const fingerprint = shown.certificate?.fingerprint256;
  if (resumed && fingerprint !== undefined) {
    await checked.lookAgain(fingerprint, machine.peerChain(), now.getTime());
  }
  try {
    return identify(shown, checked, now);
  } catch (error) {
    // Over a resumed session the server has spoken encrypted before.
    if (error instanceof HandshakeError && machine.version() === "TLSv1.2" && !resumed) {
      await sendAlert(connection, ALERTS[error.failure] ?? CERTIFICATE_UNKNOWN);
    }
    throw error;
  }
}

const CERTIFICATE_UNKNOWN = 46;
const PROTOCOL_VERSION = 70;

const ALERTS: Partial<Record<HandshakeFailure, number>> = {
  no_certificate: 40,
  bad_certificate: 42,
  wrong_purpose: 43,
  expired: 45,
  not_yet_valid: CERTIFICATE_UNKNOWN,
  unknown_ca: 48,
};

/**
 * The machine finishes handshakes of clients that it knows to be wrong, and sends no alert. Before the server's own
 * Finished a TLS 1.2 alert is plain text and can be written by hand; in TLS 1.3 it would have to be encrypted, with keys
 * that only the machine has.
 */
async function sendAlert(connection: Deno.TcpConn, description: number): Promise<void> {
  const [alertRecord, fatal] = [21, 2];
  try {
    await connection.write(new Uint8Array([alertRecord, 3, 3, 0, 2, fatal, description]));
  } catch {
    // The client has gone; it is refused all the same.
  }
}

function versionName(version: number): string {
  if (version === TLS_1_2) return "TLS 1.2";
  return version < TLS_1_2 && version > 0x0300 ? `TLS 1.${version - 0x0301}` : "SSL";
}
