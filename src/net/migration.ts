/**
 * Whether the kernel hands the clients of a listening socket that closes to another one of its port: Linux 5.14 and
 * later with the sysctl net.ipv4.tcp_migrate_req, which holds for IPv6 too. It is tried out, since a program without all
 * permissions cannot read /proc.
 *
 * @module
 */

import { listenBeside } from "./listen.ts";
import { closeQuietly } from "./stream.ts";

/** Milliseconds that an attempt takes at most; it takes less than one. */
const PATIENCE_MS = 1000;

/** Tries it out on loopback. What goes wrong means that it does not. */
export async function clientsMigrate(): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  const opened: Disposable[] = [];
  const keep = <Socket extends { close(): void }>(socket: Socket): Socket => {
    opened.push({ [Symbol.dispose]: () => closeQuietly(socket) });
    return socket;
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const before = keep(listenBeside({ address: "127.0.0.1", port: 0, backlog: 1 }));
    const { port } = before.addr;
    const client = keep(await Deno.connect({ hostname: "127.0.0.1", port }));
    const after = keep(listenBeside({ address: "127.0.0.1", port, backlog: 1 }));
    before.close();
    const taken = after.accept().then((connection) => {
      closeQuietly(connection);
      return true;
    }, () => false);
    // It is reset, when it does not come out of the other queue.
    const reset = client.read(new Uint8Array(1)).then(() => false, () => false);
    const late = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), PATIENCE_MS));
    return await Promise.race([taken, reset, late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    for (const socket of opened) socket[Symbol.dispose]();
  }
}
