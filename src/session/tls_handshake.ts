/**
 * The TLS handshake of a session: with the engine of ours, or with that of the runtime, which has accepted the
 * connection itself.
 *
 * @module
 */

import { acceptTls, type TlsSettings } from "../net/tls/accept.ts";
import { acceptRuntimeTls } from "../net/tls/runtime_accept.ts";
import type { ByteStream } from "../net/stream.ts";
import type { TlsFacts } from "./proxy_header.ts";

/** A client after its handshake. */
export interface SecuredClient {
  /** Plain bytes. */
  readonly stream: ByteStream;
  /** What is known of it, as long as the stream is open. */
  facts(): TlsFacts;
}

/**
 * Goes through the handshake. Closing the connection ends it.
 *
 * @param early what the client has sent already; nothing when the runtime has accepted it
 * @throws {HandshakeError}
 */
export function secure(
  client: Deno.TcpConn | Deno.TlsConn,
  early: Uint8Array,
  settings: TlsSettings | null,
): Promise<SecuredClient> {
  if (!("handshake" in client)) {
    if (settings === null) throw new TypeError("A TCP connection was to be secured without settings");
    return acceptTls(client, early, settings);
  }
  return acceptRuntimeTls(client).then((alpn) => ({ stream: client, facts: () => ({ ...NOTHING_KNOWN, alpn }) }));
}

const NOTHING_KNOWN: TlsFacts = {
  version: null,
  cipher: null,
  alpn: null,
  serverName: null,
  client: null,
  resumed: false,
};
