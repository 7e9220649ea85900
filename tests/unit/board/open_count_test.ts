/** A shared count of open connections stays exact, whoever dies when. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { OpenCount, settle, type SharedWord } from "../../../src/board/open_count.ts";

const word = (): SharedWord => ({ words: new Int32Array(new SharedArrayBuffer(4)), index: 0 });

Deno.test("OpenCount.value is what the living workers have open, over any order of opening, closing and dying", () => {
  const step = fc.record({
    worker: fc.nat(3),
    what: fc.constantFrom("add" as const, "add" as const, "remove" as const, "die" as const),
    max: fc.option(fc.nat(6), { nil: undefined }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const all = word();
    const own = Array.from({ length: 4 }, word);
    const workers = own.map((one) => new OpenCount(all, one));
    const open = [0, 0, 0, 0];
    const dead = new Set<number>();
    const sum = () => open.reduce((total, count, worker) => total + (dead.has(worker) ? 0 : count), 0);
    for (const { worker, what, max } of steps) {
      const [count, mine] = [workers[worker], own[worker]];
      assert.ok(count !== undefined && mine !== undefined);
      if (what === "add") {
        const fits = sum() < (max ?? Infinity);
        assert.equal(count.add(max), fits && !dead.has(worker));
        if (fits) open[worker] = (open[worker] ?? 0) + 1;
      } else if (what === "remove" && (open[worker] ?? 0) > 0) {
        count.remove();
        open[worker] = (open[worker] ?? 0) - 1;
      } else if (what === "die") {
        settle(all, mine);
        dead.add(worker);
      }
      assert.equal(count.value, sum());
      assert.equal(count.own, dead.has(worker) ? 0 : open[worker], "what it has added itself");
    }
  }));
});
