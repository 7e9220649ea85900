/**
 * TLS to a server: the handshake over a connection of ours, and the check of who has answered.
 *
 * @module
 */

import { messageOf } from "../../errors.ts";
import { certificatesIn } from "./certificate_list.ts";
import { clientMachineSettings, type MachineSettings, TlsMachine } from "./machine.ts";
import { checkServer, PassedChains, ServerTlsError, type TrustedCas } from "./server_certificate.ts";
import { identityOf, nameToAskFor } from "./server_identity.ts";
import { TlsStream } from "./tls_stream.ts";

/** How servers are reached over TLS. */
export interface ServerTlsOptions {
  /** The name that every server is asked for and must prove; `null` for each one's own. */
  readonly serverName: string | null;
  /** Who must have signed the servers' certificates; `null` for the CAs that the runtime trusts. */
  readonly ca: { readonly name: string; readonly pem: string } | null;
  /** Whether servers have to prove who they are. */
  readonly verify: boolean;
}

/** The same, ready for use. */
export interface ServerTls {
  readonly serverName: string | null;
  readonly verify: boolean;
  readonly machine: MachineSettings;
  readonly cas: TrustedCas | null;
  readonly passed: PassedChains;
}

/** Gets ready. @throws {Error} when the CAs are no certificates, or not well formed ones */
export function serverTls({ serverName, ca, verify }: ServerTlsOptions): ServerTls {
  return {
    serverName,
    verify,
    machine: clientMachineSettings(ca === null || !verify ? null : ca.pem),
    cas: ca === null ? null : { name: ca.name, certificates: certificatesIn(ca.pem) },
    passed: new PassedChains(),
  };
}

/** A server that is connected to. */
export interface TlsTarget {
  /** The host name or the address by which it is given. */
  readonly name: string;
  /** The server as messages call it. */
  readonly where: string;
}

/** A server's first messages are 2,000 to 5,000 bytes. */
const READ_BYTES = 4096;

/**
 * Goes through the handshake. Nothing that is a client's has been sent before it has returned, and whoever closes the
 * connection ends it; when it fails, closing the connection is left to the caller.
 *
 * @throws {ServerTlsError} when there is no TLS with this server, or it is not the one that it should be
 */
export async function connectTls(
  connection: Deno.TcpConn,
  { serverName, verify, machine: settings, cas, passed }: ServerTls,
  { name, where }: TlsTarget,
): Promise<TlsStream> {
  const identity = identityOf(serverName ?? name);
  const machine = new TlsMachine(settings, nameToAskFor(identity));
  const stream = new TlsStream(connection, machine, "server");
  try {
    await shakeHands(connection, machine, stream, where);
    if (verify) {
      const shown = { chain: machine.peerChain(), verifyError: machine.verifyError(), resumed: machine.resumed() };
      await checkServer(shown, { identity, where, cas, passed }, Date.now());
    }
    // Its last words, without which a server that speaks first would wait.
    await stream.flush();
    return stream;
  } catch (error) {
    machine.destroy();
    if (error instanceof ServerTlsError) throw error;
    throw new ServerTlsError(`TLS handshake with ${where} broke off: ${messageOf(error)}`, { cause: error });
  }
}

async function shakeHands(
  connection: Deno.TcpConn,
  machine: TlsMachine,
  stream: TlsStream,
  where: string,
): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  while (!machine.handshakeDone) {
    const { error } = machine;
    if (error !== undefined) {
      // What was wrong, for the server, if it still listens.
      await stream.flush().catch(() => {});
      throw new ServerTlsError(failureOf(error.message, where));
    }
    await stream.flush();
    const count = await connection.read(buffer);
    if (count === null) throw new ServerTlsError(`${where} hung up during the TLS handshake`);
    machine.feed(buffer.subarray(0, count));
  }
}

/** The TLS library hands out words only. */
function failureOf(words: string, where: string): string {
  const alert = /received fatal alert: (\w+)/i.exec(words)?.[1];
  if (
    alert === "ProtocolVersion" ||
    /ServerTlsVersionIsDisabled|ServerDoesNotSupportTls|SelectedUnofferedVersion/.test(words)
  ) {
    return `${where} speaks neither TLS 1.2 nor TLS 1.3`;
  }
  if (alert !== undefined) return `${where} refused the TLS handshake (${alert})`;
  if (/corrupt message|InvalidContentType|WRONG_VERSION/i.test(words)) return `${where} does not speak TLS`;
  return `TLS handshake with ${where} failed: ${words.replace(/\p{Cc}/gu, "?").slice(0, 200)}`;
}
