/** When the gate fails, and when it looks again. @module */

import assert from "node:assert/strict";
import { type Gauge, judge, measure } from "../../../bench/gate/judge.ts";

/** A gauge whose own costs come from a list, and then stay; the reference costs 1. */
function gauge(costs: readonly number[]): Gauge & { readonly taken: () => number } {
  let taken = 0;
  return {
    name: "work",
    own: () => Promise.resolve(costs[Math.min(taken++, costs.length - 1)] ?? NaN),
    reference: () => Promise.resolve(1),
    taken: () => taken,
  };
}

for (
  const [what, costs, expected] of [
    ["the same", [2], { isFine: true, again: false, ratio: 2 }],
    ["less", [0.1], { isFine: true, again: false, ratio: 0.1 }],
    ["at the limit", [3], { isFine: true, again: false, ratio: 3 }],
    ["too much, twice", [3.1], { isFine: false, again: true, ratio: 3.1 }],
    ["too much the first time only", [9, 9, 9, 9, 2], { isFine: true, again: true, ratio: 2 }],
    ["too much in one round of three", [2, 2, 9, 2], { isFine: true, again: false, ratio: 2 }],
    ["too much in the round that warms up", [9, 2], { isFine: true, again: false, ratio: 2 }],
  ] as const
) {
  Deno.test(`judge() of a cost that is ${what}`, async () => {
    assert.deepEqual(await judge(gauge(costs), 2, 3), { name: "work", stored: 2, ...expected });
  });
}

Deno.test("judge() fails what nothing is stored of", async () => {
  assert.equal((await judge(gauge([1]), undefined, 1)).isFine, false);
});

Deno.test("measure() lets each of the two come first in turn, after a round that does not count", async () => {
  const order: string[] = [];
  const note = (name: string, cost: number) => () => {
    order.push(name);
    return Promise.resolve(cost);
  };
  assert.equal(await measure({ name: "work", own: note("own", 6), reference: note("reference", 3) }, 3), 2);
  assert.deepEqual(order.slice(2), ["own", "reference", "reference", "own", "own", "reference"]);
});
