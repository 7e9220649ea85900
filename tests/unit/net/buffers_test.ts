/** Read buffers that are used again. @module */

import assert from "node:assert/strict";
import { BufferPool, LARGE_BUFFER, SMALL_BUFFER } from "../../../src/net/buffers.ts";

Deno.test("BufferPool gives buffers of both sizes, each to one user at a time", () => {
  const pool = new BufferPool();
  const [small, other, large] = [pool.small(), pool.small(), pool.large()];
  assert.deepEqual([small.length, large.length], [SMALL_BUFFER, LARGE_BUFFER]);
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

Deno.test("BufferPool keeps at most 1024 small and 64 large buffers, so that a rush is forgotten", () => {
  const pool = new BufferPool();
  const sizes: readonly (readonly [() => Uint8Array<ArrayBuffer>, number])[] = [
    [() => pool.small(), 1024],
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
