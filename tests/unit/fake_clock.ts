/**
 * A clock that moves only when a test says so.
 *
 * @module
 */

import type { WheelClock } from "../../src/net/deadlines.ts";

interface Timer {
  at: number;
  readonly every: number | undefined;
  readonly call: () => void;
}

/** Time and timers in the hands of a test. */
export class FakeClock implements WheelClock {
  readonly #timers = new Set<Timer>();
  #now: number;

  /** @param now milliseconds at the start */
  constructor(now = 1_000_000) {
    this.#now = now;
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Milliseconds. */
  readonly now = (): number => this.#now;

  /** Calls once, after `seconds`. */
  readonly after = (seconds: number, call: () => void): () => void => {
    return this.#set({ at: this.#now + seconds * 1000, every: undefined, call });
  };

  /** Calls once, at the present time, when the clock moves. */
  readonly soon = (call: () => void): () => void => this.after(0, call);

  /** Calls again and again. */
  readonly every = (milliseconds: number, call: () => void): () => void => {
    return this.#set({ at: this.#now + milliseconds, every: milliseconds, call });
  };

  /** Moves on, and makes every call that falls due at its own time. */
  advance(milliseconds: number): void {
    const until = this.#now + milliseconds;
    for (let timer = this.#next(until); timer !== undefined; timer = this.#next(until)) this.#ring(timer);
    this.#now = until;
  }

  /** Moves on in steps, and lets promises settle after each call. */
  async run(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds;
    await settled();
    for (let timer = this.#next(until); timer !== undefined; timer = this.#next(until)) {
      this.#ring(timer);
      await settled();
    }
    this.#now = until;
  }

  /** Moves on without a single call, as while the thread is busy. */
  stall(milliseconds: number): void {
    this.#now += milliseconds;
  }

  #set(timer: Timer): () => void {
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  #next(until: number): Timer | undefined {
    const due = [...this.#timers].filter((timer) => timer.at <= until);
    return due.sort((a, b) => a.at - b.at)[0];
  }

  #ring(timer: Timer): void {
    this.#now = Math.max(this.#now, timer.at);
    if (timer.every === undefined) this.#timers.delete(timer);
    else timer.at = this.#now + timer.every;
    timer.call();
  }
}

/** Resolves when every promise that could settle has. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
