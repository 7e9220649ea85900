/**
 * Which servers' open connections have changed lately, on a listener's board: whoever keeps servers in the order of
 * their load learns what to move from here, whichever thread changed it, without looking at every server.
 *
 * @module
 */

import { CLAIMS_KEPT, LISTENER } from "./layout.ts";

/** In the place of a slot: any number of servers may have changed. */
const ANY = 0xffff;

/** One thread's hand on a listener's journal: notes what it changes itself, and reads what all have. */
export class ClaimJournal {
  readonly #words: Int32Array;
  /** The first entry that has not been read yet; 32 bits that run over. */
  #next: number;

  /** @param memory the listener's block */
  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#next = Atomics.load(this.#words, LISTENER.claims);
  }

  /** The open connections of the server in a slot have changed; to be called when they have. */
  note(slot: number): void {
    const at = Atomics.add(this.#words, LISTENER.claims, 1);
    Atomics.store(this.#words, placeOf(at), (lapOf(at) << 16) | Math.min(slot, ANY));
  }

  /** Those of any number of servers have. */
  noteAny(): void {
    this.note(ANY);
  }

  /**
   * Tells the slots of all that has changed since the last time, in order; one may come several times.
   *
   * @returns false when there is no telling, because it was too much, or is just being written: all may have changed
   */
  read(changed: (slot: number) => void): boolean {
    const words = this.#words;
    const end = Atomics.load(words, LISTENER.claims);
    let at = this.#next;
    this.#next = end;
    const count = (end - at) | 0;
    if (count < 0 || count > CLAIMS_KEPT) return false;
    for (; at !== end; at = (at + 1) | 0) {
      const entry = Atomics.load(words, placeOf(at));
      const slot = entry & ANY;
      if (entry >>> 16 !== lapOf(at) || slot === ANY) return false;
      changed(slot);
    }
    return true;
  }
}

function placeOf(at: number): number {
  return LISTENER.claimed + (at & (CLAIMS_KEPT - 1));
}

/** Tells an entry from the one that stood in its place before, and, being above 0 at first, from none. */
function lapOf(at: number): number {
  return ((at >>> 0) / CLAIMS_KEPT + 1) & 0xffff;
}
