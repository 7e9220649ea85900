/**
 * Load that wrk cannot make: with a client certificate, towards the server, and connections that are held. Takes a task
 * as JSON, prints what it did as JSON. Its own cost is not what is measured.
 *
 * @module
 */

import { print } from "../../src/cli/output.ts";
import { quantile } from "../statistics.ts";
import { BLOCK_BYTES, LENGTH_BYTES, readExactly, writeAll } from "./blocks.ts";
import type { ClientTask } from "./run_client.ts";

const task: ClientTask = JSON.parse(Deno.args[0] ?? "");
const { port, action, seconds, connections, folder } = task;
const read = (name: string) => Deno.readTextFileSync(`${folder}/${name}`);
const tls = task.tls === "none" ? undefined : {
  caCerts: [read("ca.pem")],
  ...(task.tls === "mutual" ? { cert: read("client.pem"), key: read("client.key") } : {}),
};

const path = action === "down" ? "/large" : "/small";
const ending = action === "new" ? "Connection: close\r\n" : "";
const request = new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: bench\r\n${ending}\r\n`);
const done = { requests: 0, bytes: 0, errors: 0 };
const latencies: number[] = [];
const failures = new Set<string>();
const until = performance.now() + seconds * 1000;

const connect = (): Promise<Deno.Conn> =>
  tls === undefined
    ? Deno.connect({ hostname: "127.0.0.1", port })
    : Deno.connectTls({ hostname: "localhost", port, ...tls });

/** One request, and its answer to the last byte. */
async function ask(connection: Deno.Conn, buffer: Uint8Array): Promise<void> {
  const startedAt = performance.now();
  await writeAll(connection, request);
  let head = "";
  let left = Infinity;
  while (left > 0) {
    const count = await connection.read(buffer);
    if (count === null) throw new Error("The answer is cut short");
    done.bytes += count;
    if (left !== Infinity) {
      left -= count;
      continue;
    }
    head += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    const end = head.indexOf("\r\n\r\n");
    if (end >= 0) left = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0) - (head.length - end - 4);
  }
  if (!head.startsWith("HTTP/1.1 200")) throw new Error(`The answer is ${head.slice(0, 20)}`);
  done.requests++;
  latencies.push((performance.now() - startedAt) * 1000);
}

/** One block to the sink, which says how much of it has come. */
async function send(connection: Deno.Conn, buffer: Uint8Array): Promise<void> {
  const head = new Uint8Array(LENGTH_BYTES);
  new DataView(head.buffer).setBigUint64(0, BigInt(BLOCK_BYTES));
  await writeAll(connection, head);
  for (let sent = 0; sent < BLOCK_BYTES; sent += buffer.length) await writeAll(connection, buffer);
  const answer = new Uint8Array(LENGTH_BYTES);
  if (!await readExactly(connection, answer)) throw new Error("The sink has not answered");
  if (new DataView(answer.buffer).getBigUint64(0) !== BigInt(BLOCK_BYTES)) throw new Error("The sink lacks bytes");
  done.bytes += BLOCK_BYTES;
  done.requests++;
}

async function client(): Promise<void> {
  const buffer = new Uint8Array(action === "up" ? 1024 * 1024 : 65536);
  const one = action === "up" ? send : ask;
  while (performance.now() < until) {
    let connection: Deno.Conn | undefined;
    try {
      connection = await connect();
      do await one(connection, buffer); while (action !== "new" && performance.now() < until);
    } catch (error) {
      failed(error);
    } finally {
      connection?.close();
    }
  }
}

function failed(error: unknown): void {
  done.errors++;
  failures.add(error instanceof Error ? error.message : String(error));
}

/** Opens connections, makes one request on each, and holds them until standard input ends. */
async function hold(): Promise<void> {
  const held: Deno.Conn[] = [];
  let left = connections;
  await Promise.all(Array.from({ length: Math.min(50, connections) }, async () => {
    const buffer = new Uint8Array(4096);
    while (left-- > 0) {
      try {
        const connection = await connect();
        held.push(connection);
        await ask(connection, buffer);
      } catch (error) {
        failed(error);
      }
    }
  }));
  print(JSON.stringify({ ...done, failures: [...failures] }));
  for await (const _ of Deno.stdin.readable) { /* until it is closed */ }
  for (const connection of held) connection.close();
}

if (action === "idle") {
  await hold();
} else {
  await Promise.all(Array.from({ length: connections }, client));
  latencies.sort((a, b) => a - b);
  const times = action === "up" || action === "down"
    ? { p50: null, p99: null }
    : { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
  print(JSON.stringify({ ...done, ...times, failures: [...failures] }));
}
