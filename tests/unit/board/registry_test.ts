/** Slots on boards: kept by identity, handed on only when nothing hangs on them. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ListenerCounters, ServerCounters } from "../../../src/board/board.ts";
import { type BoardMemory, SLOTS_PER_BLOCK } from "../../../src/board/layout.ts";
import { BoardRegistry } from "../../../src/board/registry.ts";

const keys = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `s:${from + index}`);

function assertDistinct(memory: BoardMemory): void {
  const slots = [...memory.slots.values()];
  assert.equal(new Set(slots).size, slots.length, "two servers in one slot");
  for (const slot of slots) assert.ok(slot >= 0 && slot < memory.blocks.length * SLOTS_PER_BLOCK);
}

Deno.test("registry.provide() keeps the listener's block, the blocks and the slots of servers that stay", () => {
  const registry = new BoardRegistry();
  const before = registry.provide("web", ["a", "b"]);
  const after = registry.provide("web", ["c", "b", "a"]);
  assert.equal(after.listener, before.listener);
  assert.equal(after.blocks[0], before.blocks[0]);
  assert.equal(after.slots.get("a"), before.slots.get("a"));
  assert.equal(after.slots.get("b"), before.slots.get("b"));
  assertDistinct(after);
});

Deno.test("registry.provide() grows by whole blocks and moves nothing", () => {
  const registry = new BoardRegistry();
  const first = registry.provide("web", keys(1));
  new ServerCounters(first, "s:0").connected();
  assert.equal(first.blocks.length, 1);
  const many = registry.provide("web", keys(5 * SLOTS_PER_BLOCK + 1));
  assert.equal(many.blocks.length, 6);
  assertDistinct(many);
  assert.equal(new ServerCounters(many, "s:0").read().connectionsTotal, 1);
  assert.equal(registry.provide("web", keys(5 * SLOTS_PER_BLOCK)).blocks.length, 6);
});

Deno.test("registry.provide() hands a slot on when its server is gone and idle, as good as new", () => {
  const registry = new BoardRegistry();
  const before = registry.provide("web", ["a"]);
  const old = new ServerCounters(before, "a");
  old.connected();
  old.health = "Abnormal";
  old.turn = -40;
  old.probed(false, Date.now());
  const after = registry.provide("web", ["b"]);
  assert.equal(after.slots.get("b"), before.slots.get("a"));
  assert.equal(after.slots.has("a"), false);
  const { health, connectionsTotal, lastProbeAt } = new ServerCounters(after, "b").read();
  assert.deepEqual({ health, connectionsTotal, lastProbeAt }, {
    health: "Unknown",
    connectionsTotal: 0,
    lastProbeAt: null,
  });
  assert.equal(new ServerCounters(after, "b").turn, 0);
});

Deno.test("registry.provide() lets a server warm up that joins others, and not the first ones", () => {
  let now = 1_800_000_000_000;
  const registry = new BoardRegistry(() => now);
  const since = (...servers: readonly string[]) =>
    servers.map((server) => registry.server("web", server)?.read().warmSince);
  registry.provide("web", ["a", "b"]);
  now += 5000;
  registry.provide("web", ["a", "b"]);
  assert.deepEqual(since("a", "b"), [0, 0]);
  registry.provide("web", ["a", "b", "c"]);
  assert.deepEqual(since("a", "b", "c"), [0, 0, now]);
  now += 5000;
  registry.provide("web", ["a", "b", "c"]);
  assert.deepEqual(since("c"), [now - 5000]);
  registry.provide("web", ["a"]);
  registry.provide("web", ["a", "d"]);
  assert.deepEqual(since("a", "d"), [0, now], "in a slot that another one had");
  registry.drop("web");
  registry.provide("web", ["d"]);
  assert.deepEqual(since("d"), [0], "a listener that is new starts at once");
});

Deno.test("registry.provide() keeps the slot of a removed server while it has connections", () => {
  const registry = new BoardRegistry();
  const counters = new ServerCounters(registry.provide("web", ["a"]), "a");
  counters.reserve();
  counters.connected();
  const during = registry.provide("web", ["b"]);
  assertDistinct(during);
  assert.equal(registry.server("web", "a")?.active, 1);
  counters.release();
  // back before the slot was needed: it counts on
  assert.equal(new ServerCounters(registry.provide("web", ["a", "b"]), "a").read().connectionsTotal, 1);
  registry.provide("web", ["b"]);
  assert.equal(registry.server("web", "a"), undefined);
});

Deno.test("registry.provide() never gives two servers one slot, nor takes one from a server with connections", () => {
  const steps = fc.array(
    fc.record({ wanted: fc.uniqueArray(fc.nat(150), { maxLength: 150 }), reserve: fc.nat(150), release: fc.nat(150) }),
    { maxLength: 12 },
  );
  fc.assert(fc.property(steps, (steps) => {
    const registry = new BoardRegistry();
    const held = new Map<string, ServerCounters>();
    for (const { wanted, reserve, release } of steps) {
      const before = new Map(registry.provide("web", []).slots);
      const memory = registry.provide("web", wanted.map((number) => `s:${number}`));
      assertDistinct(memory);
      for (const key of held.keys()) assert.equal(memory.slots.get(key), before.get(key));
      for (const [key, counters] of held) assert.equal(registry.server("web", key)?.active, counters.active);
      const key = `s:${wanted[reserve % Math.max(1, wanted.length)]}`;
      if (wanted.length > 0 && !held.has(key)) {
        const counters = new ServerCounters(memory, key);
        counters.reserve();
        held.set(key, counters);
      }
      const done = [...held.keys()][release % Math.max(1, held.size)];
      if (done !== undefined) {
        held.get(done)?.release();
        held.delete(done);
      }
    }
  }));
});

Deno.test("registry.listener() and registry.server() find what was provided and nothing else", () => {
  const registry = new BoardRegistry();
  assert.equal(registry.listener("web"), undefined);
  assert.equal(registry.server("web", "a"), undefined);
  registry.provide("web", ["a"]);
  registry.listener("web")?.opened();
  assert.equal(registry.listener("web")?.read().connectionsTotal, 1);
  assert.notEqual(registry.server("web", "a"), undefined);
  assert.equal(registry.server("web", "b"), undefined);
  assert.equal(registry.listener("other"), undefined);
});

Deno.test("registry.settle() takes a dead worker's open connections off every board, and nobody else's", () => {
  const registry = new BoardRegistry();
  const hands = ["web", "other"].flatMap((name) => {
    registry.provide(name, keys(SLOTS_PER_BLOCK + 2));
    return [1, 2].map((worker) => {
      const memory = registry.forWorker(name, worker);
      return {
        name,
        worker,
        listener: new ListenerCounters(memory.listener, memory.ledger),
        servers: ["s:0", `s:${SLOTS_PER_BLOCK + 1}`].map((key) => new ServerCounters(memory, key)),
      };
    });
  });
  for (const { worker, listener, servers } of hands) {
    for (let count = 0; count < worker; count++) {
      listener.opened();
      for (const server of servers) server.reserve();
    }
  }
  const active = () =>
    ["web", "other"].map((name) => [
      registry.listener(name)?.read().connectionsActive,
      registry.server(name, "s:0")?.active,
      registry.server(name, `s:${SLOTS_PER_BLOCK + 1}`)?.active,
    ]);
  assert.deepEqual(active(), [[3, 3, 3], [3, 3, 3]]);
  assert.deepEqual([1, 2, 3].map((worker) => registry.openIn("web", worker)), [1, 2, 0]);
  registry.settle(2);
  registry.settle(7);
  assert.deepEqual(active(), [[1, 1, 1], [1, 1, 1]]);
  assert.equal(registry.listener("web")?.read().connectionsTotal, 3, "totals stay");

  const dead = hands.filter(({ worker }) => worker === 2);
  for (const { listener, servers } of dead) {
    listener.closed("reset");
    listener.opened();
    for (const server of servers) {
      server.release();
      server.reserve();
    }
  }
  assert.deepEqual(active(), [[1, 1, 1], [1, 1, 1]], "a dead worker that goes on for a moment counts no more");
  for (const { listener, servers } of hands.filter(({ worker }) => worker === 1)) {
    listener.closed("client_closed");
    for (const server of servers) server.release();
  }
  assert.deepEqual(active(), [[0, 0, 0], [0, 0, 0]]);
});

Deno.test("registry.forWorker() gives a worker room for servers that are added, and what it counted before", () => {
  const registry = new BoardRegistry();
  registry.provide("web", keys(1));
  const before = registry.forWorker("web", 1);
  new ServerCounters(before, "s:0").reserve();
  registry.provide("web", keys(2 * SLOTS_PER_BLOCK));
  const after = registry.forWorker("web", 1);
  new ServerCounters(after, `s:${2 * SLOTS_PER_BLOCK - 1}`).reserve();
  new ServerCounters(after, "s:0").reserve();
  assert.equal(registry.server("web", "s:0")?.active, 2);
  registry.settle(1);
  assert.equal(registry.server("web", "s:0")?.active, 0);
  assert.equal(registry.server("web", `s:${2 * SLOTS_PER_BLOCK - 1}`)?.active, 0);
  assert.throws(() => registry.forWorker("other", 1), /Listener "other" has no board/);
});

Deno.test("registry.provide() lets a server start afresh that comes back while its last connections linger", () => {
  const now = 1_800_000_000_000;
  const registry = new BoardRegistry(() => now);
  const a = new ServerCounters(registry.provide("web", ["a", "b"]), "a");
  a.reserve();
  a.connected();
  a.becomes("Abnormal");
  a.turn = 9;
  registry.provide("web", ["b"], ["a", "b"]);
  assert.equal(a.health, "Abnormal");
  registry.provide("web", ["a", "b"], ["b"]);
  const { health, warmSince, connectionsActive, connectionsTotal } = a.read();
  assert.deepEqual({ health, warmSince, connectionsActive, connectionsTotal, turn: a.turn }, {
    health: "Unknown",
    warmSince: now,
    connectionsActive: 1,
    connectionsTotal: 1,
    turn: 0,
  });
  a.becomes("Healthy");
  registry.provide("web", ["a", "b"], ["a", "b"]);
  assert.equal(a.health, "Healthy", "once");
});

Deno.test("registry.drop() makes a listener of the same name start at nothing", () => {
  const registry = new BoardRegistry();
  registry.provide("web", ["a"]);
  registry.listener("web")?.opened();
  registry.drop("web");
  assert.equal(registry.listener("web"), undefined);
  registry.provide("web", ["a"]);
  assert.equal(registry.listener("web")?.read().connectionsTotal, 0);
});

Deno.test("BoardRegistry.accessFormat reaches the boards there are and those to come", () => {
  const registry = new BoardRegistry();
  registry.provide("before", []);
  const formats = () => ["before", "after"].map((name) => registry.listener(name)?.accessFormat);
  assert.deepEqual(formats(), [null, undefined]);
  registry.accessFormat = "json";
  registry.provide("after", []);
  assert.deepEqual(formats(), ["json", "json"]);
  registry.accessFormat = "text";
  registry.provide("after", ["10.0.0.1:80"]);
  assert.deepEqual(formats(), ["text", "text"]);
  registry.accessFormat = null;
  assert.deepEqual(formats(), [null, null]);
});
