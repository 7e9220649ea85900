/** Events of clients that are turned away. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { BoardRegistry } from "../../../src/board/registry.ts";
import type { NewEvent } from "../../../src/control/event_log.ts";
import { RefusalWatch } from "../../../src/control/refusal_watch.ts";
import { END_REASONS, type EndReason, REJECT_REASONS } from "../../../src/end_reason.ts";

class Bench {
  readonly boards = new BoardRegistry();
  readonly listeners = new Set<string>();
  readonly events: NewEvent[] = [];
  now = 0;
  readonly watch = new RefusalWatch({
    listeners: () => this.listeners,
    boards: this.boards,
    events: { add: (event) => void this.events.push(event) },
    now: () => this.now,
  });

  start(name: string): void {
    this.listeners.add(name);
    this.boards.provide(name, []);
  }

  refuse(name: string, reason: EndReason, count = 1): void {
    for (let index = 0; index < count; index++) this.boards.listener(name)?.turnedAway(reason);
  }

  /** Looks once a second. */
  pass(seconds: number): void {
    for (let second = 0; second < seconds; second++) {
      this.now += 1000;
      this.watch.look();
    }
  }

  get told(): string[] {
    return this.events.splice(0).map(({ listener, details: { reason, count } }) => `${listener} ${reason} ${count}`);
  }
}

Deno.test("RefusalWatch tells of the first refusal at once, then of the count once in ten seconds", () => {
  const bench = new Bench();
  bench.start("web");
  bench.pass(5);
  bench.refuse("web", "denied");
  bench.pass(1);
  assert.deepEqual(bench.events, [{
    kind: "connections_refused",
    severity: "info",
    listener: "web",
    server: null,
    message: 'Listener "web" turned a client away: denied',
    details: { reason: "denied", count: 1 },
  }]);
  bench.told;
  for (let second = 0; second < 9; second++) {
    bench.refuse("web", "denied", 100);
    bench.pass(1);
  }
  assert.deepEqual(bench.told, []);
  bench.pass(1);
  assert.equal(bench.events[0]?.message, 'Listener "web" turned 900 clients away: denied');
  assert.deepEqual(bench.told, ["web denied 900"]);
  bench.pass(60);
  assert.deepEqual(bench.told, []);
});

Deno.test("RefusalWatch keeps listeners and reasons apart, and calls the service's own faults warnings", () => {
  const bench = new Bench();
  bench.start("a");
  bench.start("b");
  bench.refuse("a", "limit", 2);
  bench.refuse("a", "no_server", 3);
  bench.refuse("b", "denied", 4);
  // Not refused: these got through.
  bench.refuse("b", "client_closed", 5);
  bench.pass(1);
  assert.deepEqual(
    bench.events.map(({ severity, listener, details }) => [severity, listener, details["reason"], details["count"]]),
    [["warning", "a", "no_server", 3], ["warning", "a", "limit", 2], ["info", "b", "denied", 4]],
  );
});

Deno.test("RefusalWatch goes on after a listener was gone, with its counters at nothing", () => {
  const bench = new Bench();
  bench.start("web");
  bench.refuse("web", "denied", 5);
  bench.pass(1);
  bench.listeners.delete("web");
  bench.boards.drop("web");
  bench.pass(1);
  bench.start("web");
  bench.refuse("web", "denied", 2);
  bench.pass(1);
  assert.deepEqual(bench.told, ["web denied 5", "web denied 2"]);
  // Stopped and started between two looks.
  bench.boards.drop("web");
  bench.boards.provide("web", []);
  bench.refuse("web", "denied", 1);
  bench.pass(10);
  assert.deepEqual(bench.told, ["web denied 1"]);
});

Deno.test("RefusalWatch counts every refusal once, and never tells twice within ten seconds", () => {
  const step = fc.record({
    reason: fc.constantFrom(...END_REASONS),
    count: fc.integer({ min: 0, max: 5 }),
    seconds: fc.integer({ min: 0, max: 15 }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const bench = new Bench();
    bench.start("web");
    const sums = new Map<EndReason, number>();
    const lastTold = new Map<unknown, number>();
    const told = new Map<unknown, number>();
    const look = () => {
      bench.pass(1);
      for (const { details: { reason, count } } of bench.events.splice(0)) {
        assert.ok(bench.now - (lastTold.get(reason) ?? -Infinity) >= 10_000, String(reason));
        lastTold.set(reason, bench.now);
        told.set(reason, (told.get(reason) ?? 0) + Number(count));
      }
    };
    for (const { reason, count, seconds } of steps) {
      bench.refuse("web", reason, count);
      if (REJECT_REASONS.includes(reason)) sums.set(reason, (sums.get(reason) ?? 0) + count);
      for (let second = 0; second < seconds; second++) look();
    }
    for (let second = 0; second < 11; second++) look();
    for (const [reason, sum] of sums) assert.equal(told.get(reason) ?? 0, sum, reason);
  }));
});
