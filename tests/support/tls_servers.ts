/** Servers that speak TLS, or should. @module */

import { accepting } from "./accepting.ts";
import type { Issued } from "./authority.ts";
import { writeAll } from "./servers.ts";

/** A TLS server on loopback that sends back what it gets, and ends when the client ends. */
export interface TlsEchoServer extends AsyncDisposable {
  readonly port: number;
  /** Plain bytes that it got, over all connections. */
  readonly received: number;
  /** Handshakes that it came through with. */
  readonly handshakes: number;
}

/** Serves with a certificate. @param greeting what it says before anything else */
export function tlsEchoServer(
  chain: readonly [Issued, ...Issued[]],
  { hostname = "127.0.0.1", port = 0, greeting = "" } = {},
): TlsEchoServer {
  const cert = chain.map(({ certPem }) => certPem).join("");
  const listener = Deno.listenTls({ hostname, port, cert, key: chain[0].keyPem });
  const open = new Set<Deno.TlsConn>();
  const work = new Set<Promise<void>>();
  let [received, handshakes] = [0, 0];
  const echo = async (connection: Deno.TlsConn) => {
    await connection.handshake();
    handshakes++;
    if (greeting !== "") await writeAll(connection, new TextEncoder().encode(greeting));
    const buffer = new Uint8Array(65536);
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      received += count;
      await writeAll(connection, buffer.subarray(0, count));
    }
    await connection.closeWrite();
  };
  const taking = (async () => {
    for await (const connection of accepting(listener)) {
      open.add(connection);
      const one = echo(connection).catch(() => {}).finally(() => {
        open.delete(connection);
        work.delete(one);
        closeAnyway(connection);
      });
      work.add(one);
    }
  })();
  return {
    port: listener.addr.port,
    get received() {
      return received;
    },
    get handshakes() {
      return handshakes;
    },
    async [Symbol.asyncDispose]() {
      closeAnyway(listener);
      for (const connection of open) closeAnyway(connection);
      await taking.catch(() => {});
      await Promise.all(work);
    },
  };
}

function closeAnyway(what: { close(): void }): void {
  try {
    what.close();
  } catch { /* closed before */ }
}

/** The alert with which servers answer that speak older versions only: protocol_version, fatal. */
export const OLD_VERSION_ALERT = Uint8Array.of(0x15, 3, 1, 0, 2, 2, 70);
