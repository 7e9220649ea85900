/** Several threads pick from the same servers, exactly. @module */

import assert from "node:assert/strict";
import { BoardRegistry } from "../../../src/board/registry.ts";
import type { PoolPlan } from "../../../src/config/model.ts";
import { inThreads } from "../../support/threads.ts";
import { poolPlan, weighted } from "../plans.ts";
import type { PickTask } from "./pick_worker.ts";

const THREADS = 4;

/** Picks in four threads at once. @returns how often each server was picked, and how many connections it has open */
async function pick(plan: PoolPlan, picks: number, hold: boolean) {
  const boards = new BoardRegistry();
  boards.provide("web", plan.servers.map((server) => server.key));
  const script = new URL("./pick_worker.ts", import.meta.url);
  const counts = await inThreads<PickTask, number[]>(
    THREADS,
    script,
    (worker) => ({ plan, memory: boards.forWorker("web", worker), picks, hold }),
  );
  return {
    picked: plan.servers.map((_, index) => counts.reduce((sum, count) => sum + (count[index] ?? 0), 0)),
    open: plan.servers.map(({ key }) => boards.server("web", key)?.active),
    boards,
  };
}

for (const weights of [[5, 1, 1], [1, 1], [10, 7, 3, 100, 5]]) {
  Deno.test(`pool.acquire() in four threads at once gives servers of weights ${weights} exactly their shares`, async () => {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const each = Math.round(100_000 / sum) * sum;
    const { picked, open } = await pick(poolPlan(weighted(weights)), each, false);
    assert.deepEqual(picked, weights.map((weight) => THREADS * each * weight / sum));
    assert.deepEqual(open, weights.map(() => 0));
  });
}

Deno.test("pool.acquire() in four threads at once holds 80,000 connections by least connections exactly 3 to 1", async () => {
  const { open, boards } = await pick(poolPlan(weighted([3, 1]), { algorithm: "wlc" }), 20000, true);
  assert.deepEqual(open, [60000, 20000]);
  for (let worker = 1; worker <= THREADS; worker++) boards.settle(worker);
  assert.deepEqual(["127.0.0.1:1", "127.0.0.1:2"].map((key) => boards.server("web", key)?.active), [0, 0]);
});

Deno.test("pool.acquire() in four threads at once gives 200 servers exactly their shares", async () => {
  const weights = Array.from({ length: 200 }, (_, index) => [1, 2, 7][index % 3] ?? 1);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const { picked, open } = await pick(poolPlan(weighted(weights)), 20 * sum, false);
  assert.deepEqual(picked, weights.map((weight) => THREADS * 20 * weight));
  assert.deepEqual(open, weights.map(() => 0));
});

Deno.test("pool.acquire() in four threads at once fills 200 servers by least connections exactly by weight", async () => {
  const weights = Array.from({ length: 200 }, (_, index) => [1, 2, 7][index % 3] ?? 1);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const { open } = await pick(poolPlan(weighted(weights), { algorithm: "wlc" }), 20 * sum, true);
  assert.deepEqual(open, weights.map((weight) => THREADS * 20 * weight));
});

Deno.test("pool.acquire() in four threads at once gives an address the same server by source hash", async () => {
  const { picked } = await pick(poolPlan(weighted([3, 1, 7]), { algorithm: "source-hash" }), 1000, false);
  assert.deepEqual(picked.toSorted((a, b) => a - b), [0, 0, 4000]);
});
