/** Which part of a listener runs in which worker. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { type Crew, WorkerFleet } from "../../../src/control/worker_fleet.ts";

/** A fleet whose workers are no threads. */
class FleetBench implements Disposable {
  readonly fleet: WorkerFleet;
  readonly #real = Worker;

  constructor(maxWorkers: number) {
    const fake = class {
      postMessage(): void {}
      terminate(): void {}
    };
    globalThis.Worker = fake as unknown as typeof Worker;
    this.fleet = new WorkerFleet(maxWorkers, () => ({ onMessage: () => {}, onDeath: () => {} }));
  }

  /** Places all parts of a listener. */
  place(name: string, parts: number): Crew[] {
    const crews: Crew[] = [];
    for (let index = 0; index < parts; index++) crews.push(this.fleet.place(`${name}#${index}`, crews));
    return crews;
  }

  [Symbol.dispose](): void {
    this.fleet.terminate();
    globalThis.Worker = this.#real;
  }
}

const numbers = (crews: readonly Crew[]) => crews.map(({ worker }) => worker.number);

Deno.test("fleet.place() gives every part a worker of its own while there may be more", () => {
  using bench = new FleetBench(6);
  assert.deepEqual(numbers(bench.place("a", 3)), [1, 2, 3]);
  assert.deepEqual(numbers(bench.place("b", 2)), [4, 5]);
  assert.deepEqual(numbers(bench.place("c", 1)), [6]);
  assert.equal(bench.fleet.size, 6);
});

Deno.test("fleet.place() shares workers evenly after that, and never puts two parts of a listener into one", () => {
  const listeners = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 12 });
  fc.assert(fc.property(fc.integer({ min: 8, max: 12 }), listeners, (maxWorkers, parts) => {
    using bench = new FleetBench(maxWorkers);
    const placed = parts.map((count, index) => bench.place(`web-${index}`, count));
    for (const crews of placed) assert.equal(new Set(crews).size, crews.length);
    assert.ok(bench.fleet.size <= maxWorkers);
    const loads = [...new Set(placed.flat())].map((crew) => crew.instances.size);
    assert.ok(Math.max(...loads) - Math.min(...loads) <= 1, loads.join(" "));
    const total = parts.reduce((sum, count) => sum + count, 0);
    assert.equal(bench.fleet.size, Math.min(maxWorkers, total));
  }));
});

Deno.test("fleet.place() uses a worker again that was left, and starts one more rather than put siblings together", () => {
  using bench = new FleetBench(2);
  const [first, second] = bench.place("a", 2);
  assert.ok(first !== undefined && second !== undefined);
  bench.fleet.leave(first, "a#0");
  assert.equal(bench.fleet.place("b#0"), first);
  // One of the two has died and is not replaced yet.
  second.worker.terminate();
  assert.deepEqual(numbers([bench.fleet.place("c#1", [first])]), [3]);
});

Deno.test("fleet.remove() makes room for a worker in the place of a dead one, and for no more than that", () => {
  using bench = new FleetBench(2);
  const [first, second] = bench.place("a", 2);
  assert.ok(first !== undefined && second !== undefined);
  first.worker.terminate();
  // While it is there, nobody takes its place; where it is needed all the same there is one worker too many.
  assert.equal(bench.fleet.place("b#0"), second);
  const [extra] = [bench.fleet.place("a#2", [first, second])];
  bench.fleet.remove(first);
  assert.deepEqual([bench.fleet.size, extra?.worker.number], [2, 3]);
  assert.equal(bench.fleet.place("a#0", [second]), extra);
  assert.equal(bench.fleet.size, 2);
});
