/** Listeners that run in several threads: placed apart, changed in place, and exact whoever dies. @module */

import assert from "node:assert/strict";
import type { ListenerPlan } from "../../src/config/model.ts";
import { freePort, freePortsInARow } from "../support/ports.ts";
import { echoServer, holdServer, nameServer, readAll, readName, serve, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";
import { healthPlan, poolPlan, serverPlan } from "../unit/plans.ts";
import { isListening, namesFrom, type OnePortPlan, onPort, range, SupervisorBench, tcp } from "./bench.ts";

function threaded(workers: number, port: number, servers: readonly number[]): OnePortPlan {
  return { ...tcp("web", port, servers), workers };
}

/** What each of a listener's threads does, and how many connections it has. */
function threads(bench: SupervisorBench, name = "web"): [string, number][] {
  return bench.supervisor.threadsOf(name).map(({ worker, state }) => [
    state,
    bench.supervisor.boards.openIn(name, worker),
  ]);
}

const states = (bench: SupervisorBench) => threads(bench).map(([state]) => state);
const openIn = (bench: SupervisorBench) => threads(bench).map(([, open]) => open);

/** Connects until every thread has some connections, and at least `count` there are. */
async function holdInAll(bench: SupervisorBench, held: AsyncDisposableStack, port: number, count: number) {
  const connections: Deno.TcpConn[] = [];
  await until("every thread has a connection", async () => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connections.push(held.use(connection));
    await until("it is counted", () => bench.active("web") === connections.length);
    return connections.length >= count && openIn(bench).every((open) => open > 0);
  });
  return connections;
}

/** How many of these are still open; the others have ended. */
async function alive(connections: readonly Deno.TcpConn[]): Promise<number> {
  const answers = await Promise.all(connections.map(async (connection) => {
    try {
      await writeAll(connection, new TextEncoder().encode("ping"));
      return (await connection.read(new Uint8Array(10))) === 4;
    } catch {
      return false;
    }
  }));
  return answers.filter((answer) => answer).length;
}

Deno.test("supervisor runs a listener in as many workers as it asks for, and all of them serve", async () => {
  await using server = echoServer();
  await using held = new AsyncDisposableStack();
  await using bench = new SupervisorBench();
  const port = freePort();
  await bench.apply(threaded(3, port, [server.port]));
  assert.deepEqual(bench.supervisor.workers, { running: 3, restarts: 0 });
  assert.deepEqual(states(bench), ["accepting", "accepting", "accepting"]);
  const connections = await holdInAll(bench, held, port, 9);
  assert.equal(await alive(connections), connections.length);
  assert.equal(openIn(bench).reduce((sum, open) => sum + open, 0), connections.length);
  assert.ok(bench.logged.includes(`Listener "web" accepts TCP on 127.0.0.1:${port} in 3 threads`));
});

Deno.test("supervisor shares workers evenly among listeners with several threads each, none twice in one", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench({ maxWorkers: 4 });
  const plans = [3, 3, 2].map((workers, index) => ({
    ...tcp(`web-${index}`, freePort(), [server.port]),
    workers,
  }));
  await bench.apply(...plans);
  assert.equal(bench.workers.length, 4);
  const all = plans.map(({ name }) => bench.supervisor.threadsOf(name).map(({ worker }) => worker));
  for (const workers of all) assert.equal(new Set(workers).size, workers.length);
  const loads = [1, 2, 3, 4].map((worker) => all.flat().filter((other) => other === worker).length);
  assert.deepEqual(loads, [2, 2, 2, 2]);
  for (const { port } of plans) assert.deepEqual(await namesFrom(port, 3), ["one", "one", "one"]);
});

Deno.test("supervisor loses only a dead worker's connections; its sibling serves on and refuses nobody", async () => {
  await using server = echoServer();
  await using names = nameServer("one");
  await using held = new AsyncDisposableStack();
  await using bench = new SupervisorBench();
  const [port, other] = [freePort(), freePort()];
  const key = `127.0.0.1:${server.port}`;
  await bench.apply(threaded(2, port, [server.port]));
  await bench.apply(threaded(2, port, [server.port]), { ...tcp("other", other, [names.port]), workers: 1 });
  const connections = await holdInAll(bench, held, port, 10);
  const [, ofSibling = 0] = openIn(bench);
  bench.kill(bench.workers[0]);
  // At once: what is taken off is what the dead one had, and no message has to come back for that.
  assert.deepEqual([bench.active("web"), bench.supervisor.boards.server("web", key)?.active], [ofSibling, ofSibling]);
  assert.equal(bench.supervisor.stateOf("web"), "accepting", "the other thread does");
  assert.equal(bench.supervisor.ready, true);

  // A worker that is killed goes on for a moment, and what it takes then is lost with it.
  await until("the dead one's are over", async () => await alive(connections) === ofSibling);
  const fresh: Deno.TcpConn[] = [];
  await until("the dead worker is replaced", async () => {
    fresh.push(held.use(await Deno.connect({ hostname: "127.0.0.1", port })));
    return bench.supervisor.workers.restarts === 1 && states(bench).every((state) => state === "accepting");
  });
  assert.equal(await alive(fresh), fresh.length, "nobody was refused or forgotten");
  assert.equal(bench.active("web"), ofSibling + fresh.length);
  assert.equal(bench.supervisor.boards.server("web", key)?.active, ofSibling + fresh.length);
  assert.equal(await readName(other), "one");

  await held.disposeAsync();
  await until("all are over", () => bench.active("web") === 0);
  assert.equal(bench.supervisor.boards.server("web", key)?.active, 0);
  assert.deepEqual(openIn(bench), [0, 0]);
});

