/**
 * How long to wait before a worker that died is started again. Pure but for what it remembers.
 *
 * @module
 */

/** Pauses in seconds for the first death, the second in a row, and so on; the last one repeats. */
const PAUSES = [0, 0.1, 0.5, 2, 5] as const;

/** Seconds without a death after which the next one is a first one again. */
const CALM_SECONDS = 60;

/** Remembers deaths and gives pauses. */
export class RestartBackoff {
  #lastDeathAt = -Infinity;
  #inARow = 0;

  /** A worker died. @param now seconds since any fixed moment @returns seconds to wait before the next one starts */
  next(now: number): number {
    this.#inARow = now - this.#lastDeathAt > CALM_SECONDS ? 0 : this.#inARow + 1;
    this.#lastDeathAt = now;
    return PAUSES[Math.min(this.#inARow, PAUSES.length - 1)] ?? 0;
  }
}
