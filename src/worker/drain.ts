/**
 * Draining: the connections of a listener that stops end one after the other over a window of time, those first that
 * nothing happens on, so that their clients do not all come back in one moment.
 *
 * @module
 */

/** A connection that drains. */
export interface Draining {
  /** Ticks of 250 ms since its last byte, while its client is owed no answer; -1 while it is busy. */
  readonly quietTicks: number;
  /** Ends it. */
  end(reason: "drain"): void;
}

/** The parts of the window in which only quiet connections are ended, and in which none is that is busy. */
const [QUIET_PART, SPARED_PART] = [0.5, 0.75];

/** Ticks after which a connection is quiet: a second. */
const QUIET_TICKS = 4;

/** Milliseconds between two looks. */
export const DRAIN_LOOK_MS = 250;

/** How many connections to end, so that they end evenly. Pure but for the fractions that it carries over. */
export class DrainPace {
  #credit = 0;

  /**
   * Says how many to end now: quiet ones evenly over the first half of the window, what becomes quiet later at once, and
   * busy ones evenly over its last quarter.
   *
   * @param at how much of the window is over, 0 to 1, @param step how much of it has passed since the last call
   */
  next({ at, step }: { readonly at: number; readonly step: number }, quiet: number, all: number): number {
    if (at >= 1) return all;
    if (at < QUIET_PART) return this.#take(quiet, step / (QUIET_PART - at + step));
    if (at < SPARED_PART) return quiet;
    return Math.max(quiet, this.#take(all, step / (1 - at + step)));
  }

  #take(count: number, part: number): number {
    this.#credit = Math.min(count, this.#credit + count * part);
    const whole = Math.floor(this.#credit);
    this.#credit -= whole;
    return whole;
  }
}

/** What a drain works with. */
export interface DrainContext {
  /** The connections that are open; those that end leave it by themselves. */
  readonly sessions: { readonly size: number; items(): readonly Draining[] };
  /** Milliseconds since any moment. */
  now(): number;
  /** Starts a repeating timer; what it returns stops it. */
  every(milliseconds: number, call: () => void): () => void;
  /** Hears how many are left, when that has changed, and how many had to be ended. */
  onProgress(left: number, ended: number): void;
}

/** A drain under way. */
export class Drain {
  readonly #context: DrainContext;
  readonly #pace = new DrainPace();
  readonly #startedAt: number;
  readonly #over = Promise.withResolvers<void>();
  readonly #stopLooking: () => void;
  #windowMs: number;
  #lookedAt: number;
  #ended = 0;
  #told = -1;

  /** Starts. @param seconds the window; 0 ends everything now */
  constructor(seconds: number, context: DrainContext) {
    this.#context = context;
    this.#windowMs = seconds * 1000;
    this.#startedAt = this.#lookedAt = context.now();
    this.#stopLooking = context.every(DRAIN_LOOK_MS, () => this.look());
    this.look();
  }

  /** Resolves when no connection is left. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** From now on it may take this many seconds more at most. */
  shorten(seconds: number): void {
    this.#windowMs = Math.min(this.#windowMs, this.#context.now() - this.#startedAt + seconds * 1000);
    this.look();
  }

  /** Looks, and ends those whose time has come; to be called when the last one has ended by itself, too. */
  look(): void {
    const { sessions, now, onProgress } = this.#context;
    const at = (now() - this.#startedAt) / this.#windowMs;
    const step = (now() - this.#lookedAt) / this.#windowMs;
    this.#lookedAt = now();
    if (sessions.size > 0) this.#endSome(Number.isFinite(at) ? { at, step } : { at: 1, step: 1 });
    if (sessions.size !== this.#told) onProgress(this.#told = sessions.size, this.#ended);
    if (sessions.size > 0) return;
    this.#stopLooking();
    this.#over.resolve();
  }

  #endSome(time: { readonly at: number; readonly step: number }): void {
    const all = this.#context.sessions.items();
    const quiet = all.filter(({ quietTicks }) => quietTicks >= QUIET_TICKS).length;
    const count = this.#pace.next(time, quiet, all.length);
    if (count === 0) return;
    const byQuiet = all.map((session) => ({ session, quietTicks: session.quietTicks }))
      .sort((a, b) => b.quietTicks - a.quietTicks);
    for (const { session } of byQuiet.slice(0, count)) {
      this.#ended++;
      session.end("drain");
    }
  }
}