Deno.test("supervisor keeps counts exact while threads die again and again under load", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const port = freePort();
  await bench.apply(threaded(3, port, [server.port]));
  let over = false;
  const load = Promise.all(Array.from({ length: 20 }, async () => {
    while (!over) await readName(port).catch(() => ""); // those of a dead worker break off
  }));
  for (let death = 1; death <= 3; death++) {
    bench.kill(bench.workers[death - 1]);
    await until(`${death} restarts`, () => bench.supervisor.workers.restarts === death);
    await until("all accept", () => states(bench).every((state) => state === "accepting"));
  }
  over = true;
  await load;
  await until("none is left", () => bench.active("web") === 0);
  const counters = bench.supervisor.boards.server("web", `127.0.0.1:${server.port}`);
  await until("none is left at the server", () => counters?.active === 0);
  assert.deepEqual(openIn(bench), [0, 0, 0]);
});

Deno.test("supervisor has one thread probe the servers; when it dies another does, and a change is logged once", async () => {
  await using bench = new SupervisorBench();
  const port = freePort();
  const probing = new Set<number>();
  let server = serve(() => Promise.resolve());
  const { port: serverPort } = server;
  const healthCheck = healthPlan({ interval: 0.3, timeout: 1, unhealthyThreshold: 2, healthyThreshold: 2 });
  const plan: ListenerPlan = {
    ...threaded(3, port, []),
    pool: poolPlan([serverPlan({ port: serverPort })], { healthCheck }),
  };
  const change = await bench.prepare([plan]);
  for (const [index, { worker }] of bench.workers.entries()) {
    worker.addEventListener("message", ({ data }) => {
      if (data.kind === "probe") probing.add(index);
    });
  }
  await change.commit();
  bench.committed([plan]);
  // A thread's first probe comes within a second, that is within four of the others.
  await until("it was probed several times", () => server.accepted >= 8);
  assert.equal(probing.size, 1);
  const [prober = NaN] = probing;

  bench.kill(bench.workers[prober]);
  await until("another probes", () => probing.size === 2);
  await server[Symbol.asyncDispose]();
  const health = () => bench.supervisor.boards.server("web", `127.0.0.1:${serverPort}`)?.health;
  await until("it is Abnormal", () => health() === "Abnormal");
  server = serve(() => Promise.resolve(), { port: serverPort });
  await until("it is Healthy", () => health() === "Healthy");
  await until("it is told", () => bench.logged.some((line) => line.includes("is Healthy: 2 probes")));
  const told = bench.logged.filter((line) => line.startsWith("Server "));
  assert.equal(told.length, 3, told.join("\n"));
  assert.equal(probing.size, 2);
  await bench.apply();
  await server[Symbol.asyncDispose]();
});

Deno.test("supervisor adds and removes threads in place, and those that go keep their connections", async () => {
  await using server = echoServer();
  await using held = new AsyncDisposableStack();
  await using bench = new SupervisorBench({ drainTimeout: 60 });
  const port = freePort();
  await bench.apply(threaded(1, port, [server.port]));
  await bench.apply(threaded(3, port, [server.port]));
  assert.deepEqual(states(bench), ["accepting", "accepting", "accepting"]);
  const connections = await holdInAll(bench, held, port, 9);

  await bench.apply(threaded(1, port, [server.port]));
  assert.deepEqual(states(bench), ["accepting", "draining", "draining"]);
  assert.equal(bench.supervisor.draining, 2);
  assert.equal(await alive(connections), connections.length);
  const before = openIn(bench);
  for (let count = 0; count < 5; count++) held.use(await Deno.connect({ hostname: "127.0.0.1", port }));
  await until("they are served", () => bench.active("web") === connections.length + 5);
  assert.deepEqual(openIn(bench), [(before[0] ?? 0) + 5, before[1], before[2]], "threads that go take nothing new");

  // The workers that drain still have the place: the next threads go elsewhere, or into the same ones beside them.
  await bench.apply(threaded(2, port, [server.port]));
  assert.deepEqual(states(bench), ["accepting", "accepting", "draining", "draining"]);
  assert.equal(await alive(connections), connections.length);
  await held.disposeAsync();
  await until("all have drained", () => bench.supervisor.draining === 0);
  assert.deepEqual(threads(bench), [["accepting", 0], ["accepting", 0]]);
});

