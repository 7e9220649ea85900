/** A server that is new or back starts with a part of its share, and comes to all of it. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Algorithm, PoolPlan, ServerPlan } from "../../../src/config/model.ts";
import type { Pool, Server } from "../../../src/upstream/pool.ts";
import { effectiveWeight, FIRST_PERCENT, warmPercent } from "../../../src/upstream/slow_start.ts";
import { FakeClock } from "../fake_clock.ts";
import { poolPlan, serverPlan, TestPool, weighted } from "../plans.ts";

/** Since when, and seconds from then on. */
const SINCE = 1_800_000_000_000;

const PERCENTS:
  readonly (readonly [what: string, since: number, seconds: number, slowStart: number, percent: number])[] = [
    ["that never had to warm up", 0, 0, 60, 100],
    ["of a group without slow start", SINCE, 0, 0, 100],
    ["in the first moment", SINCE, 0, 60, 10],
    ["in the first second", SINCE, 0.999, 60, 10],
    ["half-way", SINCE, 30, 60, 55],
    ["within a second", SINCE, 30.9, 60, 55],
    ["shortly before the end", SINCE, 59.9, 60, 98],
    ["at the end", SINCE, 60, 60, 100],
    ["long after", SINCE, 1e6, 60, 100],
    ["with the longest time", SINCE, 150, 300, 55],
    ["with the shortest time", SINCE, 1, 1, 100],
    ["a little before the clock of another thread", SINCE, -1, 60, 10],
    ["when the computer's clock was set back", SINCE, -3600, 60, 100],
  ];

for (const [what, since, seconds, slowStart, percent] of PERCENTS) {
  Deno.test(`warmPercent() is ${percent} for a server ${what}`, () => {
    assert.equal(warmPercent(since, SINCE + seconds * 1000, slowStart), percent);
  });
}

Deno.test("warmPercent() never falls, is a whole number from 10 to 100, and follows the line within a second", () => {
  const times = fc.record({
    slowStart: fc.integer({ min: 1, max: 300 }),
    phase: fc.integer({ min: 0, max: 999 }),
    first: fc.integer({ min: 0, max: 310_000 }),
    later: fc.integer({ min: 0, max: 310_000 }),
  });
  fc.assert(fc.property(times, ({ slowStart, phase, first, later }) => {
    const since = SINCE + phase;
    const [before, after] = [first, first + later].map((ms) => warmPercent(since, since + ms, slowStart));
    assert.ok(before !== undefined && after !== undefined && before <= after);
    assert.ok(Number.isInteger(before) && before >= FIRST_PERCENT && before <= 100);
    const line = (ms: number) => Math.min(100, 10 + 90 * Math.max(0, ms) / 1000 / slowStart);
    assert.ok(before <= line(first) + 1e-9 && before >= line(first - 1000) - 1, `${before} at ${first} ms`);
  }));
});

Deno.test("effectiveWeight() is the weight's part of the moment", () => {
  assert.equal(effectiveWeight(7, SINCE, SINCE + 30_000, 60), 3.85);
  assert.equal(effectiveWeight(7, 0, SINCE, 60), 7);
  assert.equal(effectiveWeight(0, SINCE, SINCE, 60), 0);
});

/** A pool whose clock the test moves. */
class WarmBench {
  readonly clock = new FakeClock(SINCE);
  readonly test: TestPool;

  constructor(servers: readonly ServerPlan[], given: Partial<PoolPlan> = {}) {
    this.test = new TestPool(poolPlan(servers, { slowStart: 60, ...given }), false, this.clock.now);
  }

  get pool(): Pool {
    return this.test.pool;
  }

  server(port: number): Server {
    return this.test.server(`127.0.0.1:${port}`);
  }

  update(servers: readonly ServerPlan[], given: Partial<PoolPlan> = {}): void {
    this.test.update(poolPlan(servers, { slowStart: 60, ...given }));
  }

  /** Goes away and comes back. */
  recover(port: number): void {
    for (const health of ["Abnormal", "Healthy"] as const) this.pool.setHealth(this.server(port), health);
  }

  /** How many of the next connections, which end at once, each port gets. */
  counts(connections: number, pool = this.pool): number[] {
    const counts = new Map([...pool.servers].map((server) => [server, 0]));
    for (let count = 0; count < connections; count++) {
      using lease = pool.acquire(`192.0.2.${count % 250}`);
      if (lease !== undefined) counts.set(lease.server, (counts.get(lease.server) ?? 0) + 1);
    }
    return [...counts.values()];
  }
}

