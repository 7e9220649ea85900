/** Connections through Weir to an echo server. @module */

import assert from "node:assert/strict";
import { writeAll } from "./servers.ts";

/** Connects to 127.0.0.1. */
export function connect(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

/** Fails unless `text`, sent over a connection to an echo server, comes back. */
export async function assertEchoes(connection: Deno.Conn, text: string): Promise<void> {
  await writeAll(connection, new TextEncoder().encode(text));
  const buffer = new Uint8Array(text.length);
  for (let at = 0; at < buffer.length;) {
    const count = await connection.read(buffer.subarray(at));
    assert.notEqual(count, null, `the connection ended before "${text}" came back`);
    at += count ?? 0;
  }
  assert.equal(new TextDecoder().decode(buffer), text);
}

/** Fails unless nobody listens on a port. */
export async function assertRefused(port: number, message?: string): Promise<void> {
  await assert.rejects(connect(port).then((connection) => connection.close()), Deno.errors.ConnectionRefused, message);
}
