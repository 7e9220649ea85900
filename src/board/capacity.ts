/**
 * What the process has of descriptors and of memory for buffers, shared by all its threads: how many connections are
 * open, how many may be, and how many large buffers exist. What is over it is turned away, or does with less, before
 * the machine says no.
 *
 * @module
 */

import { OpenCount, settle, type SharedWord } from "./open_count.ts";

/** Word indices of what all threads share. */
const SHARED = { connections: 0, most: 1, buffers: 2, refused: 3, words: 4 } as const;

/** Word indices of what one worker has added. */
const OWN = { connections: 0, buffers: 1, words: 2 } as const;

/** Stands for "as many as there are"; a word holds no larger number. */
const UNLIMITED = 2 ** 31 - 1;

/** Connections that are given up at a shortage, so that those that are left, and the admin API, have room. */
export const SHORTAGE_MARGIN = 16;

/** Large buffers of all threads together: 256 MiB of 64 KiB each. */
export const MOST_LARGE_BUFFERS = 4096;

/** The memory of one worker's hand on the capacity. */
export interface CapacityMemory {
  readonly shared: SharedArrayBuffer;
  readonly own: SharedArrayBuffer;
}

/** The capacity as the main thread sees it. */
export class ProcessCapacity {
  readonly #shared = new SharedArrayBuffer(SHARED.words * 4);
  readonly #words = new Int32Array(this.#shared);
  readonly #own = new Map<number, SharedArrayBuffer>();

  /** No limit until one is set. */
  constructor() {
    this.most = null;
  }

  /** Connections that may be open at once; `null` for no limit. Those that are open stay. */
  get most(): number | null {
    const most = Atomics.load(this.#words, SHARED.most);
    return most === UNLIMITED ? null : most;
  }
  set most(most: number | null) {
    Atomics.store(this.#words, SHARED.most, Math.min(most ?? UNLIMITED, UNLIMITED));
  }

  /** Connections that are open, those of all listeners and those that are not admitted yet. */
  get open(): number {
    return Atomics.load(this.#words, SHARED.connections);
  }

  /** Clients turned away for want of capacity so far; starts over after 2^32. */
  get refused(): number {
    return Atomics.load(this.#words, SHARED.refused) >>> 0;
  }

  /** A worker's hand on it. @param worker its number */
  forWorker(worker: number): CapacityMemory {
    const own = this.#own.get(worker) ?? new SharedArrayBuffer(OWN.words * 4);
    this.#own.set(worker, own);
    return { shared: this.#shared, own };
  }

  /** A worker has died: what it held is free, and what it does from now on counts no more. */
  settle(worker: number): void {
    const own = this.#own.get(worker);
    if (own === undefined) return;
    this.#own.delete(worker);
    const [connections, buffers] = wordsOf({ shared: this.#shared, own });
    settle(...connections);
    settle(...buffers);
  }
}

/** One worker's hand on the capacity of the process. */
export class Capacity {
  readonly #words: Int32Array;
  readonly #connections: OpenCount;
  readonly #buffers: OpenCount;

  /** @param memory from {@link ProcessCapacity.forWorker}; without it nobody else has a part in it, and nothing is limited */
  constructor(memory: CapacityMemory = new ProcessCapacity().forWorker(1)) {
    this.#words = new Int32Array(memory.shared);
    const [connections, buffers] = wordsOf(memory);
    this.#connections = new OpenCount(...connections);
    this.#buffers = new OpenCount(...buffers);
  }

  /** One more connection is open, unless there are as many as may be. @returns whether it counts */
  takeConnection(): boolean {
    return this.#connections.add(Atomics.load(this.#words, SHARED.most));
  }

  /** A connection that was taken is over. */
  giveConnection(): void {
    this.#connections.remove();
  }

  /** One more large buffer exists, unless there are as many as may be. @returns whether it counts */
  takeBuffer(): boolean {
    return this.#buffers.add(MOST_LARGE_BUFFERS);
  }

  /** A large buffer is gone. */
  giveBuffer(): void {
    this.#buffers.remove();
  }

  /** A client was turned away for want of capacity. */
  refused(): void {
    Atomics.add(this.#words, SHARED.refused, 1);
  }

  /** The machine has no descriptor left, sooner than was thought: no more connections than this, and fewer. */
  shortage(): void {
    const fewer = Math.max(1, this.#connections.value - SHORTAGE_MARGIN);
    for (let most = Atomics.load(this.#words, SHARED.most); fewer < most;) {
      const found = Atomics.compareExchange(this.#words, SHARED.most, most, fewer);
      if (found === most) return;
      most = found;
    }
  }
}

function wordsOf(
  { shared, own }: CapacityMemory,
): [connections: [SharedWord, SharedWord], buffers: [SharedWord, SharedWord]] {
  const [all, added] = [new Int32Array(shared), new Int32Array(own)];
  return [
    [{ words: all, index: SHARED.connections }, { words: added, index: OWN.connections }],
    [{ words: all, index: SHARED.buffers }, { words: added, index: OWN.buffers }],
  ];
}
