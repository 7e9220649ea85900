/**
 * The lock under which the threads of one listener pick servers: without it two that pick at once would both go by what
 * stood on the board before, and one server would get what was another's turn.
 *
 * @module
 */

import { LISTENER } from "./layout.ts";

/** How often a thread looks again before it goes to sleep: picks take about a microsecond. */
const SPINS = 100;

/**
 * How long a thread waits for one holder. On a busy machine a holder may have to wait for a processor; one that takes
 * longer than this hangs, and better one pick that is not quite even than clients that wait.
 */
const PATIENCE_MS = 1000;

/** Takes the lock away from a thread that has died. */
export function freeTurn(memory: SharedArrayBuffer, holder: number): void {
  const words = new Int32Array(memory);
  if (Atomics.compareExchange(words, LISTENER.turnHolder, holder, 0) === holder) {
    Atomics.notify(words, LISTENER.turnHolder, 1);
  }
}

/** One thread's hand on a listener's lock. Not for use within itself. */
export class TurnLock {
  readonly #words: Int32Array;
  readonly #holder: number;

  /** @param memory the listener's block, @param holder a number above 0 that no other thread has */
  constructor(memory: SharedArrayBuffer, holder: number) {
    this.#words = new Int32Array(memory);
    this.#holder = holder;
  }

  /** Waits until no other thread holds the lock, for a short while at most, and takes it. */
  acquire(): void {
    for (let spin = 0; spin < SPINS; spin++) {
      if (this.#exchange(0) === 0) return;
    }
    Atomics.add(this.#words, LISTENER.turnWaiting, 1);
    for (let other = this.#exchange(0); other !== 0; other = this.#exchange(0)) {
      const woken = Atomics.wait(this.#words, LISTENER.turnHolder, other, PATIENCE_MS);
      if (woken === "timed-out" && this.#exchange(other) === other) break;
    }
    Atomics.sub(this.#words, LISTENER.turnWaiting, 1);
  }

  /** Gives the lock back, unless another thread has lost its patience. */
  release(): void {
    if (Atomics.compareExchange(this.#words, LISTENER.turnHolder, this.#holder, 0) !== this.#holder) return;
    if (Atomics.load(this.#words, LISTENER.turnWaiting) > 0) Atomics.notify(this.#words, LISTENER.turnHolder, 1);
  }

  /** Takes the lock if `expected` holds it. @returns who held it */
  #exchange(expected: number): number {
    return Atomics.compareExchange(this.#words, LISTENER.turnHolder, expected, this.#holder);
  }
}
