/** The first message of a real TLS client, whole, cut and in odd pieces. @module */

import { readAll, writeAll } from "./servers.ts";

/** What a TLS client sends first. */
export async function recordClientHello(): Promise<Uint8Array<ArrayBuffer>> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = Deno.connectTls({ hostname: "127.0.0.1", port: listener.addr.port });
  using connection = await listener.accept();
  const buffer = new Uint8Array(16_384);
  const count = await connection.read(buffer) ?? 0;
  connection.close();
  await client.then((tls) => tls.handshake().finally(() => tls.close())).catch(() => {});
  return buffer.slice(0, count);
}

/** Bytes in front of each TLS record: its kind, a version and its length. */
const RECORD_HEAD = 5;

/** The same message in records of one byte each. @param hello one record */
export function inRecordsOfOneByte(hello: Uint8Array): Uint8Array<ArrayBuffer> {
  const [kind = 0, major = 0, minor = 0] = hello;
  return Uint8Array.from([...hello.subarray(RECORD_HEAD)].flatMap((byte) => [kind, major, minor, 0, 1, byte]));
}

/** The beginning of a ClientHello that claims to be far larger than any real one. */
export function oversizedClientHello(): Uint8Array<ArrayBuffer> {
  const hello = new Uint8Array(RECORD_HEAD + 16_384);
  hello.set([22, 3, 1, 0x40, 0, 1, 0, 0x80, 0]); // one full record of a message of 32 KiB
  return hello;
}

/** How a relay passes on what a client sends first. */
export type Rewrite = (hello: Uint8Array) => readonly Uint8Array[];

/** Takes one client, sends its first message on in other pieces, and everything else as it is. */
export function relayInPieces(
  to: number,
  rewrite: Rewrite,
  hostname = "127.0.0.1",
): AsyncDisposable & { readonly port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const work = (async () => {
    using client = await listener.accept();
    using server = await Deno.connect({ hostname, port: to });
    server.setNoDelay(true);
    const hello = new Uint8Array(16_384);
    const count = await client.read(hello) ?? 0;
    for (const piece of rewrite(hello.subarray(0, count))) await writeAll(server, piece);
    await Promise.all([pass(client, server), pass(server, client)]);
  })().catch(() => {}); // the client has had enough
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await work;
    },
  };
}

async function pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(16_384);
  for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
    await writeAll(to, buffer.subarray(0, count));
  }
  await to.closeWrite();
}

/** Reads to the end or to a reset. @returns what came */
export function readToAnyEnd(connection: Deno.Conn): Promise<Uint8Array> {
  return readAll(connection).catch(() => new Uint8Array(0));
}
