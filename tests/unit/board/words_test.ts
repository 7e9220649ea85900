/** 64-bit counters in 32-bit words. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { addMuchToCounter, addToCounter, readCounter, storeCounter } from "../../../src/board/words.ts";

const WORD = 2 ** 32;
const words = (length = 6) => new Int32Array(new SharedArrayBuffer(4 * length));

Deno.test("addToCounter() carries into the high word exactly at 2^32", () => {
  const cases: readonly (readonly [before: number, amount: number])[] = [
    [WORD - 1, 1],
    [WORD - 1, 2],
    [WORD - 1, 0],
    [WORD - 65536, 65536],
    [WORD - 65536, 65535],
    [2 ** 31 - 1, 1],
    [2 ** 31, 2 ** 31],
    [5 * WORD - 3, 3],
    [2 ** 21 * WORD - 1, 1],
  ];
  for (const [before, amount] of cases) {
    const counter = words();
    storeCounter(counter, 2, before);
    addToCounter(counter, 2, amount);
    assert.equal(readCounter(counter, 2), before + amount, `${before} + ${amount}`);
    assert.deepEqual([counter[0], counter[1], counter[4], counter[5]], [0, 0, 0, 0], "the neighbours are left alone");
  }
});

Deno.test("readCounter() is the sum of all that was added", () => {
  const amounts = fc.array(fc.oneof(fc.integer({ min: 0, max: 2 ** 31 }), fc.integer({ min: 0, max: 70_000 })), {
    maxLength: 200,
  });
  fc.assert(fc.property(fc.nat({ max: 2 ** 40 }), amounts, (start, amounts) => {
    const counter = words();
    storeCounter(counter, 0, start);
    for (const amount of amounts) addToCounter(counter, 0, amount);
    assert.equal(readCounter(counter, 0), amounts.reduce((sum, amount) => sum + amount, start));
  }));
});

Deno.test("addMuchToCounter() adds amounts of any size", () => {
  fc.assert(fc.property(fc.nat({ max: 2 ** 52 }), fc.maxSafeNat().map((value) => value % 2 ** 52), (start, amount) => {
    const counter = words();
    storeCounter(counter, 2, start);
    addMuchToCounter(counter, 2, amount);
    assert.equal(readCounter(counter, 2), start + amount);
    assert.deepEqual([counter[0], counter[1], counter[4], counter[5]], [0, 0, 0, 0], "the neighbours are left alone");
  }));
});

Deno.test("storeCounter() and readCounter() agree up to 2^53", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (value) => {
    const counter = words();
    storeCounter(counter, 4, value);
    assert.equal(readCounter(counter, 4), value);
  }));
});

Deno.test("addToCounter() loses nothing when several threads count into one counter", async () => {
  const counter = words();
  const start = WORD - 1000; // so that the threads race over the carry as well
  storeCounter(counter, 0, start);
  const module = new URL("../../../src/board/words.ts", import.meta.url).href;
  const code = `import { addToCounter } from ${JSON.stringify(module)};
    self.onmessage = ({ data }) => {
      for (let round = 0; round < 20000; round++) addToCounter(data, 0, 3);
      self.postMessage("done");
    };`;
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const workers = Array.from({ length: 2 }, () => new Worker(url, { type: "module" }));
  await Promise.all(workers.map((worker) => {
    const done = Promise.withResolvers<unknown>();
    worker.onmessage = done.resolve;
    worker.postMessage(counter);
    return done.promise;
  }));
  for (const worker of workers) worker.terminate();
  URL.revokeObjectURL(url);
  assert.equal(readCounter(counter, 0), start + 2 * 20000 * 3);
});
