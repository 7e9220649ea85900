/** What the process has of descriptors and buffers, over all its threads. @module */

import assert from "node:assert/strict";
import { Capacity, MOST_LARGE_BUFFERS, ProcessCapacity, SHORTAGE_MARGIN } from "../../../src/board/capacity.ts";
import { BufferPool, LARGE_BUFFER, MEDIUM_BUFFER } from "../../../src/net/buffers.ts";

const hands = (all: ProcessCapacity) =>
  [1, 2].map((worker) => new Capacity(all.forWorker(worker))) as [Capacity, Capacity];
const take = (capacity: Capacity, count: number) =>
  Array.from({ length: count }, () => capacity.takeConnection()).filter((taken) => taken).length;

Deno.test("Capacity.takeConnection() counts over all workers and stops at the most; one that ends makes room", () => {
  const all = new ProcessCapacity();
  const [one, two] = hands(all);
  assert.equal(take(one, 100), 100, "no limit until one is set");
  for (let ended = 0; ended < 97; ended++) one.giveConnection();
  all.most = 5;
  assert.deepEqual([take(two, 3), all.open, all.most], [2, 5, 5]);
  one.giveConnection();
  assert.deepEqual([take(two, 3), all.open], [1, 5]);
});

Deno.test("Capacity: a lower most takes nothing from those who have it", () => {
  const all = new ProcessCapacity();
  const [one] = hands(all);
  take(one, 10);
  all.most = 3;
  assert.deepEqual([all.open, take(one, 1)], [10, 0]);
  for (let ended = 0; ended < 8; ended++) one.giveConnection();
  assert.deepEqual([take(one, 3), all.open], [1, 3]);
});

Deno.test("Capacity.shortage() lets fewer in than are open, by a margin, and never more than before", () => {
  const all = new ProcessCapacity();
  const [one, two] = hands(all);
  take(one, 60);
  take(two, 40);
  one.shortage();
  assert.equal(all.most, 100 - SHORTAGE_MARGIN);
  all.most = 50;
  two.shortage();
  assert.equal(all.most, 50);
  for (let ended = 0; ended < 60; ended++) one.giveConnection();
  for (let ended = 0; ended < 40; ended++) two.giveConnection();
  two.shortage();
  assert.deepEqual([all.most, take(one, 2)], [1, 1], "somebody is always let in");
});

Deno.test("ProcessCapacity.settle() frees what a dead worker held; what it does afterwards counts no more", () => {
  const all = new ProcessCapacity();
  const [one, two] = hands(all);
  all.most = 10;
  take(one, 7);
  take(two, 3);
  for (let buffers = 0; buffers < MOST_LARGE_BUFFERS; buffers++) one.takeBuffer();
  assert.equal(two.takeBuffer(), false);
  all.settle(1);
  one.giveConnection();
  assert.deepEqual([all.open, one.takeConnection(), all.open, two.takeBuffer()], [3, false, 3, true]);
  all.settle(9); // never had anything
});

Deno.test("ProcessCapacity.refused counts over all workers", () => {
  const all = new ProcessCapacity();
  for (const one of hands(all)) one.refused();
  assert.equal(all.refused, 2);
});

Deno.test("BufferPool.large() gives medium buffers when all workers together have as many large ones as may be", () => {
  const all = new ProcessCapacity();
  const [one, two] = hands(all);
  const [mine, other] = [new BufferPool(one), new BufferPool(two)];
  for (let made = 0; made < MOST_LARGE_BUFFERS - 100; made++) one.takeBuffer();
  const large = Array.from({ length: 100 }, () => mine.large());
  assert.ok(large.every((buffer) => buffer.length === LARGE_BUFFER));
  assert.deepEqual([mine.large().length, other.large().length], [MEDIUM_BUFFER, MEDIUM_BUFFER]);
  // 64 are kept for later and count on; the rest is given up.
  for (const buffer of large) mine.release(buffer);
  const again = Array.from({ length: 40 }, () => other.large().length);
  assert.equal(again.filter((length) => length === LARGE_BUFFER).length, 36);
  assert.equal(mine.large().length, LARGE_BUFFER, "what is kept is used again");
});

Deno.test("ProcessCapacity.most takes a number that no word holds for no limit", () => {
  const all = new ProcessCapacity();
  for (const most of [2 ** 31 - 1, 2 ** 31, 2 ** 32 + 5, Infinity]) {
    all.most = most;
    assert.equal(all.most, null, `${most}`);
    assert.ok(new Capacity(all.forWorker(1)).takeConnection());
  }
});
