/** The end of the program. @module */

import assert from "node:assert/strict";
import { backends, listener } from "../support/configs.ts";
import { assertEchoes, assertRefused, connect } from "../support/echo.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { echoServer, holdServer, readAll, serve, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const TRANSFERS = 50;
const CHUNKS = 10;
const CHUNK = 20_000;

/** The part of a transfer that has a number; no two are alike. */
const chunk = (transfer: number, index: number) =>
  Uint8Array.from({ length: CHUNK }, (_, at) => (at * 7 + transfer * 31 + index) & 255);

Deno.test("SIGTERM with 50 transfers under way: all finish byte for byte, new ones are refused, exit 0", async () => {
  const go = Promise.withResolvers<void>();
  await using server = serve(async (connection) => {
    const number = new Uint8Array(1);
    await connection.read(number);
    const [transfer = 0] = number;
    for (let index = 0; index < CHUNKS; index++) {
      await writeAll(connection, chunk(transfer, index));
      if (index === 0) await go.promise;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  });
  using _letGo = { [Symbol.dispose]: go.resolve };
  const port = freePort();
  await using running = await RunningWeir.start({
    shutdown: { drainTimeout: 60 },
    listeners: [listener(port, backends([server.port]))],
  });
  await using connections = new AsyncDisposableStack();
  const transfers: Promise<Uint8Array>[] = [];
  for (let transfer = 0; transfer < TRANSFERS; transfer++) {
    const connection = connections.use(await connect(port));
    await writeAll(connection, Uint8Array.of(transfer));
    const transferred = readAll(connection).finally(() => connection.close());
    transferred.catch(() => {}); // looked at below, unless something else fails before
    transfers.push(transferred);
  }
  await until("all transfers are under way", async () => {
    return (await running.listener("web")).bytesOut === TRANSFERS * CHUNK;
  });

  running.signal("SIGTERM");
  await until("new connections are refused", () => assertRefused(port).then(() => true, () => false));
  const ready = await running.admin("/readyz");
  assert.equal(ready.status, 503);
  assert.equal((ready.body as { ready: boolean }).ready, false);
  assert.equal((await running.admin("/healthz")).status, 200, "the process is up all the same");

  go.resolve();
  for (const [transfer, bytes] of (await Promise.all(transfers)).entries()) {
    assert.equal(bytes.length, CHUNKS * CHUNK);
    for (let index = 0; index < CHUNKS; index++) {
      assert.deepEqual(bytes.subarray(index * CHUNK, (index + 1) * CHUNK), chunk(transfer, index));
    }
  }
  const finishedAt = performance.now();
  assert.equal(await running.ended(), 0);
  assert.ok(performance.now() - finishedAt < 30_000, "it does not wait for the drain time when nothing is left");
});

Deno.test("SIGINT stops as SIGTERM does; connections that are left when the drain time is over are ended, exit 0", async () => {
  await using server = holdServer();
  const port = freePort();
  await using running = await RunningWeir.start({
    shutdown: { drainTimeout: 1 },
    listeners: [listener(port, backends([server.port]))],
  });
  using held = await connect(port);
  await writeAll(held, new TextEncoder().encode("a question"));
  await until("it is served", () => server.open === 1);
  const startedAt = performance.now();
  running.signal("SIGINT");
  await readAll(held).catch(() => {}); // the end, or a reset
  assert.ok(performance.now() - startedAt >= 900, "it had its drain time");
  assert.equal(await running.ended(), 0);
});

Deno.test("a replaced listener's connections that outlive the drain time end with reason drain", async () => {
  await using server = echoServer();
  const [port, next] = [freePort(), freePort()];
  const at = (port: number) => ({
    shutdown: { drainTimeout: 1 },
    listeners: [listener(port, backends([server.port]))],
  });
  await using running = await RunningWeir.start(at(port));
  using held = await connect(port);
  await assertEchoes(held, "held");
  assert.equal((await running.reload(at(next))).status, 200);
  await readAll(held).catch(() => {});
  await until("it is counted", async () => (await running.listener("web")).connectionsEnded["drain"] === 1);
  await until("the server's side is closed", () => server.open === 0);
});

Deno.test("a second SIGTERM ends the program at once", async () => {
  await using server = echoServer();
  const port = freePort();
  await using running = await RunningWeir.start({
    shutdown: { drainTimeout: 3600 },
    listeners: [listener(port, backends([server.port]))],
  });
  using held = await connect(port);
  await assertEchoes(held, "held");
  running.signal("SIGTERM");
  await until("it is stopping", () => assertRefused(port).then(() => true, () => false));
  await assertEchoes(held, "still here");
  assert.equal((await running.listener("web")).state, "draining", "and it says so");
  running.signal("SIGTERM");
  await running.ended();
  await readAll(held).catch(() => {});
});
