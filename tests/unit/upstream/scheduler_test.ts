/**
 * The contract of a scheduler, kept by every algorithm. Connections end at once here, so that weighted least
 * connections sees nothing but ties and has to share by weight as round robin does.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Algorithm, PoolPlan } from "../../../src/config/model.ts";
import type { Pool } from "../../../src/upstream/pool.ts";
import type { Candidate, Scheduler } from "../../../src/upstream/scheduler.ts";
import { weightedLeastConnections } from "../../../src/upstream/weighted_least_connections.ts";
import { weightedRoundRobin } from "../../../src/upstream/weighted_round_robin.ts";
import { poolPlan, TestPool, weighted } from "../plans.ts";

const ALGORITHMS: readonly (readonly [Algorithm, Scheduler])[] = [
  ["wrr", weightedRoundRobin],
  ["wlc", weightedLeastConnections],
];

const WEIGHTS = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 });

function candidates(weights: readonly number[]): Candidate[] {
  return weights.map((weight) => ({ weight, active: 0, turn: 0, hash: 0 }));
}

function picks(schedule: Scheduler, servers: readonly Candidate[], count: number): number[] {
  return Array.from({ length: count }, () => {
    const server = schedule(servers, "192.0.2.1");
    return server === undefined ? -1 : servers.indexOf(server);
  });
}

/** The ports of the next servers that the pool picks; the connections end at once. */
function portsPicked(pool: Pool, count: number): number[] {
  return Array.from({ length: count }, () => {
    using lease = pool.acquire("192.0.2.1");
    return lease?.server.plan.port ?? -1;
  });
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

/** The most by which any server is ahead of its share or behind it, looking after every pick. */
function worstDeviation(ports: readonly number[], plan: PoolPlan): number {
  const sum = sumOf(plan.servers.map((server) => server.weight));
  const counts = new Map(plan.servers.map((server) => [server.port, 0]));
  let worst = 0;
  for (const [index, port] of ports.entries()) {
    counts.set(port, (counts.get(port) ?? 0) + 1);
    for (const { port, weight } of plan.servers) {
      worst = Math.max(worst, Math.abs((counts.get(port) ?? 0) - (index + 1) * weight / sum));
    }
  }
  return worst;
}

// A server may be one pick behind (or ahead) when a change comes, and one the other way at some moment later.
const ONE_PICK_EACH_WAY = 2;

for (const [algorithm, schedule] of ALGORITHMS) {
  Deno.test(`${algorithm} picks nobody when there is none`, () => {
    assert.equal(schedule([], "192.0.2.1"), undefined);
  });

  Deno.test(`${algorithm} picks the only server every time`, () => {
    assert.deepEqual(picks(schedule, candidates([7]), 20), new Array(20).fill(0));
  });

  Deno.test(`${algorithm} takes servers of equal weight in turn, in the order of the configuration`, () => {
    assert.deepEqual(picks(schedule, candidates([10, 10, 10]), 7), [0, 1, 2, 0, 1, 2, 0]);
  });

  Deno.test(`${algorithm} interleaves: weights 5, 1, 1 give a a b a c a a, never five in a row`, () => {
    const twoCycles = picks(schedule, candidates([5, 1, 1]), 14).map((index) => "abc"[index]).join("");
    assert.equal(twoCycles, "aabacaa".repeat(2));
    assert.doesNotMatch(twoCycles, /a{5}/);
  });

  Deno.test(`${algorithm} gives each server exactly its share in every window of sum/gcd picks`, () => {
    fc.assert(fc.property(WEIGHTS, (weights) => {
      const divisor = weights.reduce(gcd);
      const shares = weights.map((weight) => weight / divisor);
      const cycle = sumOf(shares);
      const order = picks(schedule, candidates(weights), 3 * cycle);
      const counts = weights.map(() => 0);
      for (const [index, pick] of order.entries()) {
        counts[pick] = (counts[pick] ?? 0) + 1;
        const left = order[index - cycle];
        if (left !== undefined) counts[left] = (counts[left] ?? 0) - 1;
        if (index >= cycle - 1) assert.deepEqual(counts, shares, `window that ends at pick ${index}`);
      }
    }));
  });

  Deno.test(`${algorithm} spreads picks: within a cycle nobody is more than one pick off its share`, () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 100 }), (a, b) => {
      const plan = poolPlan(weighted([a, b]), { algorithm });
      assert.ok(worstDeviation(portsPicked(new TestPool(plan).pool, a + b), plan) <= 1);
    }));
  });

  Deno.test(`${algorithm} stays near the shares when weights change in mid-cycle`, () => {
    const pairs = fc.array(fc.tuple(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 100 })), {
      minLength: 2,
      maxLength: 4,
    });
    fc.assert(
      fc.property(pairs, fc.nat(400), (weights, before) => {
        const test = new TestPool(poolPlan(weighted(weights.map(([old]) => old)), { algorithm }));
        portsPicked(test.pool, before);
        const next = poolPlan(weighted(weights.map(([, changed]) => changed)), { algorithm });
        test.update(next);
        const worst = worstDeviation(portsPicked(test.pool, 300), next);
        assert.ok(worst <= ONE_PICK_EACH_WAY, `off by ${worst} picks`);
      }),
      { examples: [[[[100, 1], [1, 1]], 50]], numRuns: 300 },
    );
  });

  Deno.test(`${algorithm} stays near the shares when a server is removed in mid-cycle`, () => {
    const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 3, maxLength: 5 });
    fc.assert(
      fc.property(weights, fc.nat(400), (weights, before) => {
        const test = new TestPool(poolPlan(weighted(weights), { algorithm }));
        portsPicked(test.pool, before);
        const next = poolPlan(weighted(weights).slice(0, -1), { algorithm });
        test.update(next);
        const worst = worstDeviation(portsPicked(test.pool, 300), next);
        assert.ok(worst <= ONE_PICK_EACH_WAY, `off by ${worst} picks`);
      }),
      { examples: [[[1, 1, 100], 40]], numRuns: 300 },
    );
  });

  Deno.test(`${algorithm} stays near the shares when a server turns Abnormal in mid-cycle and comes back`, () => {
    const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 3, maxLength: 5 });
    fc.assert(
      fc.property(weights, fc.nat(400), fc.nat(400), (weights, before, without) => {
        const plan = poolPlan(weighted(weights), { algorithm });
        const test = new TestPool(plan);
        portsPicked(test.pool, before);
        const last = test.server(`127.0.0.1:${weights.length}`);
        test.pool.setHealth(last, "Abnormal");
        const rest = poolPlan(plan.servers.slice(0, -1));
        assert.ok(worstDeviation(portsPicked(test.pool, without), rest) <= ONE_PICK_EACH_WAY, "while it is away");
        test.pool.setHealth(last, "Healthy");
        assert.ok(worstDeviation(portsPicked(test.pool, 300), plan) <= ONE_PICK_EACH_WAY, "when it is back");
      }),
      { examples: [[[1, 1, 100], 40, 10]], numRuns: 300 },
    );
  });

  Deno.test(`${algorithm} goes on in mid-cycle after an update and in a successor of the worker`, () => {
    fc.assert(fc.property(WEIGHTS, fc.nat(200), fc.nat(200), (weights, first, second) => {
      const plan = poolPlan(weighted(weights), { algorithm });
      const undisturbed = portsPicked(new TestPool(plan).pool, first + second + 100);
      const test = new TestPool(plan);
      const order = portsPicked(test.pool, first);
      test.update(poolPlan(weighted(weights), { algorithm }));
      order.push(...portsPicked(test.pool, second));
      order.push(...portsPicked(test.successor(plan), 100));
      assert.deepEqual(order, undisturbed);
    }));
  });
}
