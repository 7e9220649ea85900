/**
 * 64-bit counters in a shared array of 32-bit words: two words each, low word first. Adding is atomic and lock-free,
 * so several threads can count into one counter.
 *
 * @module
 */

const WORD = 0x1_0000_0000;

/** Adds `amount` (0 up to 2^32 - 1) to the counter at `index`. */
export function addToCounter(words: Int32Array, index: number, amount: number): void {
  const before = Atomics.add(words, index, amount) >>> 0;
  if (before + amount >= WORD) Atomics.add(words, index + 1, 1);
}

/** Adds `amount` to the counter at `index`, as large as it may be. */
export function addMuchToCounter(words: Int32Array, index: number, amount: number): void {
  const high = Math.floor(amount / WORD);
  if (high > 0) Atomics.add(words, index + 1, high);
  addToCounter(words, index, amount % WORD);
}

/** Reads the counter at `index`, exact up to 2^53. */
export function readCounter(words: Int32Array, index: number): number {
  for (;;) {
    const high = Atomics.load(words, index + 1) >>> 0;
    const low = Atomics.load(words, index) >>> 0;
    // The high word moving in between means that the low word may belong to either side of the carry.
    if ((Atomics.load(words, index + 1) >>> 0) === high) return high * WORD + low;
  }
}

/** Sets the counter at `index`; only for values with one writer. */
export function storeCounter(words: Int32Array, index: number, value: number): void {
  Atomics.store(words, index + 1, Math.floor(value / WORD));
  Atomics.store(words, index, value % WORD | 0);
}
