/**
 * A server that takes blocks of bytes, each with its length in front (8 bytes), and answers each with how many have come.
 * Prints its port, and one for connections that begin with a PROXY header is not needed: only what goes up is measured
 * here. Ends with its standard input.
 *
 * @module
 */

import { LENGTH_BYTES, readExactly } from "./blocks.ts";

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
await Deno.stdout.write(new TextEncoder().encode(`${listener.addr.port}\n`));

async function take(connection: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(256 * 1024);
  const head = new Uint8Array(LENGTH_BYTES);
  try {
    while (await readExactly(connection, head)) {
      const length = Number(new DataView(head.buffer).getBigUint64(0));
      let left = length;
      while (left > 0) {
        const count = await connection.read(left < buffer.length ? buffer.subarray(0, left) : buffer);
        if (count === null) return;
        left -= count;
      }
      await connection.write(head);
    }
  } catch {
    /* the client sees it, and counts it */
  } finally {
    try {
      connection.close();
    } catch {
      /* it is closed already */
    }
  }
}

void (async () => {
  for (;;) {
    try {
      void take(await listener.accept());
    } catch (error) {
      // A client that went before it was accepted. Iterating over the listener would end here, without a word.
      if (error instanceof Deno.errors.BadResource) return;
    }
  }
})();

for await (const _ of Deno.stdin.readable) { /* until it is closed */ }
Deno.exit(0);