for (const algorithm of ["wrr", "wlc"] satisfies Algorithm[]) {
  Deno.test(`${algorithm} gives a server that has recovered a tenth, half-way a half and more, in the end its share`, () => {
    const bench = new WarmBench(weighted([10, 10]), { algorithm });
    assert.deepEqual(bench.counts(220), [110, 110], "at the start nothing warms up");
    bench.recover(2);
    // 100 : 10
    assert.deepEqual(bench.counts(220), [200, 20]);
    bench.clock.advance(30_000);
    // 100 : 55
    assert.deepEqual(bench.counts(310), [200, 110]);
    bench.clock.advance(30_000);
    assert.deepEqual(bench.counts(220), [110, 110]);
  });
}

Deno.test("source-hash brings a server's own clients back to it, few at first, and moves nobody else", () => {
  const bench = new WarmBench(weighted([10, 10, 10]), { algorithm: "source-hash" });
  const clients = Array.from({ length: 3000 }, (_, index) => `198.51.${index >> 8}.${index & 255}`);
  const ports = () =>
    clients.map((client) => {
      using lease = bench.pool.acquire(client);
      return lease?.server.plan.port;
    });
  const before = ports();
  const own = before.filter((port) => port === 2).length;
  bench.recover(2);
  let fewer = 0;
  for (const seconds of [0, 20, 20, 20]) {
    bench.clock.advance(seconds * 1000);
    const now = ports();
    for (const [index, port] of now.entries()) assert.ok(port === before[index] || before[index] === 2);
    const back = now.filter((port) => port === 2).length;
    assert.ok(back > fewer, `${back} of ${own} are back`);
    if (fewer === 0) assert.ok(back < own / 4, `${back} of ${own} are back at once`);
    fewer = back;
  }
  assert.equal(fewer, own);
});

Deno.test("wlc holds connections of a warming server in proportion to its weight of the moment", () => {
  const bench = new WarmBench(weighted([10, 10]), { algorithm: "wlc" });
  bench.recover(2);
  const leases = Array.from({ length: 110 }, () => bench.pool.acquire("192.0.2.1"));
  assert.deepEqual([...bench.pool.servers].map((server) => server.active), [100, 10]);
  bench.clock.advance(60_000);
  for (let count = 0; count < 90; count++) leases.push(bench.pool.acquire("192.0.2.1"));
  assert.deepEqual([...bench.pool.servers].map((server) => server.active), [100, 100]);
  for (const lease of leases) lease?.[Symbol.dispose]();
});

Deno.test("a server that is added warms up, one that comes back too, and those that stay do not", () => {
  const bench = new WarmBench(weighted([10]));
  bench.clock.advance(5000);
  bench.update(weighted([10, 10]));
  assert.deepEqual(bench.counts(110), [100, 10]);
  bench.clock.advance(60_000);
  assert.deepEqual(bench.counts(110), [55, 55]);
  bench.update(weighted([10]));
  bench.update(weighted([10, 10]));
  assert.deepEqual(bench.counts(110), [100, 10]);
  bench.clock.advance(30_000);
  bench.update([...weighted([10, 10]), serverPlan({ port: 3 })], { whenAllUnhealthy: "reject" });
  assert.deepEqual(bench.counts(165), [100, 55, 10], "each has a clock of its own");
});

Deno.test("servers that warm up together share by their weights, and a lone one gets everything", () => {
  const bench = new WarmBench(weighted([10, 30]));
  for (const port of [1, 2]) bench.recover(port);
  assert.deepEqual(bench.counts(40), [10, 30]);
  bench.pool.setHealth(bench.server(2), "Abnormal");
  assert.deepEqual(bench.counts(40), [40, 0]);
});

Deno.test("a warming primary does not bring backups in", () => {
  const bench = new WarmBench([serverPlan({ port: 1 }), serverPlan({ port: 2, backup: true })]);
  bench.recover(1);
  assert.deepEqual(bench.counts(20), [20, 0]);
});

Deno.test("a first success after Unknown, and checks switched on, start no slow start", () => {
  const bench = new WarmBench(weighted([10, 10]));
  for (const health of ["Disabled", "Unknown", "Healthy"] as const) bench.pool.setHealth(bench.server(2), health);
  assert.equal(bench.server(2).counters.warmSince, 0);
  assert.deepEqual(bench.counts(20), [10, 10]);
});

