/** When servers are probed and what is told of it, on a clock that the test moves. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { HealthChecker } from "../../../src/health/checker.ts";
import type { ProbeResult } from "../../../src/health/probe.ts";
import { settled } from "../fake_clock.ts";
import { healthPlan, poolPlan, weighted } from "../plans.ts";
import { CheckerBench, FAILED } from "./checker_bench.ts";

Deno.test("checker probes every server within the first second, each at its own moment", async () => {
  const bench = new CheckerBench(healthPlan(), 0);
  bench.test.update(poolPlan(weighted([1, 1, 1])));
  const moments = [0, 0.4, 0.999];
  const start = bench.clock.now();
  for (const [index] of moments.entries()) {
    bench.random = moments[index] ?? 0;
    bench.checker.update(healthPlan(), [...bench.test.pool.servers].slice(0, index + 1));
  }
  await bench.clock.run(1000);
  assert.deepEqual(bench.probes.map((probe) => (probe.at - start) / 1000), moments);
  assert.deepEqual(bench.probes.map((probe) => probe.port), [1, 2, 3]);
});

Deno.test("checker keeps the interval from start to start, however long a probe takes", async () => {
  const bench = new CheckerBench(healthPlan({ interval: 5, timeout: 60 }));
  bench.result = undefined;
  for (let probe = 0; probe < 6; probe++) {
    await bench.clock.run(1000);
    while (bench.probes.length <= probe) await bench.clock.run(100);
    await bench.clock.run(1700);
    bench.probes[probe]?.answer({ ok: true });
    await settled();
  }
  // the first gap is shorter by chance, so that servers which came together drift apart
  assert.deepEqual(bench.gaps, [3.75, 5, 5, 5, 5]);
});

Deno.test("checker spreads only the second probe, between half an interval and a whole one", async () => {
  for (const random of [0, 0.999]) {
    const bench = new CheckerBench(healthPlan({ interval: 10 }));
    bench.random = random;
    await bench.clock.run(45_000);
    const [first = 0, ...others] = bench.gaps;
    assert.ok(Math.abs(first - 10 * (0.5 + random / 2)) < 1e-9);
    assert.ok(others.length >= 2 && others.every((gap) => gap === 10), String(others));
  }
});

Deno.test("checker never has two probes of a server under way, and follows a slow one at once", async () => {
  const bench = new CheckerBench(healthPlan({ interval: 5, timeout: 60 }));
  bench.result = undefined;
  await bench.clock.run(60_000);
  assert.equal(bench.probes.length, 1);
  bench.probes[0]?.answer(FAILED);
  await bench.clock.run(0);
  assert.equal(bench.probes.length, 2);
  await bench.clock.run(60_000);
  assert.equal(bench.probes.length, 2);
  assert.equal(bench.mostAtOnce, 1);
});

Deno.test("checker probes one server on while another is slow", async () => {
  const bench = new CheckerBench(healthPlan(), 2);
  bench.result = (port) => port === 1 ? undefined : { ok: true };
  await bench.clock.run(60_000);
  assert.equal(bench.probes.filter(({ port }) => port === 1).length, 1);
  assert.ok(bench.probes.filter(({ port }) => port === 2).length >= 12);
});

Deno.test("checker tells of every transition exactly once, with the reason", async () => {
  const bench = new CheckerBench(healthPlan());
  await bench.clock.run(30_000);
  bench.result = () => FAILED;
  await bench.clock.run(60_000);
  bench.result = () => ({ ok: true });
  await bench.clock.run(60_000);
  assert.deepEqual(bench.transitions, ["1 Unknown -> Healthy", "1 Healthy -> Abnormal", "1 Abnormal -> Healthy"]);
  assert.deepEqual(bench.reasons.map(({ reason }) => reason), [
    "a probe succeeded",
    "3 probes in a row failed, the last: connection refused",
    "3 probes in a row succeeded",
  ]);
});

Deno.test("checker tells of an outcome only when it differs from the one before", async () => {
  const bench = new CheckerBench(healthPlan());
  const results: ProbeResult[] = [{ ok: true }, { ok: true }, FAILED, FAILED, { ok: false, reason: "no answer" }];
  bench.result = () => results.shift() ?? { ok: true };
  await bench.clock.run(40_000);
  assert.deepEqual(bench.outcomes, [null, "connection refused", "no answer", null]);
});

Deno.test("checker writes the time and the outcome of the last probe on the board", async () => {
  const bench = new CheckerBench(healthPlan());
  bench.result = () => FAILED;
  await bench.clock.run(1000);
  const { lastProbeOk, lastProbeAt, health } = bench.test.server("127.0.0.1:1").counters.read();
  assert.deepEqual({ lastProbeOk, lastProbeAt, health }, {
    lastProbeOk: false,
    lastProbeAt: bench.probes[0]?.at,
    health: "Unknown",
  });
});

Deno.test("checker learns nothing from a probe that this machine could not make, and goes on probing", async () => {
  for (const before of [{ ok: true }, FAILED] satisfies ProbeResult[]) {
    const bench = new CheckerBench(healthPlan());
    bench.result = () => before;
    await bench.clock.run(11_000);
    const known = bench.test.server("127.0.0.1:1").counters.read();
    const { transitions, outcomes } = { transitions: [...bench.transitions], outcomes: [...bench.outcomes] };
    const probes = bench.probes.length;
    bench.result = () => ({ ok: null });
    await bench.clock.run(60_000);
    assert.deepEqual(bench.test.server("127.0.0.1:1").counters.read(), known, "state and last probe are as they were");
    assert.deepEqual({ transitions: bench.transitions, outcomes: bench.outcomes }, { transitions, outcomes });
    assert.ok(bench.probes.length >= probes + 11, "and it is probed at every interval");
  }
});

Deno.test("checker counts failures on over a probe that this machine could not make", async () => {
  const bench = new CheckerBench(healthPlan());
  const results: ProbeResult[] = [{ ok: true }, FAILED, FAILED, { ok: null }, FAILED];
  bench.result = () => results.shift() ?? FAILED;
  while (results.length > 1) await bench.clock.run(1000);
  assert.equal(bench.health(), "Healthy");
  while (results.length > 0) await bench.clock.run(1000);
  assert.equal(bench.health(), "Abnormal");
});

Deno.test("checker finds a dead server within interval x threshold + timeout, wherever in the interval it dies", async () => {
  const plans = fc.record({
    interval: fc.integer({ min: 5, max: 300 }),
    timeout: fc.integer({ min: 2, max: 60 }),
    unhealthyThreshold: fc.integer({ min: 2, max: 10 }),
  });
  const phase = fc.double({ min: 0, max: 1, noNaN: true });
  await fc.assert(
    fc.asyncProperty(plans, phase, phase, async (given, random, moment) => {
      const plan = healthPlan(given);
      const bench = new CheckerBench(plan);
      bench.random = random;
      await bench.clock.run((2 + moment) * plan.interval * 1000 + 1000);
      const diedAt = bench.clock.now();
      // dead like a frozen machine: every probe takes its whole timeout
      bench.result = () => {
        bench.clock.after(plan.timeout, () => bench.probes.at(-1)?.answer(FAILED));
        return undefined;
      };
      while (bench.health() !== "Abnormal") await bench.clock.run(250);
      const seconds = (bench.clock.now() - diedAt) / 1000;
      const slowest = Math.max(plan.interval, plan.timeout) * plan.unhealthyThreshold + plan.timeout;
      assert.ok(seconds <= slowest + 0.25, `took ${seconds} s, may take ${slowest} s`);
      bench.checker.stop();
    }),
    { numRuns: 30 },
  );
});

Deno.test("checker goes on with what the board knows when a worker starts over", async () => {
  const bench = new CheckerBench(healthPlan());
  bench.result = () => FAILED;
  await bench.clock.run(20_000);
  bench.checker.stop();
  const successor = new HealthChecker(healthPlan(), {
    probe: () => Promise.resolve({ ok: true }),
    after: bench.clock.after,
    now: bench.clock.now,
    random: () => 0,
    portOf: (server) => server.plan.port ?? 0,
    onState: (server, state) => bench.test.pool.setHealth(server, state),
    onTransition: (server, { from, to }) => {
      bench.transitions.push(`${server.plan.port} ${from} -> ${to}`);
    },
    onOutcome: () => {},
  });
  successor.update(healthPlan(), bench.test.pool.servers);
  await bench.clock.run(1000);
  assert.equal(bench.health(), "Abnormal", "one success is not enough for a server known to be Abnormal");
  await bench.clock.run(20_000);
  assert.deepEqual(bench.transitions, ["1 Unknown -> Abnormal", "1 Abnormal -> Healthy"]);
  successor.stop();
});

Deno.test("checker keeps probing when the computer's clock is set back", async () => {
  const bench = new CheckerBench(healthPlan());
  bench.result = undefined;
  await bench.clock.run(1000);
  bench.clock.stall(-3_600_000);
  bench.probes[0]?.answer({ ok: true });
  await settled();
  bench.result = () => ({ ok: true });
  // timers go by a clock that is never set back; after() counts from now
  await bench.clock.run(6000);
  assert.ok(bench.probes.length >= 2, "no probe for an hour");
});

Deno.test("checker.stop() ends every clock and the probe under way", async () => {
  const bench = new CheckerBench(healthPlan(), 3);
  await bench.clock.run(2500);
  bench.result = undefined;
  await bench.clock.run(1250);
  bench.checker.stop();
  assert.equal(bench.clock.timers, 0);
  const before = { probes: bench.probes.length, transitions: bench.transitions.length };
  for (const probe of bench.probes.slice(3)) {
    assert.equal(probe.signal.aborted, true);
    probe.answer(FAILED);
  }
  await bench.clock.run(60_000);
  assert.deepEqual({ probes: bench.probes.length, transitions: bench.transitions.length }, before);
  assert.equal(bench.clock.timers, 0);
});
