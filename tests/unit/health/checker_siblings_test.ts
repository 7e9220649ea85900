/** Several threads of one listener: one probes, all know. @module */

import assert from "node:assert/strict";
import { healthPlan, poolPlan, weighted } from "../plans.ts";
import { HealthChecker } from "../../../src/health/checker.ts";
import type { Pool } from "../../../src/upstream/pool.ts";
import { CheckerBench, FAILED } from "./checker_bench.ts";

/** Another thread of the same listener, which does not probe until it is told to. */
function sibling(bench: CheckerBench, plan = healthPlan(), servers = [10]): { checker: HealthChecker; pool: Pool } {
  const pool = bench.test.successor(poolPlan(weighted(servers)));
  const checker = new HealthChecker(plan, {
    probe: (target) => {
      bench.outcomes.push(`sibling probes ${target.port}`);
      return Promise.resolve(bench.result?.(target.port) ?? { ok: true });
    },
    after: bench.clock.after,
    now: bench.clock.now,
    random: () => 0.5,
    portOf: (server) => server.plan.port ?? 0,
    onState: (server, state) => pool.setHealth(server, state),
    onTransition: (server, { from, to }) =>
      void bench.transitions.push(`${server.plan.port} ${from} -> ${to}, sibling`),
    onOutcome: () => {},
  }, false);
  checker.update(plan, pool.servers);
  return { checker, pool };
}

Deno.test("checker of a sibling does not probe until it takes over, and knows what was found", async () => {
  const bench = new CheckerBench(healthPlan());
  bench.result = () => FAILED;
  const other = sibling(bench);
  await bench.clock.run(30_000);
  assert.deepEqual(bench.transitions, ["1 Unknown -> Abnormal"]);
  assert.equal(bench.outcomes.filter((outcome) => outcome?.startsWith("sibling")).length, 0);
  assert.equal([...other.pool.servers][0]?.counters.health, "Abnormal");

  bench.checker.stop();
  other.checker.takeOver();
  other.checker.takeOver();
  bench.result = () => ({ ok: true });
  await bench.clock.run(1000);
  assert.equal(bench.outcomes.filter((outcome) => outcome === "sibling probes 1").length, 1, "within a second, once");
  assert.equal(bench.health(), "Abnormal", "one success is not enough");
  await bench.clock.run(20_000);
  assert.deepEqual(bench.transitions, ["1 Unknown -> Abnormal", "1 Abnormal -> Healthy, sibling"]);
  other.checker.stop();
  assert.equal(bench.clock.timers, 0);
});

Deno.test("checker of a sibling makes a server Abnormal by its own clients' failures, told once", async () => {
  const bench = new CheckerBench(healthPlan());
  const other = sibling(bench);
  await bench.clock.run(1000);
  const [server] = other.pool.servers;
  assert.ok(server !== undefined);
  for (let count = 1; count <= 3; count++) other.checker.connectionsFailed(server, count, "refused");
  bench.checker.connectionsFailed(bench.test.server("127.0.0.1:1"), 4, "refused");
  assert.deepEqual(bench.transitions, ["1 Unknown -> Healthy", "1 Healthy -> Abnormal, sibling"]);
  bench.checker.stop();
  other.checker.stop();
});

Deno.test("checker of a sibling leaves Disabled and Unknown to the one that probes, and makes up for it", async () => {
  const bench = new CheckerBench(healthPlan());
  const other = sibling(bench);
  await bench.clock.run(1000);
  bench.checker.stop(); // its thread dies before it takes up the new settings
  other.checker.update(healthPlan({ enabled: false }), other.pool.servers);
  assert.equal(bench.health(), "Healthy");
  other.checker.takeOver();
  assert.equal(bench.health(), "Disabled");

  const third = sibling(bench);
  third.checker.update(healthPlan(), third.pool.servers);
  assert.equal(bench.health(), "Disabled");
  other.checker.stop();
  third.checker.takeOver();
  assert.equal(bench.health(), "Unknown");
  third.checker.stop();
});
