/** Workers that die: their listeners come back, and nobody else notices. @module */

import assert from "node:assert/strict";
import { clientsMigrate } from "../../src/net/migration.ts";
import { freePort } from "../support/ports.ts";
import { echoServer, holdServer, nameServer, readAll, readName, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";
import { poolPlan, serverPlan } from "../unit/plans.ts";
import { isListening, newTls, readNameTls, SupervisorBench, tcp } from "./bench.ts";

async function restarted(bench: SupervisorBench, restarts: number): Promise<void> {
  await until(`${restarts} restarts`, () => bench.supervisor.workers.restarts === restarts);
}

/** The threads of workers that run in this process; `undefined` where the system does not tell. */
function workerThreads(): readonly string[] | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const tasks = [...Deno.readDirSync("/proc/self/task")].map(({ name }) => name);
  return tasks.filter((task) => {
    try {
      return Deno.readTextFileSync(`/proc/self/task/${task}/comm`).startsWith("worker-");
    } catch {
      return false; // it has ended
    }
  });
}

/**
 * A thread that is ended may accept for some milliseconds more; those connections are its own, and end with it.
 *
 * @param before the threads that there were when it was told to end
 */
async function lastAccepts(before: readonly string[] | undefined): Promise<void> {
  if (before === undefined) return await new Promise((resolve) => setTimeout(resolve, 500));
  await until("the thread has ended", () => {
    const now = workerThreads() ?? [];
    return before.some((thread) => !now.includes(thread));
  });
}

Deno.test("supervisor replaces a worker that dies; its listener serves again and the others do not notice", async () => {
  await using server = nameServer("one");
  await using echo = echoServer();
  await using bench = new SupervisorBench();
  const [healthy, dying] = [tcp("healthy", freePort(), [echo.port]), tcp("dying", freePort(), [server.port])];
  await bench.apply(healthy);
  await bench.apply(healthy, dying);
  using held = await Deno.connect({ port: healthy.port });
  bench.crash(bench.workers[1]);
  await restarted(bench, 1);
  await bench.state("dying", "accepting");
  assert.equal(await readName(dying.port), "one");
  assert.equal(bench.supervisor.stateOf("healthy"), "accepting");
  await writeAll(held, new TextEncoder().encode("ping"));
  assert.equal(await held.read(new Uint8Array(10)), 4);
  assert.deepEqual([bench.workers.length, bench.supervisor.workers.running], [3, 2]);
  assert.ok(bench.logged.some((line) => /^Worker 2 died: .*starting another/.test(line)), bench.logged.join("\n"));
});

Deno.test("supervisor serves TCP connections that came while a worker was being replaced", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const plan = tcp("web", freePort(), [server.port]);
  await bench.apply(plan);
  for (let death = 1; death <= 3; death++) {
    bench.crash();
    await restarted(bench, death);
    if (death < 3) await bench.state("web", "accepting");
  }
  assert.equal(bench.supervisor.stateOf("web"), "restarting", "the third pause is half a second");
  const waiting = Array.from({ length: 20 }, () => readName(plan.port));
  assert.deepEqual(await Promise.all(waiting), new Array(20).fill("one"));
});

Deno.test("supervisor forgets the connections of a dead worker, keeps its totals and its turn", async () => {
  await using server = holdServer();
  await using bench = new SupervisorBench();
  const plan = tcp("web", freePort(), [server.port]);
  await bench.apply(plan);
  using held = await Deno.connect({ port: plan.port });
  await until("it is served", () => server.open === 1);
  bench.kill();
  await restarted(bench, 1);
  await bench.state("web", "accepting");
  assert.equal((await readAll(held).catch(() => new Uint8Array())).length, 0);
  const { connectionsActive, connectionsTotal } = bench.supervisor.boards.listener("web")?.read() ?? {};
  assert.deepEqual([connectionsActive, connectionsTotal], [0, 1]);
  assert.equal(bench.supervisor.boards.server("web", `127.0.0.1:${server.port}`)?.active, 0);
});

