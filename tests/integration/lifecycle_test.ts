/** What the board remembers of a server's life lives through workers that die and listeners that are replaced. @module */

import assert from "node:assert/strict";
import type { ListenerPlan } from "../../src/config/model.ts";
import { freePort } from "../support/ports.ts";
import { nameServer } from "../support/servers.ts";
import { until } from "../support/wait.ts";
import { healthPlan, poolPlan, serverPlan } from "../unit/plans.ts";
import { namesFrom, SupervisorBench, tcp } from "./bench.ts";

const key = (port: number) => `127.0.0.1:${port}`;

async function serves(bench: SupervisorBench, restarts: number): Promise<void> {
  await until(`${restarts} restarts`, () => bench.supervisor.workers.restarts === restarts);
  await bench.state("web", "accepting");
}

/** How many of the next connections get the name. */
async function share(name: string, port: number, count: number): Promise<number> {
  return (await namesFrom(port, count)).filter((found) => found === name).length;
}

Deno.test("supervisor keeps the clock of slow start when a worker dies and when a listener is replaced", async () => {
  await using first = nameServer("first");
  await using second = nameServer("second");
  await using third = nameServer("third");
  await using bench = new SupervisorBench();
  const plan = (port: number, servers: readonly number[]): ListenerPlan => ({
    ...tcp("web", port, []),
    // so slow that the shares do not change while the test looks
    pool: poolPlan(servers.map((port) => serverPlan({ port })), { slowStart: 30_000 }),
  });
  const since = (port: number) => bench.supervisor.boards.server("web", key(port))?.read().warmSince ?? NaN;
  const [before, after] = [freePort(), freePort()];
  await bench.apply(plan(before, [first.port]));
  assert.equal(since(first.port), 0);
  await bench.apply(plan(before, [first.port, second.port]));
  const joined = since(second.port);
  assert.ok(Math.abs(Date.now() - joined) < 60_000);
  assert.equal(await share("second", before, 22), 2);

  bench.kill();
  await serves(bench, 1);
  assert.deepEqual([since(first.port), since(second.port)], [0, joined]);
  assert.equal(await share("second", before, 22), 2, "the new worker goes by it");

  await bench.apply(plan(after, [first.port, second.port, third.port]));
  assert.deepEqual([since(first.port), since(second.port)], [0, joined]);
  assert.ok(since(third.port) >= joined, "one that joins with a replaced listener is new too");
  assert.equal(await share("first", after, 24), 20);
});

Deno.test("supervisor counts failed connections on over a worker's death, and hears of the change once", async () => {
  await using works = nameServer("works");
  await using bench = new SupervisorBench();
  const gone = freePort();
  const port = freePort();
  const pool = poolPlan([gone, works.port].map((port) => serverPlan({ port, weight: 1 })), {
    healthCheck: healthPlan({ interval: 300 }),
  });
  await bench.apply({ ...tcp("web", port, []), pool });
  const counters = () => bench.supervisor.boards.server("web", key(gone))?.read();
  const failUntil = (failures: number) =>
    until(`${failures} failed connections`, async () => {
      assert.deepEqual(await namesFrom(port, 1), ["works"]);
      return counters()?.connectFailures === failures;
    });
  await failUntil(2);
  bench.kill();
  await serves(bench, 1);
  assert.equal(counters()?.health, "Unknown");
  await failUntil(3);
  await until("it is Abnormal", () => counters()?.health === "Abnormal");
  const reason = `3 connections in a row failed, the last: connection to ${
    key(gone)
  } refused; is it running on that port?`;
  await until("it is told", () => bench.supervisor.health.get("web", key(gone)).lastChange?.to === "Abnormal");
  assert.equal(bench.supervisor.health.get("web", key(gone)).lastChange?.reason, reason);
  assert.deepEqual(await namesFrom(port, 6), new Array<string>(6).fill("works"));
  assert.equal(counters()?.connectFailures, 3);

  bench.kill();
  await serves(bench, 2);
  assert.deepEqual(await namesFrom(port, 6), new Array<string>(6).fill("works"));
  assert.equal(counters()?.connectFailures, 3, "the next worker does not try it either");
  assert.equal(bench.logged.filter((line) => line.includes(`Server ${key(gone)}`)).length, 1, "logged once");
});
