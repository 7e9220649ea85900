/**
 * Many deadlines on one timer: a coarse wheel, for idle timeouts of thousands of connections. Pushing a deadline back
 * costs one assignment; the wheel looks again when the old time has come.
 *
 * @module
 */

/** Something that ends at a time unless it is pushed back. Belongs to one wheel. */
export interface Deadline {
  /** The tick at which it is due. */
  dueTick: number;
  /** Called once, when it is due. */
  expire(): void;
}

/** The time and the timer of a wheel. */
export interface WheelClock {
  /** Milliseconds since any fixed moment; never goes back. */
  now(): number;
  /** Starts a repeating timer; what it returns stops it. */
  every(milliseconds: number, call: () => void): () => void;
  /** Calls when everything else that waits for the thread has had its turn; what it returns stops it. */
  soon(call: () => void): () => void;
}

/** The length of a tick; a deadline is met within two of them, and those of a crowd soon after. */
export const TICK_MS = 250;

/**
 * At most so many expire in one go. Closing thousands of connections at once takes a tenth of a second, in which nobody
 * else would be served.
 */
export const MOST_AT_ONCE = 32;

const SLOTS = 256;

const REAL_CLOCK: WheelClock = {
  now: () => performance.now(),
  every: (milliseconds, call) => {
    const timer = setInterval(call, milliseconds);
    return () => clearInterval(timer);
  },
  soon: (call) => {
    const timer = setTimeout(call, 0);
    return () => clearTimeout(timer);
  },
};

/** The wheel. It ticks only while something is on it. */
export class DeadlineWheel {
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<Deadline>());
  /** Those that are due and have not expired yet. */
  readonly #due = new Set<Deadline>();
  /** Where each deadline is: in a slot, or among those that are due. */
  readonly #placeOf = new Map<Deadline, Set<Deadline>>();
  readonly #clock: WheelClock;
  readonly #startedAt: number;
  #stopTicking: (() => void) | undefined;
  #stopGoingOn: (() => void) | undefined;
  /** The current tick, for {@link Deadline.dueTick}. */
  now = 0;

  /** @param clock time and timer, for tests */
  constructor(clock: WheelClock = REAL_CLOCK) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** The tick that is `seconds` away, never earlier than that. */
  tickIn(seconds: number): number {
    return this.tickAfter(this.ticks(seconds));
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
    this.#placeOf.get(deadline)?.delete(deadline);
    this.#placeOf.delete(deadline);
    if (this.#placeOf.size > 0) return;
    this.#stopTicking?.();
    this.#stopTicking = undefined;
    this.#stopGoingOn?.();
    this.#stopGoingOn = undefined;
  }

  #place(deadline: Deadline): void {
    const ahead = Math.min(Math.max(deadline.dueTick - this.now, 1), SLOTS - 1);
    const slot = this.#slots[(this.now + ahead) % SLOTS];
    if (slot === undefined) return;
    slot.add(deadline);
    this.#placeOf.set(deadline, slot);
  }

  #tickByClock(): number {
    return Math.floor((this.#clock.now() - this.#startedAt) / TICK_MS);
  }

  /** A wheel with nothing on it does not tick, so its time stands still. */
  #catchUpWhenIdle(): void {
    if (this.#placeOf.size === 0) this.now = this.#tickByClock();
  }

  /** Goes by the clock and not by the number of calls: timers come late when the thread is busy. */
  #advance(): void {
    const until = this.#tickByClock();
    while (this.now < until) {
      this.now++;
      const slot = this.#slots[this.now % SLOTS];
      if (slot === undefined || slot.size === 0) continue;
      for (const deadline of slot) {
        slot.delete(deadline);
        if (deadline.dueTick > this.now) {
          this.#place(deadline);
          continue;
        }
        this.#due.add(deadline);
        this.#placeOf.set(deadline, this.#due);
      }
    }
    if (this.#stopGoingOn === undefined) this.#expireDue();
  }

  #expireDue(): void {
    this.#stopGoingOn = undefined;
    let left = MOST_AT_ONCE;
    for (const deadline of this.#due) {
      // Pushed back while it waited for its turn.
      if (deadline.dueTick > this.now) {
        this.#due.delete(deadline);
        this.#place(deadline);
        continue;
      }
      if (left-- === 0) {
        this.#stopGoingOn = this.#clock.soon(() => this.#expireDue());
        return;
      }
      this.remove(deadline);
      deadline.expire();
    }
  }
}
