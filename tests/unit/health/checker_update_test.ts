/** A checker that gets new settings and other servers while it runs. @module */

import assert from "node:assert/strict";
import { healthPlan, poolPlan, weighted } from "../plans.ts";
import { CheckerBench, FAILED } from "./checker_bench.ts";

Deno.test("checker.update() with another interval probes again within a second and goes on with it", async () => {
  const bench = new CheckerBench(healthPlan({ interval: 300 }));
  await bench.clock.run(20_000);
  assert.equal(bench.probes.length, 1);
  bench.update(healthPlan({ interval: 5 }));
  await bench.clock.run(1000);
  assert.equal(bench.probes.length, 2);
  await bench.clock.run(50_000);
  assert.deepEqual(new Set(bench.gaps.slice(1)), new Set([5]));
});

Deno.test("checker.update() in mid-probe starts no second probe and goes on with the new settings", async () => {
  const bench = new CheckerBench(healthPlan({ interval: 300, timeout: 60 }));
  bench.result = undefined;
  await bench.clock.run(1000);
  bench.update(healthPlan({ interval: 5, timeout: 3, port: 4711 }));
  await bench.clock.run(2000);
  assert.equal(bench.probes.length, 1);
  bench.probes[0]?.answer({ ok: true });
  await bench.clock.run(5000);
  assert.deepEqual(bench.probes.map(({ target }) => target), [
    { address: "127.0.0.1", port: 1, timeout: 60 },
    { address: "127.0.0.1", port: 4711, timeout: 3 },
  ]);
  assert.equal(bench.mostAtOnce, 1);
  assert.equal(bench.clock.timers, 0, "the second probe is under way, and nothing else waits");
});

Deno.test("checker.update() with the same clock settings moves no probe", async () => {
  const bench = new CheckerBench(healthPlan());
  for (let second = 0; second < 60; second++) {
    await bench.clock.run(1000);
    bench.update(healthPlan({ unhealthyThreshold: 2 + second % 8 }));
  }
  assert.deepEqual(new Set(bench.gaps.slice(1)), new Set([5]));
});

Deno.test("checker.update() probes servers that came and not those that went", async () => {
  const bench = new CheckerBench(healthPlan(), 2);
  await bench.clock.run(1000);
  bench.result = undefined;
  await bench.clock.run(5000);
  const [, , second] = bench.probes;
  bench.test.update(poolPlan(weighted([1, 1, 1]).slice(1)));
  bench.update(healthPlan());
  assert.equal(bench.probes.filter(({ port, signal }) => port === 1 && !signal.aborted).length, 0);
  second?.answer(FAILED);
  bench.result = () => ({ ok: true });
  const before = bench.probes.length;
  await bench.clock.run(30_000);
  assert.deepEqual([...new Set(bench.probes.slice(before).map(({ port }) => port))], [3]);
  assert.equal(bench.health(3), "Healthy");
});

Deno.test("checker.update() calls servers Disabled when it is switched off, and Unknown when on again", async () => {
  const bench = new CheckerBench(healthPlan());
  await bench.clock.run(1000);
  bench.update(healthPlan({ enabled: false }));
  bench.update(healthPlan({ enabled: false, interval: 60 }));
  assert.equal(bench.health(), "Disabled");
  assert.equal(bench.clock.timers, 0);
  await bench.clock.run(60_000);
  assert.equal(bench.probes.length, 1);
  bench.result = () => FAILED;
  bench.update(healthPlan());
  assert.equal(bench.health(), "Unknown");
  await bench.clock.run(11_000);
  assert.deepEqual(bench.transitions, [
    "1 Unknown -> Healthy",
    "1 Healthy -> Disabled",
    "1 Disabled -> Unknown",
    "1 Unknown -> Abnormal",
  ]);
});

Deno.test("checker.update() in mid-probe forgets the probe's result when checks are switched off", async () => {
  const bench = new CheckerBench(healthPlan());
  bench.result = undefined;
  await bench.clock.run(1000);
  bench.update(healthPlan({ enabled: false }));
  assert.equal(bench.probes[0]?.signal.aborted, true);
  bench.probes[0]?.answer({ ok: true });
  await bench.clock.run(60_000);
  assert.equal(bench.health(), "Disabled");
  assert.equal(bench.probes.length, 1);
});