Deno.test("slowStart changes in place, also for a server that warms up", () => {
  const bench = new WarmBench(weighted([10, 10]));
  bench.recover(2);
  bench.clock.advance(15_000);
  bench.update(weighted([10, 10]), { slowStart: 0 });
  assert.deepEqual(bench.counts(110), [55, 55]);
  bench.update(weighted([10, 10]), { slowStart: 150 });
  assert.deepEqual(bench.counts(119), [100, 19]);
  bench.update(weighted([10, 10]), { slowStart: 15 });
  assert.deepEqual(bench.counts(110), [55, 55]);
});

Deno.test("the clock stands on the board: a successor and another thread go by it", () => {
  const bench = new WarmBench(weighted([10, 10]));
  const plan = poolPlan(weighted([10, 10]), { slowStart: 60 });
  const other = bench.test.successor(plan);
  assert.deepEqual(bench.counts(20, other), [10, 10]);
  bench.recover(2);
  bench.clock.advance(30_000);
  assert.deepEqual(bench.counts(155, other), [100, 55]);
  const alternating = [0, 0];
  const successor = bench.test.successor(plan);
  for (let pick = 0; pick < 310; pick++) {
    const [first = 0, second = 0] = bench.counts(1, [bench.pool, other, successor][pick % 3]);
    alternating[0] = (alternating[0] ?? 0) + first;
    alternating[1] = (alternating[1] ?? 0) + second;
  }
  assert.deepEqual(alternating, [200, 110], "all of them together");
});

Deno.test("a server that joins with a replaced listener warms up; the first ones do not", () => {
  const bench = new WarmBench(weighted([10]));
  assert.equal(bench.server(1).counters.warmSince, 0);
  // the same name, and so the same board, but another socket and a new pool
  const successor = bench.test.successor(poolPlan(weighted([10, 10]), { slowStart: 60 }));
  assert.deepEqual(bench.counts(110, successor), [100, 10]);
});

Deno.test("without slow start nothing is read but the board's version, and the clock stays unread", () => {
  let reads = 0;
  const now = () => {
    reads++;
    return SINCE;
  };
  const test = new TestPool(poolPlan(weighted([1, 1])), false, now);
  const before = reads;
  for (let count = 0; count < 100; count++) test.pool.acquire("192.0.2.1")?.[Symbol.dispose]();
  assert.equal(reads, before);
  const warm = new TestPool(poolPlan(weighted([1, 1]), { slowStart: 60 }), false, now);
  const quiet = reads;
  for (let count = 0; count < 100; count++) warm.pool.acquire("192.0.2.1")?.[Symbol.dispose]();
  assert.equal(reads, quiet, "nor while nothing warms up");
});

/** The share of every server after every pick differs from what its weights of the moment add up to by at most this. */
const PICKS_OFF = 2;

Deno.test("wrr stays near the shares of the moment while servers warm up, and is exact again afterwards", () => {
  const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 2, maxLength: 5 });
  const pauses = fc.array(fc.integer({ min: 0, max: 4000 }), { minLength: 300, maxLength: 300 });
  fc.assert(
    fc.property(
      weights,
      fc.integer({ min: 1, max: 300 }),
      fc.nat(200),
      pauses,
      (weights, slowStart, before, pauses) => {
        const bench = new WarmBench(weighted(weights), { slowStart });
        bench.counts(before);
        bench.recover(weights.length);
        const counts = weights.map(() => 0);
        const due = weights.map(() => 0);
        for (const pause of pauses) {
          bench.clock.advance(pause);
          const now = [...bench.pool.servers].map(({ plan, counters }) =>
            effectiveWeight(plan.weight, counters.warmSince, bench.clock.now(), slowStart)
          );
          const sum = now.reduce((total, weight) => total + weight, 0);
          for (const [index, count] of bench.counts(1).entries()) {
            counts[index] = (counts[index] ?? 0) + count;
            due[index] = (due[index] ?? 0) + (now[index] ?? 0) / sum;
            const off = Math.abs((counts[index] ?? 0) - (due[index] ?? 0));
            assert.ok(off <= PICKS_OFF, `server ${index} is off by ${off} picks`);
          }
        }
        bench.clock.advance(slowStart * 1000);
        const cycle = weights.reduce((total, weight) => total + weight, 0);
        bench.counts(cycle);
        assert.deepEqual(bench.counts(cycle), weights, "every cycle is exact again");
        assert.deepEqual(bench.counts(cycle), weights);
      },
    ),
    { numRuns: 200 },
  );
});
