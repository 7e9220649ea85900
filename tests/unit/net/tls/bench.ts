/**
 * Handshakes over loopback between the engine and clients of the runtime. The clients have certificates of one
 * authority, and know it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { type AcceptedTls, acceptTls, type TlsSettings } from "../../../../src/net/tls/accept.ts";
import { CheckedByAuthority } from "../../../../src/net/tls/client_certificate.ts";
import { type TlsServerOptions, tlsSettings } from "../../../../src/net/tls/contexts.ts";
import { HandshakeError } from "../../../../src/net/tls/handshake_failure.ts";
import { closeQuietly } from "../../../../src/net/stream.ts";
import { issue } from "../../../support/authority.ts";
import { readAll } from "../../../support/servers.ts";
import { tcpPair } from "../../session/bench.ts";

/** Who signs servers' and clients' certificates here. */
export const ROOT = await issue({ name: "Root", ca: true });

/** A certificate for `localhost`. */
export const LOCALHOST = {
  ...await issue({ name: "localhost", hosts: ["localhost"], issuer: ROOT }),
  serverNames: ["localhost"],
};

/** A client's certificate. P-256 signs with what every runtime takes. */
export const ALICE = await issue({ name: "Alice", issuer: ROOT });

/** Settings with the certificate for `localhost`; one-way unless a client CA is given. */
export function settingsOf(given: Partial<TlsServerOptions> = {}, checked = new CheckedByAuthority()): TlsSettings {
  const options = { certificates: [LOCALHOST], clientCaPem: null, minVersion: "1.2" as const, alpn: [], ...given };
  return tlsSettings(options, (pem) => checked.of(pem));
}

/** Settings that ask clients for a certificate of {@link ROOT}. */
export function mutualSettings(given: Partial<TlsServerOptions> = {}, checked = new CheckedByAuthority()): TlsSettings {
  return settingsOf({ clientCaPem: ROOT.certPem, ...given }, checked);
}

/** The server's side of a connection, or why there is none; the connection is closed then. */
export async function accepted(
  connection: Deno.TcpConn,
  settings: TlsSettings,
  early: Uint8Array = new Uint8Array(0),
): Promise<AcceptedTls | HandshakeError> {
  try {
    return await acceptTls(connection, early, settings);
  } catch (error) {
    closeQuietly(connection);
    if (error instanceof HandshakeError) return error;
    throw error;
  }
}

/** Fails unless the client got in. */
export function gotIn(result: AcceptedTls | HandshakeError): asserts result is AcceptedTls {
  assert.ok(!(result instanceof HandshakeError), result instanceof Error ? result.message : "");
}

/** Fails unless the client was refused for this reason. @returns the words for people */
export function assertRefused(result: AcceptedTls | HandshakeError, failure: HandshakeError["failure"]): string {
  if (!(result instanceof HandshakeError)) result.stream.close();
  assert.ok(result instanceof HandshakeError, "the client got in");
  assert.deepEqual([result.failure, result.message], [failure, result.message]);
  return result.message;
}

/** A client of the runtime's `node:tls` over a port of loopback. */
export class NodeClient implements AsyncDisposable {
  readonly socket: TLSSocket;
  /** What it was told last when it failed; empty as long as it has not. */
  error = "";
  readonly #closed: Promise<void>;

  /** @param port where to, @param options beside the name and the authority */
  constructor(port: number, options: ConnectionOptions = {}) {
    this.socket = connect({ host: "127.0.0.1", port, servername: "localhost", ca: ROOT.certPem, ...options });
    this.socket.on("error", (error) => this.error = error.message);
    this.socket.resume();
    this.#closed = new Promise((resolve) => this.socket.once("close", () => resolve()));
  }

  /** Resolves when the connection is over. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.#closed;
  }
}

/** What came of a handshake with a `node:tls` client. The client is closed by then, the server's stream is not. */
export async function handshakeWith(
  settings: TlsSettings,
  options: ConnectionOptions = {},
): Promise<{ readonly result: AcceptedTls | HandshakeError; readonly client: NodeClient }> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using client = new NodeClient(listener.addr.port, options);
  const result = await accepted(await listener.accept(), settings);
  if (result instanceof HandshakeError) await client.closed;
  return { result, client };
}

/** What came of it when a client sends these bytes and waits for the end. @returns also what it was sent */
export async function sendRaw(
  settings: TlsSettings,
  parts: readonly Uint8Array[],
): Promise<{ readonly result: AcceptedTls | HandshakeError; readonly answer: Uint8Array }> {
  const { near, accepted: far } = await tcpPair();
  using _near = near;
  const accepting = accepted(far, settings);
  const reading = readAll(near).catch(() => new Uint8Array(0));
  for (const part of parts) await near.write(part).catch(() => 0);
  await near.closeWrite().catch(() => {});
  const result = await accepting;
  return { result, answer: await reading };
}
