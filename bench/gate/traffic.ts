/**
 * The same amount of work every time, and a server that sends back what it gets.
 *
 * @module
 */

import { readExactly, writeAll } from "../load/blocks.ts";

/** Connects to a proxy. */
export type Connect = () => Promise<Deno.Conn>;

const REQUEST = new Uint8Array(128).fill(1);

/** One request of a few bytes and its answer. */
async function ask(connection: Deno.Conn, answer: Uint8Array): Promise<void> {
  await writeAll(connection, REQUEST);
  if (!await readExactly(connection, answer)) throw new Error("The answer is cut short");
}

/** `count` requests over 16 connections that stay. */
export async function requests(connect: Connect, count: number): Promise<void> {
  let left = count;
  await Promise.all(Array.from({ length: 16 }, async () => {
    using connection = await connect();
    const answer = new Uint8Array(REQUEST.length);
    while (left-- > 0) await ask(connection, answer);
  }));
}

/** `count` connections with one request each, eight at a time. */
export async function connections(connect: Connect, count: number): Promise<void> {
  let left = count;
  await Promise.all(Array.from({ length: 8 }, async () => {
    const answer = new Uint8Array(REQUEST.length);
    while (left-- > 0) {
      using connection = await connect();
      await ask(connection, answer);
    }
  }));
}

/** As many megabytes there and back, over two connections. */
export async function bulk(connect: Connect, megabytes: number): Promise<void> {
  const block = new Uint8Array(1024 * 1024);
  await Promise.all(Array.from({ length: 2 }, async () => {
    using connection = await connect();
    const answer = new Uint8Array(block.length);
    for (let count = 0; count < megabytes / 2; count++) {
      const [, isWhole] = await Promise.all([writeAll(connection, block), readExactly(connection, answer)]);
      if (!isWhole) throw new Error("The answer is cut short");
    }
  }));
}

/** Sends back what it gets. @returns its port, and how to stop it */
export function startEcho(): { port: number; stop: () => void } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void (async () => {
    for await (const connection of listener) void echo(connection);
  })();
  return { port: listener.addr.port, stop: () => listener.close() };
}

async function echo(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(256 * 1024);
  try {
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      await writeAll(connection, buffer.subarray(0, count));
    }
  } catch {
    /* whoever asked sees it */
  } finally {
    connection.close();
  }
}
