/**
 * Whether a worker thread lives, by its heartbeat. Pure: it is told the time. Why these times:
 * docs/decisions/0017-hung-workers.md.
 *
 * @module
 */

import { HEARTBEAT_MS } from "../messages.ts";

/** Milliseconds without a heartbeat after which a worker with nothing special to do counts as hung. */
export const HANG_MS = 700;

/** The same for a worker that starts, or carries out a request: these may take long. */
export const BUSY_HANG_MS = 10_000;

/** This thread's own delay, of late, tells how busy the machine is: a worker may be silent for so many times as long. */
const PER_OWN_DELAY = 10;

/** How much of a delay is remembered at the next look: half of it after four seconds. */
const REMEMBERED = 0.983;

/** Own delays from which on nothing can be said about workers: the program stood still. */
const STOOD_STILL_MS = 4 * HEARTBEAT_MS;

/** What is seen of a worker. */
export interface LifeSign {
  /** Milliseconds since any moment. */
  readonly now: number;
  /** The worker's counter. */
  readonly beat: number;
  /** Whether it starts, or carries out a request. */
  readonly isBusy: boolean;
}

/** Looks after one worker. */
export class Liveness {
  #beat = 0;
  #beatSeenAt: number;
  #lookedAt: number;
  #ownDelay = 0;

  /** @param now milliseconds since any moment */
  constructor(now: number) {
    this.#beatSeenAt = this.#lookedAt = now;
  }

  /** Looks; to be called every {@link HEARTBEAT_MS}. @returns milliseconds of silence, when they are too many */
  look({ now, beat, isBusy }: LifeSign): number | undefined {
    const delay = Math.max(0, now - this.#lookedAt - HEARTBEAT_MS);
    this.#lookedAt = now;
    this.#ownDelay = Math.max(delay, this.#ownDelay * REMEMBERED);
    // A paused container, say: the worker gets its time again.
    if (beat !== this.#beat || delay > STOOD_STILL_MS) this.#beatSeenAt = now;
    this.#beat = beat;
    const silence = now - this.#beatSeenAt;
    const allowed = isBusy ? BUSY_HANG_MS : Math.max(HANG_MS, Math.min(BUSY_HANG_MS, PER_OWN_DELAY * this.#ownDelay));
    return silence > allowed ? silence : undefined;
  }
}
