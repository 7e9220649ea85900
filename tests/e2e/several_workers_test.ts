/** One listener in several threads: as exact as in one. @module */

import assert from "node:assert/strict";
import {
  CERTIFICATE_STORE,
  certificateFiles,
  connectTls,
  overTls,
  type TestCertificate,
  testCertificate,
} from "../support/certificates.ts";
import { backends, listener, type Settings } from "../support/configs.ts";
import { familyTest } from "../support/families.ts";
import { peerTest } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { startNginx } from "../support/processes.ts";
import { type ListenerBody, RunningWeir } from "../support/program.ts";
import { echoServer, holdServer, nameServer, readAll, readName, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";
import { wrkDuring } from "../support/wrk.ts";

/** Does the same `count` times, `atOnce` at a time. */
async function many(count: number, atOnce: number, work: () => Promise<unknown>): Promise<void> {
  let left = count;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (left-- > 0) await work();
  }));
}

const onFamily = (hostname: string, servers: readonly Settings[], settings: Settings = {}) =>
  backends(servers.map((server) => ({ address: hostname, ...server })), settings);

/** Of each thread of a listener: whether it accepts, and its open connections. */
function threadsOf({ threads }: ListenerBody): [string, number][] {
  return threads.map(({ state, connectionsActive }) => [state, connectionsActive]);
}

familyTest("two threads spread 7,000 connections over weights 5, 1, 1 exactly", async (hostname) => {
  await using a = nameServer("a", { hostname });
  await using b = nameServer("b", { hostname });
  await using c = nameServer("c", { hostname });
  const port = freePort(hostname);
  const servers = [a, b, c].map((server, index) => ({ port: server.port, weight: index === 0 ? 5 : 1 }));
  const settings = { address: hostname, workers: 2 };
  await using running = await RunningWeir.start({ listeners: [listener(port, onFamily(hostname, servers), settings)] });

  await many(7000, 20, () => readName(port, hostname));
  assert.deepEqual([a.accepted, b.accepted, c.accepted], [5000, 1000, 1000]);
  const web = await running.listener("web");
  assert.equal(web.workers, 2);
  assert.deepEqual(threadsOf(web).map(([state]) => state), ["accepting", "accepting"]);
  assert.deepEqual(web.servers.map((server) => server.connectionsTotal), [5000, 1000, 1000]);
  assert.deepEqual(((await running.admin("/v1/status")).body as { workers: unknown }).workers, {
    running: 2,
    restarts: 0,
    draining: 0,
  });
});

familyTest("two threads hold 400 connections by least connections exactly 3 to 1", async (hostname) => {
  await using a = holdServer({ hostname });
  await using b = holdServer({ hostname });
  const port = freePort(hostname);
  const group = onFamily(hostname, [{ port: a.port, weight: 3 }, { port: b.port, weight: 1 }], { algorithm: "wlc" });
  const settings = { address: hostname, workers: 2 };
  await using running = await RunningWeir.start({ listeners: [listener(port, group, settings)] });
  await using held = new AsyncDisposableStack();
  await many(400, 10, async () => held.use(await Deno.connect({ hostname, port })));
  await until("400 connections have arrived", () => a.open + b.open === 400);
  assert.deepEqual([a.open, b.open], [300, 100]);
  const { servers, connectionsActive, threads } = await running.listener("web");
  assert.deepEqual([connectionsActive, ...servers.map((server) => server.connectionsActive)], [400, 300, 100]);
  assert.equal(threads.reduce((sum, thread) => sum + thread.connectionsActive, 0), 400);

  await held.disposeAsync();
  await until("all connections are over", async () => (await running.listener("web")).connectionsActive === 0);
  const after = await running.listener("web");
  assert.deepEqual([...after.servers, ...after.threads].map((one) => one.connectionsActive), [0, 0, 0, 0]);
});

Deno.test("two threads never let in more than maxConnections together", async () => {
  await using server = echoServer();
  const port = freePort();
  const settings = { workers: 2, maxConnections: 50 };
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]), settings)] });
  await using held = new AsyncDisposableStack();
  let served = 0;
  await many(200, 50, async () => {
    const connection = held.use(await Deno.connect({ hostname: "127.0.0.1", port }));
    try {
      await writeAll(connection, new TextEncoder().encode("ping"));
      if (await connection.read(new Uint8Array(10)) !== null) served++;
    } catch { /* turned away: its bytes were never read, so the end comes as a reset */ }
  });
  assert.equal(served, 50);
  const { connectionsActive, connectionsEnded } = await running.listener("web");
  assert.deepEqual([connectionsActive, connectionsEnded["limit"]], [50, 150]);
});

