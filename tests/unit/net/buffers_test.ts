/** Read buffers that are used again. @module */

import assert from "node:assert/strict";
import { BufferPool, LARGE_BUFFER, MEDIUM_BUFFER, SMALL_BUFFER } from "../../../src/net/buffers.ts";

Deno.test("BufferPool gives buffers of every size, each to one user at a time", () => {
  const pool = new BufferPool();
  const [small, other, medium, large] = [pool.small(), pool.small(), pool.medium(), pool.large()];
  assert.deepEqual([small.length, medium.length, large.length], [SMALL_BUFFER, MEDIUM_BUFFER, LARGE_BUFFER]);
  assert.notEqual(small, other);
});

Deno.test("BufferPool.release() lets a buffer be used again, by its size", () => {
  const pool = new BufferPool();
  const [small, large] = [pool.small(), pool.large()];
  pool.release(small);
  pool.release(large);
  assert.equal(pool.large(), large);
  assert.equal(pool.small(), small);
  assert.notEqual(pool.small(), small);
  assert.notEqual(pool.large(), large);
});

Deno.test("BufferPool.larger() and smaller() take one buffer back and give the next size", () => {
  const pool = new BufferPool();
  const small = pool.small();
  const medium = pool.larger(small);
  const large = pool.larger(medium);
  assert.deepEqual([medium.length, large.length], [MEDIUM_BUFFER, LARGE_BUFFER]);
  assert.equal(pool.smaller(large), medium);
  assert.equal(pool.smaller(medium), small);
});

Deno.test("BufferPool keeps at most 1024 small, 256 medium and 64 large buffers, so that a rush is forgotten", () => {
  const pool = new BufferPool();
  const sizes: readonly (readonly [() => Uint8Array<ArrayBuffer>, number])[] = [
    [() => pool.small(), 1024],
    [() => pool.medium(), 256],
    [() => pool.large(), 64],
  ];
  for (const [take, keeps] of sizes) {
    const rush = Array.from({ length: keeps + 10 }, take);
    for (const buffer of rush) pool.release(buffer);
    const used = new Set(rush);
    const again = Array.from({ length: keeps + 10 }, take).filter((buffer) => used.has(buffer));
    assert.equal(again.length, keeps);
  }
});
