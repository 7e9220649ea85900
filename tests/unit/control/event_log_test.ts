/** The memory of events. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { EventLog, type NewEvent, recordingLog, REMEMBERED_EVENTS } from "../../../src/control/event_log.ts";

const START = Date.UTC(2026, 10, 20);

function event(message: string, settings: Partial<NewEvent> = {}): NewEvent {
  return { kind: "reloaded", severity: "info", listener: null, server: null, message, details: {}, ...settings };
}

const messages = (log: EventLog, after = 0) => log.after(after).map(({ message }) => message);

Deno.test("EventLog gives ids that rise, and times", () => {
  const time = { now: START };
  const log = new EventLog(() => time.now);
  const before = log.lastId;
  log.add(event("a"));
  time.now += 1500;
  log.add(event("b", { kind: "worker_died", severity: "error", listener: "web", server: "a:1", details: { n: 1 } }));
  const [a, b] = log.after(0);
  assert.deepEqual(b, {
    id: (a?.id ?? 0) + 1,
    at: "2026-11-20T00:00:01.500Z",
    kind: "worker_died",
    severity: "error",
    listener: "web",
    server: "a:1",
    message: "b",
    details: { n: 1 },
  });
  assert.deepEqual([log.lastId, a?.id], [b?.id, before + 1]);
  // A later run begins above.
  time.now += 1;
  assert.ok(new EventLog(() => time.now).lastId > log.lastId);
});

Deno.test("EventLog remembers the last thousand, and after() is exactly what came after", () => {
  fc.assert(
    fc.property(fc.nat({ max: 2500 }), fc.integer({ min: -2000, max: 4000 }), (count, from) => {
      const log = new EventLog(() => START);
      const first = log.lastId + 1;
      for (let index = 0; index < count; index++) log.add(event(String(index)));
      const remembered = Array.from({ length: count }, (_, index) => index).slice(-REMEMBERED_EVENTS);
      const id = first + from;
      // An id that was never given: all of it is news.
      const expected = id > log.lastId ? remembered : remembered.filter((index) => first + index > id);
      assert.deepEqual(messages(log, id), expected.map(String));
      const goOn = log.goOnFrom(id);
      assert.equal(goOn === id, id <= log.lastId && id >= log.lastId - remembered.length);
      assert.deepEqual(log.after(goOn), log.after(id));
    }),
    { numRuns: 50 },
  );
});

Deno.test("EventLog.add() tells those who listen, until they have enough", () => {
  const log = new EventLog(() => START);
  let told = 0;
  const stop = log.subscribe(() => told++);
  log.add(event("a"));
  log.add(event("b"));
  stop();
  log.add(event("c"));
  assert.equal(told, 2);
});

Deno.test("EventLog.add() records what is told again and again once in ten seconds", () => {
  const time = { now: START };
  const log = new EventLog(() => time.now);
  const down = (message: string, listener = "web") => event(message, { kind: "listener_down", listener });
  for (let second = 0; second < 25; second++) {
    log.add(down("in use"));
    time.now += 1000;
  }
  assert.deepEqual(messages(log), ["in use", "in use", "in use"]);
  log.add(down("in use", "other"));
  log.add(down("another reason"));
  assert.equal(messages(log).length, 5);
  // Other kinds are recorded each time.
  for (let count = 0; count < 3; count++) log.add(event("same"));
  assert.equal(messages(log).length, 8);
});

Deno.test("EventLog.add() cuts texts that are far too long", () => {
  const log = new EventLog(() => START);
  log.add(event("x".repeat(100_000), { details: { error: "y".repeat(100_000), count: 7 } }));
  const [kept] = log.after(0);
  assert.equal(kept?.message, `${"x".repeat(4000)} …`);
  assert.deepEqual(kept.details, { error: `${"y".repeat(4000)} …`, count: 7 });
});

Deno.test("recordingLog() passes every line on, and remembers those that are events", () => {
  const log = new EventLog(() => START);
  const lines: unknown[][] = [];
  const write = recordingLog((...line) => lines.push(line), log);
  write("info", "plain");
  write("info", "plain with fields", { listener: "web" });
  write("debug", "quiet", { event: "reloaded" });
  write("warn", "gone", { event: "health_changed", listener: "web", server: "a:1", from: "Healthy", to: "Abnormal" });
  write("error", "dead", { event: "worker_died", listener: null, server: 7 });
  assert.deepEqual(lines.map(([level, message]) => `${level} ${message}`), [
    "info plain",
    "info plain with fields",
    "debug quiet",
    "warn gone",
    "error dead",
  ]);
  assert.deepEqual(lines[3]?.[2], {
    event: "health_changed",
    listener: "web",
    server: "a:1",
    from: "Healthy",
    to: "Abnormal",
  });
  assert.deepEqual(
    log.after(0).map(({ id: _id, at: _at, ...rest }) => rest),
    [
      event("quiet"),
      event("gone", {
        kind: "health_changed",
        severity: "warning",
        listener: "web",
        server: "a:1",
        details: { from: "Healthy", to: "Abnormal" },
      }),
      event("dead", { kind: "worker_died", severity: "error" }),
    ],
  );
});
