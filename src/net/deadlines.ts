/**
 * Many deadlines on one timer: a coarse wheel, for idle timeouts of thousands of connections. Pushing a deadline back
 * costs one assignment; the wheel looks again when the old time has come.
 *
 * @module
 */

import { type Entry, LinkedList } from "./linked_list.ts";

/** Something that ends at a time unless it is pushed back. Belongs to one wheel. */
export interface Deadline {
  /** The tick at which it is due. */
  dueTick: number;
  /** For the wheel: where on it the deadline is. */
  place?: Entry<Deadline> | undefined;
  /** Called once, when it is due. */
  expire(): void;
}

/** The time and the timer of a wheel. */
export interface WheelClock {
  /** Milliseconds since any fixed moment; never goes back. */
  now(): number;
  /** Starts a repeating timer; what it returns stops it. */
  every(milliseconds: number, call: () => void): () => void;
  /** Calls when everything else that waits for the thread has had its turn. */
  soon(call: () => void): void;
}

/** The length of a tick; a deadline is met within two of them, and those of a crowd soon after. */
export const TICK_MS = 250;

/**
 * At most so many expire in one go. Closing thousands of connections at once takes a tenth of a second, in which nobody
 * else would be served; this many take half a millisecond.
 */
export const MOST_AT_ONCE = 16;

const SLOTS = 256;

const REAL_CLOCK: WheelClock = {
  now: () => performance.now(),
  every: (milliseconds, call) => {
    const timer = setInterval(call, milliseconds);
    return () => clearInterval(timer);
  },
  soon: (call) => void setTimeout(call, 0),
};

/**
 * The wheel. It stands still when it finds nothing on itself at a tick; not before, because on a busy thread it is often
 * empty for a moment, and a timer costs more than a tick.
 */
export class DeadlineWheel {
  readonly #slots = Array.from({ length: SLOTS }, () => new LinkedList<Deadline>());
  /** Those that are due and have not expired yet. */
  readonly #due = new LinkedList<Deadline>();
  #size = 0;
  readonly #clock: WheelClock;
  readonly #startedAt: number;
  #stopTicking: (() => void) | undefined;
  /** Whether those that are left of the due ones come soon. */
  #goesOn = false;
  /** The current tick, for {@link Deadline.dueTick}. */
  now = 0;

  /** @param clock time and timer, for tests */
  constructor(clock: WheelClock = REAL_CLOCK) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** How many deadlines are on it. */
  get size(): number {
    return this.#size;
  }

  /** The first tick that is `seconds` away or more, by the clock: the wheel is behind it until its timer comes. */
  tickIn(seconds: number): number {
    this.#catchUpWhenIdle();
    return Math.ceil((this.#clock.now() - this.#startedAt + seconds * 1000) / TICK_MS);
  }

  /** The tick that is `ticks` ticks away from now. */
  tickAfter(ticks: number): number {
    this.#catchUpWhenIdle();
    // After a stall the wheel is behind until its timer comes; a deadline that is set meanwhile must not be early.
    const tick = this.#tickByClock();
    return (tick > this.now + 1 ? tick : this.now) + ticks;
  }

  /** How many ticks make at least `seconds`. */
  ticks(seconds: number): number {
    return Math.ceil(seconds * 1000 / TICK_MS) + 1;
  }

  /** Puts a deadline on the wheel. */
  add(deadline: Deadline): void {
    this.#catchUpWhenIdle();
    this.#place(deadline);
    this.#stopTicking ??= this.#clock.every(TICK_MS, () => this.#advance());
  }

  /** Takes a deadline off the wheel; harmless when it is not on it. */
  remove(deadline: Deadline): void {
    const { place } = deadline;
    if (place === undefined) return;
    deadline.place = undefined;
    place.list?.remove(place);
    this.#size--;
  }

  #place(deadline: Deadline, list = this.#slotFor(deadline.dueTick)): void {
    deadline.place = list?.add(deadline);
    this.#size++;
  }

  #slotFor(tick: number): LinkedList<Deadline> | undefined {
    const ahead = Math.min(Math.max(tick - this.now, 1), SLOTS - 1);
    return this.#slots[(this.now + ahead) % SLOTS];
  }

  #tickByClock(): number {
    return Math.floor((this.#clock.now() - this.#startedAt) / TICK_MS);
  }

  /** A wheel that stands still has to be told the time. */
  #catchUpWhenIdle(): void {
    if (this.#size === 0) this.now = this.#tickByClock();
  }

  /** Goes by the clock and not by the number of calls: timers come late when the thread is busy. */
  #advance(): void {
    const until = this.#tickByClock();
    while (this.now < until) {
      this.now++;
      const slot = this.#slots[this.now % SLOTS];
      for (let entry = slot?.first; entry !== undefined; entry = slot?.first) {
        const { item } = entry;
        this.remove(item);
        // A slot that is ahead is never this one.
        this.#place(item, item.dueTick > this.now ? this.#slotFor(item.dueTick) : this.#due);
      }
    }
    if (!this.#goesOn) this.#expireDue();
    if (this.#size > 0) return;
    this.#stopTicking?.();
    this.#stopTicking = undefined;
  }

  #expireDue(): void {
    this.#goesOn = false;
    let left = MOST_AT_ONCE;
    for (let entry = this.#due.first; entry !== undefined; entry = this.#due.first) {
      const { item } = entry;
      const isDue = item.dueTick <= this.now;
      if (isDue && left-- === 0) {
        this.#goesOn = true;
        this.#clock.soon(() => this.#expireDue());
        return;
      }
      this.remove(item);
      // Pushed back while it waited for its turn.
      if (isDue) item.expire();
      else this.#place(item);
    }
  }
}
