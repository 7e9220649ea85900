/** In which order connections are accepted, and everything else has its turn. @module */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { Acceptor } from "../../../src/worker/acceptor.ts";
import type { ListeningSocket } from "../../../src/worker/listening_socket.ts";
import { listenerPlan, poolPlan } from "../plans.ts";

/** A socket in whose queue so many connections wait. */
class FakeSocket {
  #waiting: number;
  #closed = false;
  #refuse: (error: Error) => void = () => {};

  constructor(waiting: number) {
    this.#waiting = waiting;
  }

  accept(): Promise<unknown> {
    if (this.#waiting-- > 0 && !this.#closed) return Promise.resolve({});
    return new Promise((_resolve, reject) => this.#refuse = reject);
  }

  close(): void {
    this.#closed = true;
    this.#refuse(new Error("closed"));
  }
}

/** Accepts so many that wait. @returns how many in a row before each turn of the event loop */
async function accepted(count: number, isAhead: (sofar: number) => boolean): Promise<readonly number[]> {
  const rows: number[] = [0];
  let sofar = 0;
  const done = Promise.withResolvers<void>();
  const acceptor = new Acceptor(listenerPlan({ pool: poolPlan([]) }), [], {
    open: () => new FakeSocket(count) as unknown as ListeningSocket,
    onConnection: () => {
      rows.push((rows.pop() ?? 0) + 1);
      if (++sofar === count) done.resolve();
    },
    isAhead: () => isAhead(sofar),
    onAcceptError: (error) => done.reject(error),
  });
  let isOver = false;
  const turn = () => {
    if (rows.at(-1) !== 0) rows.push(0);
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  acceptor.start();
  await done.promise;
  isOver = true;
  await acceptor.close();
  return rows.filter((row) => row > 0);
}

Deno.test("Acceptor takes 16 in a row, then everything else has a turn", async () => {
  assert.deepEqual(await accepted(40, () => false), [16, 16, 8]);
});

Deno.test("Acceptor of a thread that is ahead lets its siblings have the next one, a turn each time", async () => {
  assert.deepEqual(await accepted(5, () => true), [1, 1, 1, 1, 1]);
  assert.deepEqual(await accepted(22, (sofar) => sofar === 3 || sofar === 4), [3, 1, 16, 2]);
});
