/** What clients' failed connections do to a server, beside its probes. @module */

import assert from "node:assert/strict";
import type { HealthCheckPlan } from "../../../src/config/model.ts";
import { HealthChecker } from "../../../src/health/checker.ts";
import { healthPlan, poolPlan, weighted } from "../plans.ts";
import { CheckerBench } from "./checker_bench.ts";

const REFUSED = "connection to 127.0.0.1:1 refused";

/** A server that was found Healthy, probed seldom. */
async function healthy(given: Partial<HealthCheckPlan> = {}): Promise<CheckerBench> {
  const bench = new CheckerBench(healthPlan({ interval: 300, ...given }));
  await bench.clock.run(1000);
  assert.equal(bench.health(), "Healthy");
  bench.transitions.length = 0;
  bench.reasons.length = 0;
  return bench;
}

/** Clients find that the server does not take their connections. */
function fail(bench: CheckerBench, times: number): void {
  const server = bench.test.server("127.0.0.1:1");
  for (let count = 0; count < times; count++) {
    bench.checker.connectionsFailed(server, server.counters.connectFailed(), REFUSED);
  }
}

Deno.test("checker.connectionsFailed() makes a server Abnormal with the third failure in a row, once", async () => {
  const bench = await healthy();
  fail(bench, 2);
  assert.equal(bench.health(), "Healthy");
  fail(bench, 3);
  assert.deepEqual(bench.reasons, [{
    from: "Healthy",
    to: "Abnormal",
    reason: `3 connections in a row failed, the last: ${REFUSED}`,
  }]);
  assert.equal(bench.clock.timers, 1, "it goes on being probed");
});

Deno.test("checker.connectionsFailed() counts anew after a connection that succeeded", async () => {
  const bench = await healthy();
  for (let round = 0; round < 5; round++) {
    fail(bench, 2);
    bench.test.server("127.0.0.1:1").counters.connected();
  }
  assert.equal(bench.health(), "Healthy");
  fail(bench, 3);
  assert.equal(bench.health(), "Abnormal");
});

Deno.test("checker.connectionsFailed() makes a server Abnormal that nothing is known of yet", () => {
  const bench = new CheckerBench(healthPlan());
  fail(bench, 3);
  assert.deepEqual(bench.transitions, ["1 Unknown -> Abnormal"]);
});

for (const healthyThreshold of [2, 3, 10]) {
  Deno.test(`checker needs ${healthyThreshold} successes in a row after failed connections, whatever came before`, async () => {
    const bench = await healthy({ interval: 5, healthyThreshold });
    await bench.clock.run(100_000);
    fail(bench, 3);
    const probes = bench.probes.length;
    while (bench.probes.length < probes + healthyThreshold - 1) await bench.clock.run(1000);
    assert.equal(bench.health(), "Abnormal");
    await bench.clock.run(5000);
    assert.deepEqual(bench.transitions, ["1 Healthy -> Abnormal", "1 Abnormal -> Healthy"]);
    assert.equal(bench.reasons[1]?.reason, `${healthyThreshold} probes in a row succeeded`);
  });
}

Deno.test("checker: a probe that was under way when connections failed is one success, not enough", async () => {
  const bench = await healthy({ interval: 5, timeout: 60 });
  bench.result = undefined;
  await bench.clock.run(5000);
  fail(bench, 3);
  bench.probes.at(-1)?.answer({ ok: true });
  await bench.clock.run(0);
  assert.equal(bench.health(), "Abnormal");
});

Deno.test("checker: failures while a server is Abnormal, and before it recovered, are forgotten when it is back", async () => {
  const bench = await healthy({ interval: 5, healthyThreshold: 2 });
  fail(bench, 5);
  await bench.clock.run(10_000);
  assert.equal(bench.health(), "Healthy");
  fail(bench, 2);
  assert.equal(bench.health(), "Healthy");
  fail(bench, 1);
  assert.equal(bench.health(), "Abnormal");
});

