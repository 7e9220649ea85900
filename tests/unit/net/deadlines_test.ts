/** The deadline wheel on a clock that the test moves. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { type Deadline, DeadlineWheel, MOST_AT_ONCE, TICK_MS } from "../../../src/net/deadlines.ts";
import { FakeClock } from "../fake_clock.ts";

/** A deadline that remembers when it was due. */
class Alarm implements Deadline {
  dueTick = 0;
  readonly rangAt: number[] = [];
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  expire(): void {
    this.rangAt.push(this.#clock.now());
  }
}

function bench() {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  const set = (seconds: number) => {
    const alarm = new Alarm(clock);
    alarm.dueTick = wheel.tickIn(seconds);
    wheel.add(alarm);
    return alarm;
  };
  return { clock, wheel, set };
}

function assertWithinTwoTicks(rangAt: readonly number[], expected: number): void {
  assert.equal(rangAt.length, 1, "rings once");
  const late = (rangAt[0] ?? 0) - expected;
  assert.ok(late >= 0 && late <= 2 * TICK_MS, `${late} ms late`);
}

Deno.test("wheel meets deadlines from 0.25 s to 4000 s within two ticks and never early", () => {
  const deadlines = fc.array(
    fc.record({ at: fc.integer({ min: 0, max: 200_000 }), milliseconds: fc.integer({ min: 250, max: 4_000_000 }) }),
    { minLength: 1, maxLength: 20 },
  );
  fc.assert(
    fc.property(fc.nat(100_000), deadlines, (idle, deadlines) => {
      const { clock, set } = bench();
      clock.advance(idle);
      const alarms = deadlines.map(({ at, milliseconds }) => {
        const alarm = { due: clock.now() + at + milliseconds, rangAt: (): readonly number[] => [] };
        clock.after(at / 1000, () => {
          const { rangAt } = set(milliseconds / 1000);
          alarm.rangAt = () => rangAt;
        });
        return alarm;
      });
      clock.advance(4_300_000);
      for (const { due, rangAt } of alarms) assertWithinTwoTicks(rangAt(), due);
      assert.equal(clock.timers, 0, "nothing left, so it does not tick");
    }),
    { numRuns: 25 },
  );
});

Deno.test("wheel meets deadlines on both sides of one turn of it (64 s)", () => {
  for (const seconds of [63, 63.5, 63.75, 64, 64.25, 64.5, 127.75, 128, 128.25, 256, 1000]) {
    const { clock, set } = bench();
    const alarm = set(seconds);
    const due = clock.now() + seconds * 1000;
    clock.advance(seconds * 1000 + 1000);
    assertWithinTwoTicks(alarm.rangAt, due);
  }
});

Deno.test("wheel follows a deadline that is pushed back by assignment alone", () => {
  const pushes = fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 60 });
  fc.assert(fc.property(pushes, (pauses) => {
    const { clock, wheel, set } = bench();
    const alarm = set(10);
    const ticks = wheel.ticks(10);
    for (const pause of pauses) {
      clock.advance(pause);
      alarm.dueTick = wheel.now + ticks;
    }
    assert.deepEqual(alarm.rangAt, []);
    const due = clock.now() + 10_000;
    clock.advance(20_000);
    // wheel.now is the last tick, so a push back counts from up to one tick ago
    assert.ok((alarm.rangAt[0] ?? 0) >= due - TICK_MS && (alarm.rangAt[0] ?? Infinity) <= due + 2 * TICK_MS);
    assert.equal(alarm.rangAt.length, 1);
  }));
});

Deno.test("wheel.remove() keeps a deadline from ringing, and is harmless when there is none", () => {
  const { clock, wheel, set } = bench();
  const [gone, stays] = [set(5), set(5)];
  clock.advance(3000);
  wheel.remove(gone);
  wheel.remove(gone);
  clock.advance(60_000);
  assert.deepEqual([gone.rangAt.length, stays.rangAt.length], [0, 1]);
  wheel.remove(stays);
});

Deno.test("wheel.remove() from within expire() keeps a deadline of the same tick from ringing", () => {
  const { clock, wheel } = bench();
  const rang: string[] = [];
  const second: Deadline = { dueTick: wheel.tickIn(1), expire: () => rang.push("second") };
  const first: Deadline = {
    dueTick: wheel.tickIn(1),
    expire: () => {
      rang.push("first");
      wheel.remove(second);
    },
  };
  wheel.add(first);
  wheel.add(second);
  clock.advance(5000);
  assert.deepEqual(rang, ["first"]);
  assert.deepEqual([wheel.size, clock.timers], [0, 0]);
});

Deno.test("wheel lets others have a turn between the deadlines of a crowd, and forgets none", () => {
  const { clock, wheel } = bench();
  const turns: number[] = [];
  const crowd = Array.from({ length: 3 * MOST_AT_ONCE + 5 }, (_, index): Deadline => ({
    dueTick: wheel.tickIn(1),
    expire: () => {
      if (index === 0) clock.after(0, () => turns.push(-1));
      turns.push(index);
    },
  }));
  for (const deadline of crowd) wheel.add(deadline);
  clock.advance(5000);
  assert.equal(turns[MOST_AT_ONCE], -1, "somebody else's turn after the first slice");
  assert.deepEqual(turns.filter((turn) => turn >= 0), crowd.map((_, index) => index));
  assert.equal(clock.timers, 0);
});