Deno.test("supervisor gives the successor of a dead worker the servers as they were: drained, and from the DNS", async () => {
  await using drained = nameServer("drained");
  await using found = nameServer("found");
  await using bench = new SupervisorBench();
  const plan = tcp("web", freePort(), [drained.port]);
  await bench.apply(plan);
  const servers = [
    serverPlan({ port: drained.port, draining: true }),
    serverPlan({ port: found.port, configured: `app.internal:${found.port}` }),
  ];
  await bench.apply({ ...plan, pool: poolPlan(servers) });
  assert.equal(await readName(plan.port), "found");
  bench.crash();
  await restarted(bench, 1);
  await bench.state("web", "accepting");
  for (let round = 0; round < 4; round++) assert.equal(await readName(plan.port), "found");
});

Deno.test("supervisor replaces a worker again and again, with a pause that grows", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const plan = tcp("web", freePort(), [server.port]);
  await bench.apply(plan);
  for (let death = 1; death <= 3; death++) {
    bench.kill();
    await restarted(bench, death);
    await bench.state("web", "accepting");
    assert.equal(await readName(plan.port), "one");
  }
  const pauses = bench.logged.flatMap((line) => /starting another in (\S+) s/.exec(line)?.[1] ?? []);
  assert.deepEqual(pauses, ["0", "0.1", "0.5"]);
});

Deno.test("supervisor finds a worker that is silent by its missing heartbeat, and replaces it", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const plan = tcp("web", freePort(), [server.port]);
  await bench.apply(plan);
  await bench.answers(bench.workers[0]); // a worker that has something to do may be silent for longer
  const threads = workerThreads();
  bench.workers[0]?.worker.terminate();
  await lastAccepts(threads);
  const early = readName(plan.port); // waits in the queue
  await restarted(bench, 1);
  await bench.state("web", "accepting");
  assert.equal(await early, "one");
  assert.equal(await readName(plan.port), "one");
  assert.deepEqual([...bench.supervisor.deaths], [["error", 0], ["hung", 1]]);
  assert.ok(bench.logged.some((line) => /^Worker 1 died: no sign of life for \d/.test(line)), bench.logged.join("\n"));
});

Deno.test("supervisor makes nobody wait for a listener that keeps dying", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const [bad, good] = [tcp("bad", freePort(), [server.port]), tcp("good", freePort(), [server.port])];
  await bench.apply(bad);
  await bench.apply(bad, good);
  const workerOfGood = bench.workers[1];
  for (let death = 1; death <= 4; death++) {
    bench.kill(death === 1 ? bench.workers[0] : bench.workers.at(-1));
    await restarted(bench, death);
    if (death < 4) await bench.state("bad", "accepting");
  }
  bench.kill(workerOfGood);
  await restarted(bench, 5);
  const pauses = bench.logged.flatMap((line) => /starting another in (\S+) s/.exec(line)?.[1] ?? []);
  assert.deepEqual(pauses, ["0", "0.1", "0.5", "2", "0"]);
  await bench.state("good", "accepting");
  assert.equal(await readName(good.port), "one");
  await bench.state("bad", "accepting");
});

for (
  const [what, end] of [
    ["an error that nobody catches", (bench: SupervisorBench) => bench.crash()],
    ["silence", (bench: SupervisorBench) => bench.workers.at(-1)?.worker.terminate()],
  ] as const
) {
  Deno.test(`of the clients that come in the five seconds after a worker dies of ${what}, 99.9 % are served`, async () => {
    await using server = nameServer("one");
    // Where the kernel hands clients on there is no shared queue, and nothing to bridge the time with before it is known
    // that a thread has ended: docs/decisions/0023-replacing-the-program.md.
    const migrates = what !== "silence" && await clientsMigrate();
    await using bench = new SupervisorBench({ migrates });
    const plan = tcp("web", freePort(), [server.port]);
    await bench.apply(plan);
    assert.equal(await readName(plan.port), "one");
    await bench.answers(bench.workers[0]);
    const outcomes: Promise<boolean>[] = [];
    const threads = workerThreads();
    end(bench);
    await lastAccepts(threads);
    const startedAt = performance.now();
    while (performance.now() - startedAt < 5000 || outcomes.length <= 500) {
      for (let client = 0; client < 5; client++) {
        outcomes.push(readName(plan.port).then((name) => name === "one", () => false));
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const served = (await Promise.all(outcomes)).filter((isServed) => isServed).length;
    assert.ok(served >= outcomes.length * 0.999, `${served} of ${outcomes.length} were served`);
    assert.equal(bench.supervisor.workers.restarts, 1);
  });
}

Deno.test("supervisor gives a replaced TCP_SSL listener its certificate", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const tls = await newTls();
  const plan = { ...tcp("web", freePort(), [server.port]), tls };
  await bench.apply(plan);
  bench.kill();
  await restarted(bench, 1);
  await bench.state("web", "accepting");
  assert.equal(await readNameTls(plan.port, tls), "one");
});

Deno.test("supervisor starts a listener again as soon as its port can be had again", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const tls = await newTls("fast");
  const plan = { ...tcp("web", freePort(), [server.port]), tls };
  await bench.apply(plan);
  bench.workers[0]?.worker.terminate();
  // another program is quicker
  const thief = await until("the port is free", () => {
    try {
      return Deno.listen({ hostname: "127.0.0.1", port: plan.port });
    } catch {
      return undefined;
    }
  });
  bench.report();
  await until("the port is missed", () => bench.logged.some((line) => line.includes("is down")));
  thief.close();
  await bench.state("web", "accepting");
  assert.equal(await readNameTls(plan.port, tls), "one");
});