Deno.test("checker flaps at most once per threshold of probes when these succeed and connections fail", async () => {
  const bench = await healthy({ interval: 5, healthyThreshold: 3, port: 4711 });
  await bench.clock.run(20_000);
  const startedAt = bench.clock.now();
  while (bench.clock.now() < startedAt + 300_000) {
    fail(bench, 1);
    await bench.clock.run(100);
  }
  const flaps = bench.transitions.filter((transition) => transition.endsWith("Abnormal")).length;
  // three probes take at least two intervals and what is left of a third
  assert.ok(flaps >= 15 && flaps <= 300 / (2 * 5) + 1, `${flaps} times in 300 s`);
});

Deno.test("checker.connectionsFailed() does nothing with passive: false, and takes a change in place", async () => {
  const bench = await healthy({ passive: false });
  fail(bench, 10);
  assert.deepEqual(bench.transitions, []);
  bench.update(healthPlan({ interval: 300 }));
  assert.deepEqual(bench.transitions, [], "not by the reload itself");
  fail(bench, 1);
  assert.deepEqual(bench.transitions, ["1 Healthy -> Abnormal"]);
});

Deno.test("checker.connectionsFailed() does nothing to servers that nothing would bring back", async () => {
  const bench = await healthy();
  bench.update(healthPlan({ enabled: false }));
  fail(bench, 5);
  assert.equal(bench.health(), "Disabled");
  bench.update(healthPlan());
  const gone = bench.test.server("127.0.0.1:1");
  bench.test.update(poolPlan(weighted([1, 1]).slice(1)));
  bench.update(healthPlan());
  bench.checker.connectionsFailed(gone, 3, REFUSED);
  bench.checker.stop();
  bench.checker.connectionsFailed(bench.test.server("127.0.0.1:2"), 3, REFUSED);
  assert.equal(bench.transitions.filter((transition) => transition.endsWith("Abnormal")).length, 0);
});

Deno.test("checker.connectionsFailed() counts over all threads, one tells, and no thread's probes flip it back", async () => {
  const bench = await healthy({ interval: 5 });
  const pool = bench.test.successor(poolPlan(weighted([10])));
  const other = new HealthChecker(healthPlan({ interval: 5 }), {
    probe: () => Promise.resolve({ ok: true }),
    after: bench.clock.after,
    now: bench.clock.now,
    random: () => 0.25,
    portOf: (server) => server.plan.port ?? 0,
    onState: (server, state) => pool.setHealth(server, state),
    onTransition: (server, { from, to }) => void bench.transitions.push(`${server.plan.port} ${from} -> ${to}`),
    onOutcome: () => {},
  });
  other.update(healthPlan({ interval: 5 }), pool.servers);
  await bench.clock.run(60_000);
  const [theirs] = pool.servers;
  assert.ok(theirs !== undefined);
  other.connectionsFailed(theirs, theirs.counters.connectFailed(), REFUSED);
  fail(bench, 1);
  other.connectionsFailed(theirs, theirs.counters.connectFailed(), REFUSED);
  fail(bench, 1);
  assert.deepEqual(bench.transitions, ["1 Healthy -> Abnormal"]);
  assert.equal(pool.acquire("192.0.2.1")?.server, theirs, "all are treated as healthy");
  await bench.clock.run(5000);
  assert.equal(bench.health(), "Abnormal", "each has probed once");
  await bench.clock.run(15_000);
  assert.deepEqual(bench.transitions, ["1 Healthy -> Abnormal", "1 Abnormal -> Healthy"], "told once");
  bench.checker.stop();
  other.stop();
});

Deno.test("checker goes on with an Abnormal of failed connections when a worker starts over", async () => {
  const bench = await healthy({ interval: 5 });
  fail(bench, 3);
  bench.checker.stop();
  const successor = new CheckerBench(healthPlan({ interval: 5 }));
  successor.checker.stop();
  const server = bench.test.server("127.0.0.1:1");
  successor.checker.update(healthPlan({ interval: 5 }), [server]);
  await successor.clock.run(1000);
  assert.equal(server.counters.health, "Abnormal", "one success is not enough");
  await successor.clock.run(10_000);
  assert.equal(server.counters.health, "Healthy");
  successor.checker.stop();
});