Deno.test("supervisor ends what is left of a thread that goes when its drain time is over", async () => {
  await using server = echoServer();
  await using held = new AsyncDisposableStack();
  await using bench = new SupervisorBench({ drainTimeout: 0 });
  const port = freePort();
  await bench.apply(threaded(2, port, [server.port]));
  const connections = await holdInAll(bench, held, port, 6);
  const [stays = 0] = openIn(bench);
  await bench.apply(threaded(1, port, [server.port]));
  await until("the other has drained", () => bench.supervisor.draining === 0);
  assert.equal(await alive(connections), stays);
  assert.equal(bench.active("web"), stays);
});

Deno.test("supervisor abort() and a failure elsewhere leave as many threads as there were", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const plan = threaded(2, freePort(), [server.port]);
  await bench.apply(plan);
  const more = { ...plan, workers: 4 };
  const change = await bench.prepare([more]);
  assert.deepEqual(await namesFrom(plan.port, 4), ["one", "one", "one", "one"]);
  await change.abort();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await assert.rejects(bench.prepare([more, tcp("bad", taken.addr.port, [server.port])]), /Listener "bad"/);
  await until("those that joined have gone", () => threads(bench).length === 2);
  assert.deepEqual(states(bench), ["accepting", "accepting"]);
  assert.deepEqual(await namesFrom(plan.port, 4), ["one", "one", "one", "one"]);
});

Deno.test("supervisor moves a listener with threads to another port, and the old threads drain", async () => {
  await using server = echoServer();
  await using held = new AsyncDisposableStack();
  await using bench = new SupervisorBench({ drainTimeout: 60 });
  const plan = threaded(2, freePort(), [server.port]);
  await bench.apply(plan);
  const connections = await holdInAll(bench, held, plan.port, 4);
  const moved = onPort(plan, freePort());
  await bench.apply(moved);
  await until("the old port is closed", async () => !(await isListening(plan.port)));
  assert.equal(await alive(connections), connections.length);
  assert.equal(bench.supervisor.draining, 1);
  held.use(await Deno.connect({ hostname: "127.0.0.1", port: moved.port }));
  await until("both count", () => bench.active("web") === connections.length + 1);
  await held.disposeAsync();
  await until("the old one has drained", () => bench.supervisor.draining === 0);
  await until("the new one's is over", () => bench.active("web") === 0);
});

Deno.test("supervisor changes threads, ports and servers of a listener with a big range at once", async () => {
  await using one = nameServer("one");
  await using two = nameServer("two");
  await using bench = new SupervisorBench();
  const first = freePortsInARow(130);
  // More than 100 ports: each thread has sockets of its own.
  await bench.apply({ ...range("web", first, first + 119, [one.port]), workers: 2 });
  for (const port of [first, first + 119]) assert.deepEqual(await namesFrom(port, 6), new Array(6).fill("one"));
  await bench.apply({ ...range("web", first + 10, first + 129, [two.port]), workers: 3 });
  for (const port of [first + 10, first + 129]) assert.deepEqual(await namesFrom(port, 9), new Array(9).fill("two"));
  assert.equal(await isListening(first), false);
  assert.deepEqual(states(bench), ["accepting", "accepting", "accepting"]);
  await bench.apply({ ...range("web", first + 10, first + 129, [one.port]), workers: 1 });
  await until("two have gone", () => threads(bench).length === 1);
  assert.deepEqual(await namesFrom(first + 129, 6), new Array(6).fill("one"));
});

Deno.test("supervisor gives a server that is added one start, whatever the number of threads", async () => {
  await using one = nameServer("one");
  await using two = holdServer();
  await using bench = new SupervisorBench();
  const port = freePort();
  const plan = (servers: readonly number[]): ListenerPlan => ({
    ...threaded(3, port, []),
    pool: poolPlan(servers.map((port) => serverPlan({ port })), { slowStart: 30_000 }),
  });
  const key = `127.0.0.1:${two.port}`;
  const since = () => bench.supervisor.boards.server("web", key)?.warmSince ?? NaN;
  await bench.apply(plan([one.port]));
  await bench.apply(plan([one.port, two.port]));
  const joined = since();
  assert.ok(Math.abs(Date.now() - joined) < 60_000);
  bench.supervisor.boards.server("web", key)?.becomes("Healthy");
  await bench.apply({ ...plan([one.port, two.port]), idleTimeout: 60 });
  assert.equal(since(), joined);
  assert.equal(bench.supervisor.boards.server("web", key)?.health, "Disabled", "as its listener has it");
  assert.equal((await Promise.all([1, 2, 3].map(() => readName(port)))).filter((name) => name === "one").length, 3);
});

Deno.test("supervisor.stop() gives threads that drain no longer than all the others", async () => {
  await using server = echoServer();
  await using held = new AsyncDisposableStack();
  const bench = new SupervisorBench({ drainTimeout: 3600 });
  const port = freePort();
  await bench.apply(threaded(2, port, [server.port]));
  const connections = await holdInAll(bench, held, port, 6);
  await bench.apply(threaded(1, port, [server.port]));
  assert.equal(bench.supervisor.draining, 1);
  await bench.supervisor.stop(0);
  await bench[Symbol.asyncDispose]();
  const ends = await Promise.all(connections.map((connection) => readAll(connection).catch(() => new Uint8Array())));
  assert.ok(ends.every((bytes) => bytes.length === 0));
});