Deno.test("workers: auto is one thread for each processor", async () => {
  await using server = nameServer("served");
  const port = freePort();
  const config = { listeners: [listener(port, backends([server.port]), { workers: "auto" })] };
  await using running = await RunningWeir.start(config);
  assert.equal(await readName(port), "served");
  const { workers, threads } = await running.listener("web");
  const expected = Math.min(navigator.hardwareConcurrency, 32);
  assert.deepEqual([workers, threads.length], [expected, expected]);
});

for (const engine of ["full", "fast"]) {
  Deno.test(`two threads end TLS with the ${engine} engine, and take up a renewed certificate and more threads at once`, async () => {
    await using a = nameServer("a");
    await using b = nameServer("b");
    const port = freePort();
    const [first, second] = [await testCertificate(), await testCertificate()];
    const config = (workers: number) => ({
      watchCertificates: false,
      certificates: CERTIFICATE_STORE,
      listeners: [listener(port, backends([a.port, b.port]), { ...overTls({ engine }), workers })],
    });
    await using running = await RunningWeir.start(config(2), { files: certificateFiles(first) });
    const read = async (certificate: TestCertificate) => {
      const connection = await connectTls(port, certificate);
      try {
        assert.equal((await readAll(connection)).length, 1);
      } finally {
        connection.close();
      }
    };
    await many(200, 10, () => read(first));
    assert.deepEqual([a.accepted, b.accepted], [100, 100]);
    for (const [name, content] of Object.entries(certificateFiles(second))) {
      await Deno.writeTextFile(`${running.folder}/${name}`, content);
    }
    assert.equal((await running.reload(config(3))).status, 200);
    await many(100, 10, () => read(second));
    assert.equal((await running.reload(config(1))).status, 200);
    await many(100, 10, () => read(second));
    assert.deepEqual([a.accepted, b.accepted], [200, 200]);
    await until("one thread is left", async () => (await running.listener("web")).threads.length === 1);
  });
}

const RELOADS = 15;

peerTest("reloads from one thread to three and back under wrk fail no request", ["wrk", "nginx"], async (paths) => {
  await using server = await startNginx(paths.nginx, "served");
  await using echo = echoServer();
  const [port, other] = [freePort(), freePort()];
  const config = (workers: number) => ({
    shutdown: { drainTimeout: 3600 },
    listeners: [
      listener(port, backends([server.port]), { workers }),
      listener(other, backends([echo.port]), { workers, name: "held" }),
    ],
  });
  await using running = await RunningWeir.start(config(3));
  await using held = new AsyncDisposableStack();
  const connections: Deno.TcpConn[] = [];
  await many(30, 10, async () => {
    connections.push(held.use(await Deno.connect({ hostname: "127.0.0.1", port: other })));
  });
  await until("all are counted", async () => (await running.listener("held")).connectionsActive === 30);

  await wrkDuring(paths.wrk, ["-t1", "-c20", `http://127.0.0.1:${port}/`], async () => {
    for (let round = 0; round < RELOADS; round++) {
      const workers = [1, 3, 2][round % 3] ?? 1;
      const { status, body } = await running.reload(config(workers));
      assert.equal(status, 200, JSON.stringify(body));
      const web = await running.listener("web");
      assert.equal(web.threads.filter((thread) => thread.state === "accepting").length, workers);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  });

  for (const connection of connections) {
    await writeAll(connection, new TextEncoder().encode("ping"));
    assert.equal(await connection.read(new Uint8Array(10)), 4, "connections of threads that go stay");
    await connection.closeWrite();
    assert.equal((await readAll(connection)).length, 0);
  }
  await running.reload(config(1));
  await until("the threads that went have drained", async () => {
    const { workers } = (await running.admin("/v1/status")).body as { workers: { draining: number } };
    return workers.draining === 0;
  });
  const { connectionsEnded } = await running.listener("web");
  for (const reason of ["connect_failed", "no_server", "internal_error", "idle_timeout"]) {
    assert.equal(connectionsEnded[reason] ?? 0, 0, reason);
  }
});
