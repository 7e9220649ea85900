/** Listeners that stop: who is ended when, and what is said meanwhile. @module */

import assert from "node:assert/strict";
import { backends, listener } from "../support/configs.ts";
import { assertEchoes, assertRefused, connect } from "../support/echo.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir, weir } from "../support/program.ts";
import { readAll, serve, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const QUIET = 30;
const BUSY = 10;
const WINDOW_SECONDS = 8;

/** Echoes, but never answers a connection that begins with "?". */
function slowServer() {
  return serve(async (connection) => {
    const buffer = new Uint8Array(100);
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      if (buffer[0] !== 63) await writeAll(connection, buffer.subarray(0, count));
    }
  });
}

/** Connections, and when each of them ends, in seconds after {@link Clients.watch}. */
class Clients implements Disposable {
  readonly quietEnds: number[] = [];
  readonly busyEnds: number[] = [];
  readonly #quiet: Deno.TcpConn[] = [];
  readonly #busy: Deno.TcpConn[] = [];

  static async of(port: number): Promise<Clients> {
    const clients = new Clients();
    for (let quiet = 0; quiet < QUIET; quiet++) {
      const connection = await connect(port);
      clients.#quiet.push(connection);
      await assertEchoes(connection, "answered");
    }
    for (let busy = 0; busy < BUSY; busy++) {
      const connection = await connect(port);
      clients.#busy.push(connection);
      await writeAll(connection, new TextEncoder().encode("?"));
    }
    return clients;
  }

  /** Resolves when all have ended. */
  async watch(): Promise<void> {
    const startedAt = performance.now();
    const note = (ends: number[]) => async (connection: Deno.TcpConn) => {
      await readAll(connection).catch(() => {});
      ends.push((performance.now() - startedAt) / 1000);
    };
    await Promise.all([...this.#quiet.map(note(this.quietEnds)), ...this.#busy.map(note(this.busyEnds))]);
  }

  [Symbol.dispose](): void {
    for (const connection of [...this.#quiet, ...this.#busy]) connection.close();
  }
}

/** Quiet ones first, and neither all at once. */
function assertSpread({ quietEnds, busyEnds }: Clients): void {
  const spread = (ends: readonly number[]) => Math.max(...ends) - Math.min(...ends);
  assert.ok(Math.max(...quietEnds) <= Math.min(...busyEnds), "a busy connection was ended before a quiet one");
  assert.ok(Math.min(...busyEnds) >= WINDOW_SECONDS * 0.7, `a busy one was ended after ${Math.min(...busyEnds)} s`);
  assert.ok(spread(quietEnds) >= WINDOW_SECONDS * 0.2, `quiet ones ended within ${spread(quietEnds)} s`);
  assert.ok(spread(busyEnds) >= WINDOW_SECONDS * 0.1, `busy ones ended within ${spread(busyEnds)} s`);
}

Deno.test("SIGTERM ends quiet connections first and busy ones last, over the window, and counts what is left", async () => {
  await using server = slowServer();
  const port = freePort();
  await using running = await RunningWeir.start({
    shutdown: { drainTimeout: WINDOW_SECONDS },
    listeners: [listener(port, backends([server.port]), { workers: 2 })],
  });
  using clients = await Clients.of(port);
  await until("all are served", () => server.open === QUIET + BUSY);
  running.signal("SIGTERM");
  const ended = clients.watch();
  await until("it stops accepting", () => assertRefused(port).then(() => true, () => false));
  assert.equal((await running.admin("/readyz")).status, 503);
  const draining = async () =>
    ((await running.admin("/v1/status")).body as {
      draining: { listener: string; connections: number; secondsLeft: number }[];
    }).draining[0];
  const first = await until("it counts", async () => {
    const drain = await draining();
    return (drain?.connections ?? 0) > 0 && drain;
  });
  assert.equal(first.listener, "web");
  assert.ok(first.secondsLeft > 0 && first.secondsLeft <= WINDOW_SECONDS, `${first.secondsLeft}`);
  const fewer = until("fewer are left", async () => {
    const left = (await draining())?.connections ?? 0;
    return left > 0 && left < QUIET + BUSY;
  });
  fewer.catch(() => {}); // looked at below
  const { stdout } = await weir(["status", "--admin", `http://127.0.0.1:${running.adminPort}`]);
  assert.match(stdout, /not ready/);
  assert.match(stdout, /Listener web drains: \d+ connections left, \d+ s to go/);
  await fewer;
  await ended;
  assert.equal(await running.ended(), 0);
  assertSpread(clients);
  assert.match(running.log, /Listener \\"web\\" stops accepting; its connections have 8 s/);
  assert.match(running.log, /Listener \\"web\\" drains: \d+ connections are left, \d+ s to go/);
  assert.match(running.log, /Listener \\"web\\" has stopped; 40 connections had to be ended/);
});

for (
  const [what, next] of [
    ["removed", () => []],
    ["replaced", (server: number) => [listener(freePort(), backends([server]))]],
  ] as const
) {
  Deno.test(`a listener that is ${what} drains in the same way, and its connections that end by themselves are not ended`, async () => {
    await using server = slowServer();
    const port = freePort();
    const shutdown = { drainTimeout: WINDOW_SECONDS };
    await using running = await RunningWeir.start({
      shutdown,
      listeners: [listener(port, backends([server.port]))],
    });
    using clients = await Clients.of(port);
    using own = await connect(port);
    await assertEchoes(own, "ends by itself");
    const ended = clients.watch();
    assert.equal((await running.reload({ shutdown, listeners: next(server.port) })).status, 200);
    await assertRefused(port);
    assert.equal((await running.admin("/readyz")).status, 200, "what is left serves");
    own.close();
    await ended;
    assertSpread(clients);
    await until("it has stopped", () => running.log.includes("has stopped; 40 connections had to be ended"));
    await until("nothing drains any more", async () => {
      return ((await running.admin("/v1/status")).body as { draining: unknown[] }).draining.length === 0;
    });
  });
}

Deno.test("shutdown.graceTime: not ready at once, and still accepting for as long", async () => {
  await using server = slowServer();
  const port = freePort();
  await using running = await RunningWeir.start({
    shutdown: { graceTime: 5, drainTimeout: 1 },
    listeners: [listener(port, backends([server.port]))],
  });
  const startedAt = performance.now();
  running.signal("SIGTERM");
  await until("it is not ready", async () => (await running.admin("/readyz")).status === 503);
  using late = await connect(port);
  await assertEchoes(late, "served while not ready");
  await until("it stops accepting", () => assertRefused(port).then(() => true, () => false));
  const seconds = (performance.now() - startedAt) / 1000;
  assert.ok(seconds >= 4.9, `it stopped accepting after ${seconds} s`);
  assert.equal(await running.ended(), 0);
});

Deno.test("a second SIGTERM during the grace time ends the program at once", async () => {
  await using server = slowServer();
  const port = freePort();
  await using running = await RunningWeir.start({
    shutdown: { graceTime: 300 },
    listeners: [listener(port, backends([server.port]))],
  });
  running.signal("SIGTERM");
  await until("it is not ready", async () => (await running.admin("/readyz")).status === 503);
  running.signal("SIGTERM");
  assert.equal(await running.ended(), 1);
});
