/**
 * One thing at a time, in the order in which they were asked for.
 *
 * @module
 */

/** Those who wait for their turn. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does something when all that was asked for before is done. It may fail; the next one has its turn all the same. */
  take<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Waits until all that was asked for is done. */
  async over(): Promise<void> {
    await this.#last;
  }
}
