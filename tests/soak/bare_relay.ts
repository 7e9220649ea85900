/**
 * A relay that does nothing but relay, in a process of its own: what an echo through it takes is what the machine takes.
 * Prints its port.
 *
 * @module
 */

import { print } from "../../src/cli/output.ts";

const [hostname = "", port = ""] = Deno.args;

async function copy(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(4096);
  for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
    for (let rest = buffer.subarray(0, count); rest.length > 0;) rest = rest.subarray(await to.write(rest));
  }
}

async function relay(client: Deno.Conn): Promise<void> {
  try {
    using server = await Deno.connect({ hostname, port: Number(port) });
    await Promise.race([copy(client, server), copy(server, client)]);
  } catch {
    // one of them went
  } finally {
    client.close();
  }
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
print(String(listener.addr.port));
for await (const client of listener) void relay(client);
