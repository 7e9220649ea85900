/** What weighted least connections adds to the contract of every scheduler. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { weightedLeastConnections } from "../../../src/upstream/weighted_least_connections.ts";
import { poolPlan, TestPool, weighted } from "../plans.ts";

interface Model {
  readonly weight: number;
  active: number;
  turn: number;
  readonly hash: number;
}

const SERVERS = fc.array(
  fc.record({
    weight: fc.integer({ min: 1, max: 100 }),
    active: fc.nat(500),
    turn: fc.constant(0),
    hash: fc.constant(0),
  }),
  { minLength: 1, maxLength: 8 },
);

/** The lowest ratios, compared as fractions: what the algorithm is meant to do, said as plainly as can be. */
function leastLoaded(servers: readonly Model[]): Model[] {
  return servers.filter((one) => servers.every((other) => one.active * other.weight <= other.active * one.weight));
}

Deno.test("wlc picks a server with the fewest active connections for its weight", () => {
  fc.assert(fc.property(SERVERS, fc.array(fc.nat(7), { maxLength: 60 }), (servers, ends) => {
    for (const end of ends) {
      const least = leastLoaded(servers);
      const picked = weightedLeastConnections(servers);
      assert.ok(picked !== undefined && least.includes(picked), JSON.stringify({ servers, picked }));
      picked.active++;
      const ended = servers[end];
      if (ended !== undefined && ended.active > 0) ended.active--;
    }
  }));
});

Deno.test("wlc does not touch the turn of anybody when one server is the least loaded", () => {
  const servers = [{ weight: 1, active: 3, turn: 0, hash: 0 }, { weight: 1, active: 2, turn: 0, hash: 0 }];
  assert.equal(weightedLeastConnections(servers), servers[1]);
  assert.deepEqual(servers.map((server) => server.turn), [0, 0]);
});

Deno.test("wlc shares ties round robin by weight, and leaves the others out of it", () => {
  // 3/30 = 2/20 = 1/10 < 9/10
  const servers = [30, 20, 10, 10].map((weight, index) => ({
    weight,
    active: [3, 2, 1, 9][index] ?? 0,
    turn: 0,
    hash: 0,
  }));
  const counts = new Map<number, number>();
  for (let pick = 0; pick < 60; pick++) {
    // ended at once, so that the tie stays
    const picked = weightedLeastConnections(servers);
    const index = servers.findIndex((server) => server === picked);
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  assert.deepEqual(new Map([...counts].sort()), new Map([[0, 30], [1, 20], [2, 10]]));
});

Deno.test("wlc holds 400 connections 300 to 100 over weights 3 and 1", () => {
  const { pool } = new TestPool(poolPlan(weighted([3, 1]), { algorithm: "wlc" }));
  const leases = Array.from({ length: 400 }, () => pool.acquire("192.0.2.1"));
  assert.deepEqual([...pool.servers].map((server) => server.active), [300, 100]);
  for (const lease of leases) lease?.[Symbol.dispose]();
  assert.deepEqual([...pool.servers].map((server) => server.active), [0, 0]);
});

Deno.test("wlc fills a server that was added before it gives others more", () => {
  const test = new TestPool(poolPlan(weighted([1]), { algorithm: "wlc" }));
  for (let count = 0; count < 10; count++) test.pool.acquire("192.0.2.1");
  test.update(poolPlan(weighted([1, 1]), { algorithm: "wlc" }));
  for (let count = 0; count < 10; count++) test.pool.acquire("192.0.2.1");
  assert.deepEqual([...test.pool.servers].map((server) => server.active), [10, 10]);
});
