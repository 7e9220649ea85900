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
}

/** The length of a tick; a deadline is met within two of them. */
export const TICK_MS = 250;

const SLOTS = 256;

const REAL_CLOCK: WheelClock = {
  now: () => performance.now(),
  every: (milliseconds, call) => {
    const timer = setInterval(call, milliseconds);
    return () => clearInterval(timer);
  },
};

/** The wheel. It ticks only while something is on it. */
export class DeadlineWheel {
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<Deadline>());
  readonly #slotOf = new Map<Deadline, Set<Deadline>>();
  readonly #clock: WheelClock;
  readonly #startedAt: number;
  #stopTicking: (() => void) | undefined;
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
    this.#slotOf.get(deadline)?.delete(deadline);
    this.#slotOf.delete(deadline);
    if (this.#slotOf.size > 0) return;
    this.#stopTicking?.();
    this.#stopTicking = undefined;
  }

  #place(deadline: Deadline): void {
    const ahead = Math.min(Math.max(deadline.dueTick - this.now, 1), SLOTS - 1);
    const slot = this.#slots[(this.now + ahead) % SLOTS];
    if (slot === undefined) return;
    slot.add(deadline);
    this.#slotOf.set(deadline, slot);
  }

  #tickByClock(): number {
    return Math.floor((this.#clock.now() - this.#startedAt) / TICK_MS);
  }

  /** A wheel with nothing on it does not tick, so its time stands still. */
  #catchUpWhenIdle(): void {
    if (this.#slotOf.size === 0) this.now = this.#tickByClock();
  }

  /** Goes by the clock and not by the number of calls: timers come late when the thread is busy. */
  #advance(): void {
    const until = this.#tickByClock();
    while (this.now < until) {
      this.now++;
      const slot = this.#slots[this.now % SLOTS];
      if (slot === undefined || slot.size === 0) continue;
      for (const deadline of [...slot]) {
        // Taken off by one that expired before it in this very tick.
        if (!slot.delete(deadline)) continue;
        if (deadline.dueTick > this.now) {
          this.#place(deadline);
          continue;
        }
        this.remove(deadline);
        deadline.expire();
      }
    }
  }
}
