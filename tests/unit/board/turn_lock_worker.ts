/** Counts in two steps, under the lock. @module */

import { TurnLock } from "../../../src/board/turn_lock.ts";
import { serve } from "../../support/threads.ts";

interface Task {
  readonly memory: SharedArrayBuffer;
  readonly counter: SharedArrayBuffer;
  readonly holder: number;
  readonly rounds: number;
}

serve(({ memory, counter, holder, rounds }: Task) => {
  const lock = new TurnLock(memory, holder);
  const count = new Int32Array(counter);
  for (let round = 0; round < rounds; round++) {
    lock.acquire();
    const before = Atomics.load(count, 0);
    Atomics.store(count, 0, before + 1);
    lock.release();
  }
});
