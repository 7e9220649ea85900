/** Staying within the descriptors: what is said, what is kept in hand, and when more are let in again. @module */

import assert from "node:assert/strict";
import { Capacity, ProcessCapacity } from "../../../src/board/capacity.ts";
import { OverloadWatch } from "../../../src/control/overload_watch.ts";
import type { LogFields } from "../../../src/log.ts";
import { emptyModel } from "../../support/models.ts";
import { listenerPlan, poolPlan, serverPlan } from "../plans.ts";

class NoneLeft extends Error {
  readonly code = "EMFILE";
}

const MODEL = {
  ...emptyModel(),
  listeners: new Map([["web", listenerPlan({ port: 1000, pool: poolPlan([serverPlan()]) })]]),
};

class Bench {
  now = 0;
  taken = 0;
  readonly capacity = { most: null as number | null, open: 0, refused: 0 };
  readonly lines: [level: string, message: string, event: string | undefined][] = [];
  readonly watch: OverloadWatch;

  constructor(public free: number) {
    this.watch = new OverloadWatch({
      capacity: this.capacity,
      log: (level: string, message: string, fields?: LogFields) =>
        void this.lines.push([level, message, fields?.event]),
      open: () => {
        if (this.taken >= this.free) throw new NoneLeft();
        this.taken++;
        return { close: () => void this.taken-- };
      },
      now: () => this.now,
    });
  }

  /** Lets time pass, with a look every second. */
  pass(seconds: number): void {
    for (let second = 0; second < seconds; second++) {
      this.now += 1000;
      this.watch.look();
    }
  }
}

Deno.test("OverloadWatch.plan() warns of few descriptors, names what helps, and limits connections", () => {
  const bench = new Bench(1000);
  bench.watch.plan(MODEL);
  assert.deepEqual(bench.lines.map(([level]) => level), ["warn"]);
  assert.match(bench.lines[0]?.[1] ?? "", /^1000 file descriptors .* 462 connections .*ulimit -n 65536.*LimitNOFILE=/);
  assert.deepEqual([bench.capacity.most, bench.taken], [462, 16]);
  bench.watch.plan({ ...MODEL, listeners: new Map() });
  assert.deepEqual([bench.capacity.most, bench.lines.length], [468, 1], "a reload changes it and warns no more");
  bench.watch.release();
  assert.equal(bench.taken, 0);
});

Deno.test("OverloadWatch.plan() is silent and limits nothing where there are enough", () => {
  const bench = new Bench(100_000);
  bench.watch.plan(MODEL);
  bench.pass(100);
  assert.deepEqual([bench.capacity.most, bench.lines, bench.taken], [null, [], 16]);
});

Deno.test("OverloadWatch tells of clients turned away at once, then once a minute with how many", () => {
  const bench = new Bench(1000);
  bench.watch.plan(MODEL);
  bench.pass(5);
  bench.capacity.open = 462;
  bench.capacity.refused = 30;
  bench.pass(1);
  bench.capacity.refused = 500;
  bench.pass(58);
  assert.equal(bench.lines.length, 2);
  bench.pass(2);
  bench.pass(200);
  assert.deepEqual(bench.lines.slice(1).map(([level, , event]) => [level, event]), [
    ["error", "overloaded"],
    ["error", "overloaded"],
  ]);
  assert.match(bench.lines[1]?.[1] ?? "", /^Turned 30 clients away with 462 connections open: .*ulimit -n/);
  assert.match(bench.lines[2]?.[1] ?? "", /^Turned 470 clients away/);
});

Deno.test("OverloadWatch.shortage() gives back what is in hand, and takes it again once it can be had", () => {
  const bench = new Bench(100_000);
  bench.watch.plan(MODEL);
  bench.free = 16;
  bench.capacity.open = 1000;
  bench.capacity.most = 984; // as the worker has set it
  bench.capacity.refused = 1;
  bench.watch.shortage("Too many open files");
  assert.equal(bench.taken, 0);
  assert.match(bench.lines[0]?.[1] ?? "", /^Turned 1 client away with 1000 connections open: Too many open files\. /);
  bench.watch.look();
  assert.equal(bench.taken, 0, "others need them more");
  bench.free = 10;
  bench.pass(3);
  assert.deepEqual([bench.taken, bench.capacity.most], [0, 984], "all or none, and no more connections meanwhile");
  bench.free = 300;
  bench.pass(1);
  assert.deepEqual([bench.taken, bench.capacity.most], [16, 1230]);
});

Deno.test("OverloadWatch lets more in, a few at a time, when there has been no shortage for a second", () => {
  const bench = new Bench(1000);
  bench.watch.plan(MODEL);
  bench.capacity.most = 100;
  bench.watch.shortage("Too many open files");
  bench.now += 999;
  bench.watch.look();
  assert.equal(bench.capacity.most, 100);
  bench.pass(2);
  assert.equal(bench.capacity.most, 157);
  bench.watch.shortage("Too many open files");
  bench.watch.look();
  assert.equal(bench.capacity.most, 157);
  bench.pass(60);
  assert.equal(bench.capacity.most, 462, "up to what the descriptors are good for");
});

Deno.test("OverloadWatch does nothing where descriptors are not limited", () => {
  const capacity = { most: null, open: 5, refused: 0 };
  const watch = new OverloadWatch({ capacity, log: () => assert.fail("a line"), open: null, now: () => 0 });
  watch.plan(MODEL);
  watch.look();
  watch.shortage("Too many open files");
  watch.look();
  assert.equal(capacity.most, null);
});

Deno.test("OverloadWatch limits nothing any more when there has been no shortage for minutes, and turns nobody away until then", () => {
  const capacity = new ProcessCapacity();
  const worker = new Capacity(capacity.forWorker(1));
  let now = 0;
  const open = () => ({ close: () => {} });
  const watch = new OverloadWatch({ capacity, log: () => {}, open, now: () => now });
  watch.plan(MODEL);
  worker.shortage();
  watch.shortage("Too many open files");
  let least = Infinity;
  for (let second = 0; second < 600; second++) {
    now += 1000;
    watch.look();
    least = Math.min(least, capacity.most ?? Infinity);
    assert.ok(worker.takeConnection(), `a client is turned away after ${second} s, with room for ${capacity.most}`);
    worker.giveConnection();
  }
  assert.deepEqual([least > 0, capacity.most], [true, null]);
});
