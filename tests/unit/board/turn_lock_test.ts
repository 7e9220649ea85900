/** One thread at a time, and none for ever. @module */

import assert from "node:assert/strict";
import { LISTENER } from "../../../src/board/layout.ts";
import { freeTurn, TurnLock } from "../../../src/board/turn_lock.ts";
import { inThreads } from "../../support/threads.ts";

const block = () => new SharedArrayBuffer(LISTENER.words * 4);
const holderOf = (memory: SharedArrayBuffer) => new Int32Array(memory)[LISTENER.turnHolder];

Deno.test("TurnLock lets one of several threads at a time change what has to change as a whole", async () => {
  const memory = block();
  const counter = new SharedArrayBuffer(4);
  const rounds = 20_000;
  await inThreads(
    4,
    new URL("./turn_lock_worker.ts", import.meta.url),
    (holder) => ({ memory, counter, holder, rounds }),
  );
  assert.equal(new Int32Array(counter)[0], 4 * rounds);
  assert.equal(holderOf(memory), 0);
  assert.equal(new Int32Array(memory)[LISTENER.turnWaiting], 0);
});

Deno.test("TurnLock.acquire() has patience with a holder, and not for ever; a late release harms nobody", () => {
  const memory = block();
  const [dead, living] = [new TurnLock(memory, 1), new TurnLock(memory, 2)];
  dead.acquire();
  const startedAt = performance.now();
  living.acquire();
  assert.ok(performance.now() - startedAt > 100, "it waits");
  assert.equal(holderOf(memory), 2);
  dead.release();
  assert.equal(holderOf(memory), 2, "it is not the other's to give back");
  living.release();
  assert.equal(holderOf(memory), 0);
  dead.acquire();
  assert.equal(holderOf(memory), 1);
});

Deno.test("freeTurn() takes the lock from the one that has died, and from nobody else", () => {
  const memory = block();
  new TurnLock(memory, 1).acquire();
  freeTurn(memory, 2);
  assert.equal(holderOf(memory), 1);
  freeTurn(memory, 1);
  assert.equal(holderOf(memory), 0);
});