Deno.test("wheel spares those of a crowd that are pushed back or taken off while they wait for their turn", () => {
  const { clock, wheel } = bench();
  const rang: number[] = [];
  const [pushed, gone] = [MOST_AT_ONCE + 3, MOST_AT_ONCE + 4];
  const crowd = Array.from({ length: 2 * MOST_AT_ONCE }, (_, index): Deadline => ({
    dueTick: wheel.tickIn(1),
    expire: () => {
      rang.push(index);
      if (index !== 0) return;
      clock.after(0, () => {
        (crowd[pushed] ?? assert.fail()).dueTick = wheel.tickIn(10);
        wheel.remove(crowd[gone] ?? assert.fail());
      });
    },
  }));
  for (const deadline of crowd) wheel.add(deadline);
  clock.advance(5000);
  const spared = [pushed, gone];
  assert.deepEqual(rang, crowd.map((_, index) => index).filter((index) => !spared.includes(index)));
  clock.advance(20_000);
  assert.deepEqual(rang.slice(-1), [pushed], "at its new time");
  assert.equal(clock.timers, 0);
});

Deno.test("wheel.add() from within expire() rings at its own time", () => {
  const { clock, wheel, set } = bench();
  const rangAt: number[] = [];
  const start = clock.now();
  const again: Deadline = {
    dueTick: wheel.tickIn(1),
    expire: () => {
      rangAt.push(clock.now() - start);
      if (rangAt.length === 3) return;
      again.dueTick = wheel.tickIn(1);
      wheel.add(again);
    },
  };
  wheel.add(again);
  set(20);
  clock.advance(30_000);
  assert.equal(rangAt.length, 3);
  for (const [index, at] of rangAt.entries()) {
    const late = at - 1000 * (index + 1);
    assert.ok(late >= 0 && late <= 2 * TICK_MS * (index + 1), `${late} ms late`);
  }
});

Deno.test("wheel stands still when it finds nothing on itself at a tick", () => {
  const { clock, wheel, set } = bench();
  assert.equal(clock.timers, 0);
  const [one, two] = [set(5), set(50)];
  assert.equal(clock.timers, 1, "one timer, however many deadlines");
  clock.advance(10_000);
  assert.deepEqual([one.rangAt.length, clock.timers], [1, 1]);
  wheel.remove(two);
  assert.deepEqual([wheel.size, clock.timers], [0, 1], "something may come before the next tick");
  wheel.remove(set(5));
  assert.deepEqual([wheel.size, clock.timers], [0, 1]);
  clock.advance(TICK_MS);
  assert.equal(clock.timers, 0);
  set(1);
  clock.advance(2000);
  assert.equal(clock.timers, 0, "the last one has rung");
});

Deno.test("wheel keeps time while it stands still", () => {
  for (const gap of [1, 249, 63_999, 64_000, 3_600_000]) {
    const { clock, set } = bench();
    set(1);
    clock.advance(5000);
    clock.advance(gap);
    const alarm = set(3);
    const due = clock.now() + 3000;
    clock.advance(10_000);
    assertWithinTwoTicks(alarm.rangAt, due);
  }
});

Deno.test("wheel catches up after a stall: what came due rings at once, in order, the rest at its time", () => {
  const { clock, set } = bench();
  const alarms = [90, 2, 300, 70, 10].map((seconds) => ({ seconds, alarm: set(seconds) }));
  const start = clock.now();
  clock.stall(80_000);
  clock.advance(TICK_MS);
  for (const { seconds, alarm } of alarms) assert.equal(alarm.rangAt.length, seconds < 80 ? 1 : 0, `${seconds} s`);
  clock.advance(300_000);
  for (const { seconds, alarm } of alarms.filter(({ seconds }) => seconds > 80)) {
    assertWithinTwoTicks(alarm.rangAt, start + seconds * 1000);
  }
});

Deno.test("wheel does not ring early for a deadline that is set right after a stall", () => {
  const { clock, set } = bench();
  set(300);
  clock.stall(20_000);
  const due = clock.now() + 4000;
  const alarm = set(4);
  clock.advance(10_000);
  assert.equal(alarm.rangAt.length, 1);
  assert.ok((alarm.rangAt[0] ?? 0) >= due, `${due - (alarm.rangAt[0] ?? 0)} ms early`);
});

Deno.test("wheel.tickIn() is not early whenever the timer comes, in time, late or at another point of its tick", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 40 }),
    fc.integer({ min: 1, max: 40 }).map((quarters) => quarters / 4 + 0.1),
    (steps, seconds) => {
      let [time, ring] = [0, () => {}];
      const wheel = new DeadlineWheel({
        now: () => time,
        every: (_milliseconds, call) => {
          ring = call;
          return () => {};
        },
        soon: (call) => call(),
      });
      // There is always another one, so that the wheel does not stand still.
      wheel.add({ dueTick: 1_000_000, expire: () => {} });
      const waits: number[] = [];
      for (const step of steps) {
        time += step;
        const setAt = time;
        wheel.add({ dueTick: wheel.tickIn(seconds), expire: () => waits.push(time - setAt) });
        if (step % 3 !== 0) ring();
      }
      for (let turn = 0; turn < 60; turn++) {
        time += TICK_MS;
        ring();
      }
      assert.equal(waits.length, steps.length);
      assert.ok(Math.min(...waits) >= seconds * 1000, `${Math.min(...waits)} ms of ${seconds * 1000}`);
    },
  ));
});
