/** New connections a second are never more than allowed, however threads take turns. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { takeFromRate } from "../../../src/session/rate.ts";

const SECOND = 1_000_000_000n;

function clock(): BigInt64Array {
  return new BigInt64Array(new SharedArrayBuffer(8));
}

for (const rate of [1, 2, 3, 7, 100, 999, 700_000, 1_000_000]) {
  Deno.test(`takeFromRate() lets exactly ${rate} through at one moment`, () => {
    const shared = clock();
    let taken = 0;
    for (let index = 0; index < rate + 10; index++) if (takeFromRate(shared, rate, SECOND)) taken++;
    assert.equal(taken, rate);
  });
}

Deno.test("takeFromRate() starts anew when the clock was set back", () => {
  const shared = new BigInt64Array(new SharedArrayBuffer(8));
  for (let index = 0; index < 4; index++) assert.ok(takeFromRate(shared, 4, 1000n * SECOND));
  for (let index = 0; index < 4; index++) assert.ok(takeFromRate(shared, 4, 900n * SECOND), `token ${index}`);
  assert.equal(takeFromRate(shared, 4, 900n * SECOND), false);
});

Deno.test("takeFromRate() gives the allowance back over a second", () => {
  const shared = clock();
  for (let index = 0; index < 4; index++) assert.ok(takeFromRate(shared, 4, SECOND));
  assert.equal(takeFromRate(shared, 4, SECOND), false);
  assert.equal(takeFromRate(shared, 4, SECOND + SECOND / 4n), true);
  assert.equal(takeFromRate(shared, 4, SECOND + SECOND / 4n), false);
  for (let index = 0; index < 4; index++) assert.ok(takeFromRate(shared, 4, 3n * SECOND), `token ${index}`);
  assert.equal(takeFromRate(shared, 4, 3n * SECOND), false);
});

Deno.test("takeFromRate() never exceeds the burst plus the rate, over any times of asking", () => {
  const steps = fc.array(fc.bigInt({ min: 0n, max: SECOND / 2n }), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), steps, (rate, gaps) => {
      const shared = clock();
      let now = SECOND;
      const taken: bigint[] = [];
      for (const gap of gaps) {
        now += gap;
        if (takeFromRate(shared, rate, now)) taken.push(now);
      }
      for (const [first, from] of taken.entries()) {
        for (const [offset, until] of taken.slice(first).entries()) {
          const allowed = BigInt(rate) + (until - from) * BigInt(rate) / SECOND + 1n;
          assert.ok(BigInt(offset + 1) <= allowed, `${offset + 1} connections in ${until - from} ns at ${rate}/s`);
        }
      }
    }),
    { numRuns: 100 },
  );
});

Deno.test("takeFromRate() is exact over threads", async () => {
  const memory = new SharedArrayBuffer(8);
  const rate = 20_000;
  const url = new URL("./rate_worker.ts", import.meta.url);
  const counts = await Promise.all([0, 1].map(() => {
    const worker = new Worker(url, { type: "module" });
    return new Promise<number>((resolve) => {
      worker.onmessage = ({ data }: MessageEvent<number>) => {
        worker.terminate();
        resolve(data);
      };
      worker.postMessage({ memory, rate, tries: rate });
    });
  }));
  assert.equal(counts.reduce((sum, count) => sum + count, 0), rate);
});
