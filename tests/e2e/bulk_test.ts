/** A lot of bytes, and a lot of small ones, in both directions at once: every one arrives, in order. @module */

import assert from "node:assert/strict";
import { type Passed, receivePattern, sendPattern } from "../support/bulk.ts";
import { CERTIFICATE_STORE, certificateFiles, connectTls, overTls, testCertificate } from "../support/certificates.ts";
import { backends, listener } from "../support/configs.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { readAll, serve, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const MIB = 1024 * 1024;

/** What both ends of a connection sent and received. */
interface BothEnds {
  readonly sent: Passed;
  readonly received: Passed;
}

/** Sends `bytes` and receives until the end, at once. */
async function exchange(connection: Deno.Conn, seed: number, bytes: number): Promise<BothEnds> {
  const [sent, received] = await Promise.all([sendPattern(connection, seed, bytes), receivePattern(connection)]);
  return { sent, received };
}

/** A server for one connection that exchanges `bytes` over it. */
function exchangeServer(bytes: number) {
  const done = Promise.withResolvers<BothEnds>();
  const server = serve(async (connection) => {
    await exchange(connection, 2, bytes).then(done.resolve, done.reject);
  });
  return { server, done: done.promise };
}

function assertExact(client: BothEnds, server: BothEnds, bytes: number): void {
  assert.equal(client.sent.bytes, bytes);
  assert.deepEqual(server.received, client.sent, "what the client sent has arrived");
  assert.deepEqual(client.received, server.sent, "what the server sent has arrived");
}

async function assertCounted(running: RunningWeir, bytes: number): Promise<void> {
  await until("the connection is over", async () => (await running.listener("web")).connectionsActive === 0);
  const { bytesIn, bytesOut, connectionsEnded } = await running.listener("web");
  assert.deepEqual([bytesIn, bytesOut], [bytes, bytes]);
  assert.equal((connectionsEnded["client_closed"] ?? 0) + (connectionsEnded["server_closed"] ?? 0), 1);
}

Deno.test("1 GiB in each direction at once is relayed byte for byte over TCP", async () => {
  const bytes = 1024 * MIB;
  const { server, done } = exchangeServer(bytes);
  await using _server = server;
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  assertExact(await exchange(connection, 1, bytes), await done, bytes);
  await assertCounted(running, bytes);
});

Deno.test("64 MiB in each direction at once are relayed byte for byte over TCP_SSL", async () => {
  const bytes = 64 * MIB;
  const { server, done } = exchangeServer(bytes);
  await using _server = server;
  const port = freePort();
  const certificate = await testCertificate();
  await using running = await RunningWeir.start({
    certificates: CERTIFICATE_STORE,
    listeners: [listener(port, backends([server.port]), overTls())],
  }, { files: certificateFiles(certificate) });
  using connection = await connectTls(port, certificate);
  assertExact(await exchange(connection, 1, bytes), await done, bytes);
  await assertCounted(running, bytes);
});

Deno.test("20,000 writes of one byte in each direction arrive byte for byte", async () => {
  const count = 20_000;
  const bytes = (seed: number) => Uint8Array.from({ length: count }, (_, index) => (index * seed) & 255);
  const oneByOne = async (connection: Deno.Conn, all: Uint8Array) => {
    for (let at = 0; at < all.length; at++) await writeAll(connection, all.subarray(at, at + 1));
    await connection.closeWrite();
  };
  const arrived = Promise.withResolvers<Uint8Array>();
  await using server = serve(async (connection) => {
    connection.setNoDelay(true);
    const [all] = await Promise.all([readAll(connection), oneByOne(connection, bytes(7))]);
    arrived.resolve(all);
  });
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const [answer] = await Promise.all([readAll(connection), oneByOne(connection, bytes(3))]);
  assert.deepEqual(answer, bytes(7));
  assert.deepEqual(await arrived.promise, bytes(3));
  await assertCounted(running, count);
});