Deno.test("supervisor goes on counting a draining predecessor's connections when the successor's worker dies", async () => {
  await using server = echoServer();
  await using bench = new SupervisorBench({ drainTimeout: 60 });
  const [before, after] = [freePort(), freePort()];
  await bench.apply(tcp("web", before, [server.port]));
  using held = await Deno.connect({ port: before });
  await writeAll(held, new TextEncoder().encode("ping"));
  await held.read(new Uint8Array(10));
  await bench.apply(tcp("web", after, [server.port]));
  assert.equal(bench.supervisor.draining, 1);
  bench.kill();
  await restarted(bench, 1);
  await bench.state("web", "accepting");
  await until("the held connection is counted again", () => bench.active("web") === 1);
  assert.equal(bench.supervisor.boards.server("web", `127.0.0.1:${server.port}`)?.active, 1);
  held.close();
  await until("the predecessor has drained", () => bench.supervisor.draining === 0);
  assert.equal(bench.active("web"), 0);
  assert.equal(bench.supervisor.boards.server("web", `127.0.0.1:${server.port}`)?.active, 0);
});

for (const replaced of [false, true]) {
  const when = replaced ? "after a worker died and was replaced" : "at the moment in which a worker dies";
  Deno.test(`supervisor commit() ${when} serves all the same`, async () => {
    await using server = nameServer("one");
    await using bench = new SupervisorBench();
    const plan = tcp("web", freePort(), [server.port]);
    const change = await bench.prepare([plan]);
    bench.kill();
    if (replaced) {
      await until("another has started", () => bench.workers.length === 2);
      await bench.answers(bench.workers[1]);
    }
    await change.commit();
    bench.committed([plan]);
    await bench.state("web", "accepting");
    assert.equal(await readName(plan.port), "one");
    await bench.apply();
    await until("nothing is left", async () => !(await isListening(plan.port)));
  });
}

Deno.test("supervisor.prepare() works while another worker is being replaced", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench({ maxWorkers: 1 });
  const plan = tcp("web", freePort(), [server.port]);
  await bench.apply(plan);
  for (let death = 1; death <= 3; death++) {
    if (death > 1) await bench.state("web", "accepting");
    bench.kill();
    await restarted(bench, death);
  }
  const other = tcp("other", freePort(), [server.port]); // in the pause of half a second
  await bench.apply(plan, other);
  assert.equal(await readName(other.port), "one");
  await bench.state("web", "accepting");
  assert.equal(await readName(plan.port), "one");
});

Deno.test("supervisor.stop() starts no worker any more, not even for one that has just died", async () => {
  const bench = new SupervisorBench();
  await bench.apply(tcp("web", freePort(), [1]));
  bench.kill();
  await restarted(bench, 1);
  await bench.state("web", "accepting");
  bench.kill();
  await restarted(bench, 2);
  await bench[Symbol.asyncDispose]();
  const before = bench.workers.length;
  await new Promise((resolve) => setTimeout(resolve, 400)); // the pause is 0.1 s
  const { running } = bench.supervisor.workers;
  await bench.supervisor.stop(0);
  assert.deepEqual([bench.workers.length, running], [before, 0]);
});
