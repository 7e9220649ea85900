/** Slots on boards: kept by identity, handed on only when nothing hangs on them. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ServerCounters } from "../../../src/board/board.ts";
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

Deno.test("registry.forgetActive() zeroes open connections of that listener and nothing else", () => {
  const registry = new BoardRegistry();
  for (const name of ["web", "other"]) {
    registry.provide(name, ["a"]);
    registry.listener(name)?.opened();
    registry.server(name, "a")?.reserve();
    registry.server(name, "a")?.connected();
  }
  registry.forgetActive("web");
  registry.forgetActive("never was");
  const active = (name: string) => [
    registry.listener(name)?.read().connectionsActive,
    registry.server(name, "a")?.active,
  ];
  assert.deepEqual(active("web"), [0, 0]);
  assert.deepEqual(active("other"), [1, 1]);
  assert.equal(registry.listener("web")?.read().connectionsTotal, 1);
  assert.equal(registry.server("web", "a")?.read().connectionsTotal, 1);
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
