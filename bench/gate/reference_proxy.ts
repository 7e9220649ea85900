/**
 * The least that a proxy in this runtime can do: accept, connect, and two loops of read and write. What Weir costs is
 * measured against it. `reference_proxy.ts BACKEND_PORT CERT_FILE KEY_FILE` prints its TCP port and its TLS port.
 *
 * @module
 */

const [backend = "0", certFile = "", keyFile = ""] = Deno.args;

async function relay(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
    for (let written = 0; written < count;) written += await to.write(buffer.subarray(written, count));
  }
  await to.closeWrite();
}

async function serve(client: Deno.Conn): Promise<void> {
  let server: Deno.Conn | undefined;
  try {
    server = await Deno.connect({ hostname: "127.0.0.1", port: Number(backend) });
    await Promise.all([relay(client, server), relay(server, client)]);
  } catch {
    /* whoever asked sees it */
  } finally {
    for (const connection of [client, server]) {
      try {
        connection?.close();
      } catch { /* closed already */ }
    }
  }
}

async function accept(listener: AsyncIterable<Deno.Conn>): Promise<void> {
  for await (const client of listener) void serve(client);
}

const listeners = [
  Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: Deno.readTextFileSync(certFile),
    key: Deno.readTextFileSync(keyFile),
  }),
];
for (const listener of listeners) void accept(listener);
const ports = listeners.map(({ addr }) => (addr as Deno.NetAddr).port);
await Deno.stdout.write(new TextEncoder().encode(`${ports.join(" ")}\n`));
