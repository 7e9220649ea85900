/** What is written on a board is what is read from it. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ListenerCounters, ServerCounters } from "../../../src/board/board.ts";
import { CONNECT_BUCKETS, DURATION_BUCKETS, HANDSHAKE_BUCKETS, HEALTH_STATES } from "../../../src/board/layout.ts";
import { BoardRegistry } from "../../../src/board/registry.ts";
import { END_REASONS } from "../../../src/end_reason.ts";
import { HANDSHAKE_FAILURES } from "../../../src/net/tls/handshake_failure.ts";

function board(servers: readonly string[] = ["a:1"]) {
  const registry = new BoardRegistry();
  const memory = registry.provide("web", servers);
  return { memory, registry, listener: new ListenerCounters(memory.listener) };
}

Deno.test("ListenerCounters.read() matches every kind of event, each counted where it belongs", () => {
  const events = fc.array(fc.oneof(
    fc.record({ kind: fc.constant("opened" as const) }),
    fc.record({ kind: fc.constant("closed" as const), reason: fc.constantFrom(...END_REASONS) }),
    fc.record({ kind: fc.constant("in" as const), bytes: fc.nat(2 ** 31) }),
    fc.record({ kind: fc.constant("out" as const), bytes: fc.nat(2 ** 31) }),
    fc.record({ kind: fc.constant("acceptFailed" as const) }),
  ));
  fc.assert(fc.property(events, (events) => {
    const { listener } = board();
    const expected = { active: 0, total: 0, in: 0, out: 0, acceptErrors: 0 };
    const ended = new Map(END_REASONS.map((reason) => [reason, 0]));
    for (const event of events) {
      if (event.kind === "opened") {
        listener.opened();
        expected.active++;
        expected.total++;
      } else if (event.kind === "closed") {
        if (expected.active === 0) continue; // only what was opened can end
        listener.closed(event.reason);
        expected.active--;
        ended.set(event.reason, (ended.get(event.reason) ?? 0) + 1);
      } else if (event.kind === "in") {
        listener.addBytesIn(event.bytes);
        expected.in += event.bytes;
      } else if (event.kind === "out") {
        listener.addBytesOut(event.bytes);
        expected.out += event.bytes;
      } else {
        listener.acceptFailed();
        expected.acceptErrors++;
      }
    }
    const read = listener.read();
    assert.deepEqual(read.ended, ended);
    assert.deepEqual({
      active: read.connectionsActive,
      total: read.connectionsTotal,
      in: read.bytesIn,
      out: read.bytesOut,
      acceptErrors: read.acceptErrors,
    }, expected);
  }));
});

const HISTOGRAMS = [
  ["connected", "connectTimes", CONNECT_BUCKETS],
  ["handshakeDone", "handshakeTimes", HANDSHAKE_BUCKETS],
  ["lasted", "durations", DURATION_BUCKETS],
] as const;

for (const [method, read, bounds] of HISTOGRAMS) {
  Deno.test(`ListenerCounters.${method}() puts a time into the first bucket that it does not exceed`, () => {
    const { listener } = board();
    const before = listener.read();
    const longest = 90 * 24 * 3600; // seconds; in microseconds more than 32 bits hold
    const times = [0, ...bounds, ...bounds.map((bound) => bound + 1e-5), longest];
    for (const seconds of times) listener[method](seconds);
    const { [read]: seen, ...others } = listener.read();
    assert.deepEqual(seen.bounds, bounds);
    assert.deepEqual(
      seen.buckets,
      [...bounds, Infinity].map((bound, index) =>
        times.filter((seconds) => seconds <= bound && seconds > (bounds[index - 1] ?? -1)).length
      ),
    );
    assert.ok(Math.abs(seen.seconds - times.reduce((total, seconds) => total + seconds, 0)) < 1e-3);
    const { [read]: _, ...othersBefore } = before;
    assert.deepEqual(others, othersBefore, "nothing else has changed");
  });
}

Deno.test("ListenerCounters.handshakeFailed() counts each reason by itself", () => {
  const { listener } = board();
  for (const [index, failure] of HANDSHAKE_FAILURES.entries()) {
    for (let count = 0; count <= index; count++) listener.handshakeFailed(failure);
  }
  const read = listener.read();
  assert.deepEqual([...read.handshakeFailures], HANDSHAKE_FAILURES.map((failure, index) => [failure, index + 1]));
  assert.ok(read.handshakeTimes.buckets.every((count) => count === 0));
  assert.ok([...read.ended.values()].every((count) => count === 0));
});

Deno.test("ServerCounters.read() of a new server is empty", () => {
  const { memory } = board();
  assert.deepEqual(new ServerCounters(memory, "a:1").read(), {
    health: "Unknown",
    connectionsActive: 0,
    connectionsTotal: 0,
    connectFailures: 0,
    bytesIn: 0,
    bytesOut: 0,
    lastProbeOk: null,
    lastProbeAt: null,
    warmSince: 0,
  });
});

Deno.test("ServerCounters.read() matches what was written, and neighbours are left alone", () => {
  const keys = Array.from({ length: 130 }, (_, index) => `a:${index}`);
  const { memory } = board(keys);
  for (const [index, key] of keys.entries()) {
    const server = new ServerCounters(memory, key);
    for (let count = 0; count <= index % 5; count++) server.reserve();
    server.release();
    server.health = HEALTH_STATES[index % HEALTH_STATES.length] ?? "Unknown";
    server.turn = 5 - 7 * index;
    for (let count = 0; count < index % 3; count++) server.connected();
    server.connectFailed();
    server.addBytesIn(2 ** 31);
    server.addBytesIn(2 ** 31);
    server.addBytesOut(index);
    server.probed(index % 2 === 0, 1_800_000_000_000 + index);
    server.startWarming(1_800_000_000_000 - index);
  }
  for (const [index, key] of keys.entries()) {
    const server = new ServerCounters(memory, key);
    assert.equal(server.turn, 5 - 7 * index);
    assert.deepEqual(server.read(), {
      health: HEALTH_STATES[index % HEALTH_STATES.length],
      connectionsActive: index % 5,
      connectionsTotal: index % 3,
      connectFailures: 1,
      bytesIn: 2 ** 32,
      bytesOut: index,
      lastProbeOk: index % 2 === 0,
      lastProbeAt: 1_800_000_000_000 + index,
      warmSince: 1_800_000_000_000 - index,
    });
  }
});

Deno.test("ServerCounters refuses a server that is not on the board", () => {
  const { memory } = board();
  assert.throws(() => new ServerCounters(memory, "b:2"), /Cannot find server "b:2" on the board/);
});

Deno.test("ServerCounters.connectFailed() counts failures in a row, over all threads, until one succeeds", () => {
  const { memory } = board(["a:1", "b:2"]);
  const [one, other, neighbour] = [memory, memory, memory].map((memory, index) =>
    new ServerCounters(memory, index < 2 ? "a:1" : "b:2")
  );
  assert.ok(one !== undefined && other !== undefined && neighbour !== undefined);
  assert.deepEqual([one.connectFailed(), other.connectFailed(), one.connectFailed()], [1, 2, 3]);
  neighbour.connected();
  assert.equal(other.connectFailed(), 4);
  one.connected();
  assert.equal(other.connectFailed(), 1);
  one.forgetFailures();
  assert.equal(other.connectFailed(), 1);
  assert.deepEqual([one.read().connectFailures, neighbour.connectFailed()], [6, 1]);
});

Deno.test("ServerCounters.connectTimedOut() counts in a row unless a connection was taken since the attempt began", () => {
  const { memory } = board(["a:1"]);
  const [one, other] = [new ServerCounters(memory, "a:1"), new ServerCounters(memory, "a:1")];
  one.connected();
  const before = one.taken;
  assert.equal(before, 1);
  assert.deepEqual([one.connectTimedOut(before), one.connectTimedOut(before)], [1, 2]);
  other.connected();
  assert.deepEqual([one.connectTimedOut(before), one.connectFailed()], [0, 1]);
  assert.equal(one.connectTimedOut(one.taken), 2);
  assert.equal(one.read().connectFailures, 5);
});

Deno.test("ServerCounters.becomes() tells what was before, so that one of two threads sees a change", () => {
  const { memory } = board();
  const [one, other] = [new ServerCounters(memory, "a:1"), new ServerCounters(memory, "a:1")];
  assert.deepEqual([one.becomes("Abnormal"), other.becomes("Abnormal")], ["Unknown", "Abnormal"]);
  assert.equal(one.health, "Abnormal");
});

Deno.test("ServerCounters.startAfresh() forgets health, turn and failures, warms up, and keeps the totals", () => {
  const { memory } = board();
  const server = new ServerCounters(memory, "a:1");
  server.becomes("Abnormal");
  server.turn = 7;
  server.connected();
  server.connectFailed();
  server.probed(true, 5);
  server.startAfresh(1_800_000_000_000);
  const { health, lastProbeAt, connectionsTotal, connectFailures, warmSince } = server.read();
  assert.deepEqual([health, lastProbeAt, connectionsTotal, connectFailures], ["Unknown", null, 1, 1]);
  assert.deepEqual([server.turn, warmSince, server.connectFailed()], [0, 1_800_000_000_000, 1]);
});

Deno.test("ListenerCounters.poolChanged() moves the version and nothing else", () => {
  const { listener, memory } = board();
  const before = listener.read();
  listener.poolChanged();
  assert.equal(new ListenerCounters(memory.listener).poolVersion, 1);
  assert.deepEqual(listener.read(), before);
});
