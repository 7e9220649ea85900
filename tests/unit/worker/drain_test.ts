/** Connections that drain end one after the other, quiet ones first. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Drain, DRAIN_LOOK_MS, DrainPace } from "../../../src/worker/drain.ts";

const WINDOW_SECONDS = 40;
const WINDOW_MS = WINDOW_SECONDS * 1000;

function listOf<Item>(items: ReadonlySet<Item>) {
  return {
    get size() {
      return items.size;
    },
    items: () => [...items],
  };
}

/** Sessions that drain, on a clock that the test moves. */
class Bench {
  now = 5000;
  readonly sessions = new Set<{ quietTicks: number; end(): void }>();
  /** When each session was ended, in milliseconds after the start, by its name. */
  readonly ends = new Map<string, number>();
  readonly progress: (readonly [left: number, ended: number])[] = [];
  isLooking = false;
  #look = () => {};
  drain: Drain | undefined;
  isOver = false;

  /** A session. @param quietTicks -1 for a busy one */
  add(name: string, quietTicks: number) {
    const session = {
      quietTicks,
      end: () => {
        this.ends.set(name, this.now - 5000);
        this.remove(session);
      },
    };
    this.sessions.add(session);
    return session;
  }

  /** One that is over, as a listener hears of it. */
  remove(session: { quietTicks: number; end(): void }): void {
    this.sessions.delete(session);
    if (this.sessions.size === 0) this.drain?.look();
  }

  start(seconds = WINDOW_SECONDS): void {
    this.drain = new Drain(seconds, {
      sessions: listOf(this.sessions),
      now: () => this.now,
      every: (_milliseconds, call) => {
        this.isLooking = true;
        this.#look = call;
        return () => this.isLooking = false;
      },
      onProgress: (...told) => this.progress.push(told),
    });
    void this.drain.over.then(() => this.isOver = true);
  }

  pass(milliseconds: number): void {
    for (let passed = 0; passed < milliseconds; passed += DRAIN_LOOK_MS) {
      this.now += DRAIN_LOOK_MS;
      if (this.isLooking) this.#look();
    }
  }
}

Deno.test("Drain ends quiet connections evenly over the first half, the longest quiet first, busy ones over the last quarter", () => {
  const bench = new Bench();
  for (let quiet = 0; quiet < 40; quiet++) bench.add(`quiet ${quiet}`, 100 + quiet);
  for (let busy = 0; busy < 20; busy++) bench.add(`busy ${busy}`, -1);
  bench.start();
  bench.pass(WINDOW_MS / 4);
  assert.ok(Math.abs(bench.ends.size - 20) <= 1, `${bench.ends.size} of 40 at half of their time`);
  bench.pass(WINDOW_MS / 4);
  assert.equal(bench.ends.size, 40);
  bench.pass(WINDOW_MS / 4 - DRAIN_LOOK_MS);
  assert.equal(bench.ends.size, 40, "busy ones are spared for three quarters");
  bench.pass(WINDOW_MS / 8);
  assert.ok(Math.abs(bench.ends.size - 50) <= 1, `${bench.ends.size - 40} of 20 busy ones`);
  bench.pass(WINDOW_MS / 8 + DRAIN_LOOK_MS);
  const order = [...bench.ends.keys()];
  assert.deepEqual(order.slice(0, 40), Array.from({ length: 40 }, (_, index) => `quiet ${39 - index}`));
  assert.equal(order.length, 60);
  assert.deepEqual([bench.progress.at(-1), bench.isLooking], [[0, 60], false]);
});

Deno.test("Drain ends at most two of a hundred in one look, so that they do not come back all at once", () => {
  const bench = new Bench();
  for (let quiet = 0; quiet < 100; quiet++) bench.add(`quiet ${quiet}`, 50);
  bench.start();
  bench.pass(WINDOW_MS);
  const atOnce = Map.groupBy(bench.ends.values(), (at) => at);
  assert.ok([...atOnce.values()].every((ends) => ends.length <= 2));
});

Deno.test("Drain spares a connection that was quiet for less than a second; later it ends when it has been", () => {
  const bench = new Bench();
  const session = bench.add("session", 3);
  bench.start();
  bench.pass(WINDOW_MS * 0.6);
  assert.equal(bench.ends.size, 0);
  session.quietTicks = 4;
  bench.pass(DRAIN_LOOK_MS);
  assert.equal(bench.ends.size, 1);
});

Deno.test("Drain is over as soon as the last connection has ended by itself", async () => {
  const bench = new Bench();
  const session = bench.add("session", -1);
  bench.start();
  bench.pass(1000);
  bench.remove(session);
  await bench.drain?.over;
  assert.deepEqual([bench.ends.size, bench.progress, bench.isLooking], [0, [[1, 0], [0, 0]], false]);
});

Deno.test("Drain with nothing to drain, or no time, is over at once", async () => {
  const nothing = new Bench();
  nothing.start();
  await nothing.drain?.over;
  const bench = new Bench();
  for (let busy = 0; busy < 5; busy++) bench.add(`${busy}`, -1);
  bench.start(0);
  await bench.drain?.over;
  assert.deepEqual([bench.ends.size, bench.progress.at(-1)], [5, [0, 5]]);
});

Deno.test("Drain.shorten() gives less time, never more", () => {
  const bench = new Bench();
  for (let busy = 0; busy < 10; busy++) bench.add(`${busy}`, -1);
  bench.start();
  bench.pass(4000);
  bench.drain?.shorten(3600);
  bench.drain?.shorten(4);
  assert.equal(bench.ends.size, 0);
  bench.pass(4000 + DRAIN_LOOK_MS);
  assert.equal(bench.ends.size, 10);
  const again = new Bench();
  again.add("busy", -1);
  again.start();
  again.drain?.shorten(0);
  assert.equal(again.ends.size, 1);
});

Deno.test("DrainPace.next() never asks for more than there are, and ends all when the window is over, however it is asked", () => {
  const looks = fc.array(fc.record({ step: fc.double({ min: 0.001, max: 0.3, noNaN: true }), quiet: fc.nat(50) }));
  fc.assert(fc.property(fc.nat(1000), looks, (start, steps) => {
    const pace = new DrainPace();
    let [at, all] = [0, start];
    for (const { step, quiet: wanted } of steps) {
      at += step;
      const quiet = Math.min(wanted, all);
      const count = pace.next({ at, step }, quiet, all);
      assert.ok(Number.isInteger(count) && count >= 0 && count <= all, `${count} of ${all}`);
      if (at < 0.75) assert.ok(count <= quiet, "a busy one was ended too early");
      if (at >= 1) assert.equal(count, all);
      all -= count;
    }
  }));
});
