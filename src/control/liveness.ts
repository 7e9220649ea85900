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

/** Delays of this thread, and of the worker's earlier heartbeats, tell how busy the machine is: so many times as long. */
const PER_DELAY = 10;

/** How much of a delay is remembered at the next look: half of it after ten seconds. */
const REMEMBERED = 0.993;

/** Of a processor that is wanted, at least so much is had on a machine that has time. */
const ENOUGH = 0.75;

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
  /** How much of a processor this program gets when it wants one, 0 to 1; asked for only before a worker is given up. */
  readonly share: () => number;
}

/** Looks after one worker. */
export class Liveness {
  #beat = 0;
  #beatSeenAt: number;
  #lookedAt: number;
  /** Whether it had something to do since its last heartbeat. */
  #wasBusy = false;
  /** The longest one of late. */
  #delay = 0;

  /** @param now milliseconds since any moment */
  constructor(now: number) {
    this.#beatSeenAt = this.#lookedAt = now;
  }

  /** Looks; to be called every {@link HEARTBEAT_MS}. @returns milliseconds of silence, when they are too many */
  look({ now, beat, isBusy, share }: LifeSign): number | undefined {
    const ownDelay = Math.max(0, now - this.#lookedAt - HEARTBEAT_MS);
    this.#lookedAt = now;
    const hasBeaten = beat !== this.#beat;
    this.#wasBusy ||= isBusy;
    // Between two looks there may be none, on the best of machines.
    const beatDelay = hasBeaten && !this.#wasBusy ? now - this.#beatSeenAt - 2 * HEARTBEAT_MS : 0;
    if (hasBeaten) this.#wasBusy = isBusy;
    this.#delay = Math.max(ownDelay, beatDelay, this.#delay * REMEMBERED);
    // A paused container, say: the worker gets its time again.
    if (hasBeaten || ownDelay > STOOD_STILL_MS) this.#beatSeenAt = now;
    this.#beat = beat;
    const silence = now - this.#beatSeenAt;
    if (silence <= this.#allowed(isBusy)) return undefined;
    // One thread may wait for its turn while another, that hardly ever wants one, gets it at once.
    const had = share();
    if (had < ENOUGH) this.#delay = Math.max(this.#delay, HANG_MS * (1 - had));
    return silence > this.#allowed(isBusy) ? silence : undefined;
  }

  #allowed(isBusy: boolean): number {
    return isBusy ? BUSY_HANG_MS : Math.max(HANG_MS, Math.min(BUSY_HANG_MS, PER_DELAY * this.#delay));
  }
}
