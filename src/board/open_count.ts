/**
 * A count of open connections that several workers share. Each worker keeps beside it what it has added itself, so that
 * exactly this can be taken off when the worker dies, whatever the others do meanwhile.
 *
 * @module
 */

/** What stands in a worker's own count once it has been settled. A dead worker may go on for a moment. */
const SETTLED = -1;

/** A word in shared memory. */
export interface SharedWord {
  readonly words: Int32Array;
  readonly index: number;
}

/** One worker's hand on a shared count. */
export class OpenCount {
  readonly #all: SharedWord;
  readonly #own: SharedWord | undefined;

  /** @param all over all workers, @param own what this worker has added; without it nobody can settle the count */
  constructor(all: SharedWord, own: SharedWord | undefined) {
    this.#all = all;
    this.#own = own;
  }

  /** How many are open, over all workers. */
  get value(): number {
    return Atomics.load(this.#all.words, this.#all.index);
  }

  /** How many of them this worker has added; 0 where that is not kept, or has been settled. */
  get own(): number {
    return this.#own === undefined ? 0 : Math.max(0, Atomics.load(this.#own.words, this.#own.index));
  }

  /** One more is open, unless there are `max` already; exact over all workers. @returns whether it counts */
  add(max = Infinity): boolean {
    const { words, index } = this.#all;
    for (;;) {
      const before = Atomics.load(words, index);
      if (before >= max) return false;
      if (Atomics.compareExchange(words, index, before, before + 1) === before) break;
    }
    if (this.#own === undefined || step(this.#own, 1)) return true;
    Atomics.sub(words, index, 1);
    return false;
  }

  /** One that was added is open no more. */
  remove(): void {
    if (this.#own === undefined || step(this.#own, -1)) Atomics.sub(this.#all.words, this.#all.index, 1);
  }
}

/** Takes off a shared count what a dead worker has added to it, and lets it add nothing more. */
export function settle(all: SharedWord, own: SharedWord): void {
  const added = Atomics.exchange(own.words, own.index, SETTLED);
  if (added > 0) Atomics.sub(all.words, all.index, added);
}

/** Changes a worker's own count. @returns false when it has been settled */
function step({ words, index }: SharedWord, change: 1 | -1): boolean {
  for (let before = Atomics.load(words, index); before !== SETTLED;) {
    const found = Atomics.compareExchange(words, index, before, before + change);
    if (found === before) return true;
    before = found;
  }
  return false;
}
