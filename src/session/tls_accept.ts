/**
 * The TLS handshake of an accepted connection.
 *
 * @module
 */

import type { TlsFacts } from "./proxy_header.ts";

/** Finishes the handshake. @returns what is known of it; `undefined` when the client did not get through */
export async function acceptTls(client: Pick<Deno.TlsConn, "handshake">): Promise<TlsFacts | undefined> {
  try {
    const { alpnProtocol } = await client.handshake();
    return { alpn: alpnProtocol };
  } catch {
    // Plain text, a scanner, an old TLS version, a hang-up: the client's business, counted by reason and not logged.
    return undefined;
  }
}
