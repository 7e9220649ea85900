/**
 * The boards of all listeners, kept by the main thread by name: a listener that is replaced, or whose worker is, goes
 * on counting where it was.
 *
 * @module
 */

import type { AccessFormat } from "../access_log/render.ts";
import { ListenerCounters, ServerCounters } from "./board.ts";
import { type BoardMemory, type LedgerMemory, LISTENER, SERVER, SLOTS_PER_BLOCK, type WorkerMemory } from "./layout.ts";
import { growLedger, openIn, settleLedger } from "./ledger.ts";
import { freeTurn } from "./turn_lock.ts";

interface Board {
  memory: BoardMemory;
  /** By the worker's number. */
  readonly ledgers: Map<number, LedgerMemory>;
}

/** Hands out board memory by listener and server. */
export class BoardRegistry {
  readonly #boards = new Map<string, Board>();
  readonly #now: () => number;
  #accessFormat: AccessFormat | null = null;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** How the access log wants lines, of every listener there is and will be; `null` while it is off. */
  set accessFormat(format: AccessFormat | null) {
    this.#accessFormat = format;
    for (const { memory } of this.#boards.values()) new ListenerCounters(memory.listener).accessFormat = format;
  }

  /**
   * Makes room on a listener's board: a slot for each server that is to serve, and for each that serves already. Servers
   * that were there before keep theirs; a slot that is not asked for any more is handed on once its last connection is
   * over. A server that joins those that serve is new, whatever the board remembers of it, and warms up; with the
   * listener's first ones there is nobody else to take the load meanwhile.
   *
   * @param next keys of the servers that are to serve, @param serving of those that serve, if others do
   */
  provide(listener: string, next: readonly string[], serving: readonly string[] = next): BoardMemory {
    const board = this.#boards.get(listener);
    const before = board?.memory ?? {
      listener: new SharedArrayBuffer(LISTENER.words * 4),
      blocks: [],
      slots: new Map<string, number>(),
    };
    const wanted = new Set([...serving, ...next]);
    const slots = new Map<string, number>();
    for (const [key, slot] of before.slots) {
      if (wanted.has(key) || new ServerCounters(before, key).active > 0) slots.set(key, slot);
    }
    const used = new Set(slots.values());
    const blocks = [...before.blocks];
    let free = 0;
    for (const key of wanted) {
      if (slots.has(key)) continue;
      while (used.has(free)) free++;
      used.add(free);
      slots.set(key, free);
      if (free >= blocks.length * SLOTS_PER_BLOCK) {
        blocks.push(new SharedArrayBuffer(SLOTS_PER_BLOCK * SERVER.words * 4));
      }
    }
    const memory: BoardMemory = { listener: before.listener, blocks, slots };
    for (const key of wanted) {
      const counters = new ServerCounters(memory, key);
      if (!before.slots.has(key)) {
        counters.clear();
        if (board !== undefined) counters.startWarming(this.#now());
      } else if (!serving.includes(key)) counters.startAfresh(this.#now());
    }
    new ListenerCounters(memory.listener).accessFormat = this.#accessFormat;
    if (board === undefined) this.#boards.set(listener, { memory, ledgers: new Map() });
    else board.memory = memory;
    return memory;
  }

  /** A listener's board for one of its workers. @throws {Error} when nobody has provided the listener's board */
  forWorker(listener: string, worker: number): WorkerMemory {
    const board = this.#boards.get(listener);
    if (board === undefined) throw new Error(`Listener "${listener}" has no board`);
    const ledger = growLedger(board.memory, board.ledgers.get(worker));
    board.ledgers.set(worker, ledger);
    return { ...board.memory, worker, ledger };
  }

  /** The counters of a listener; `undefined` when it never had any. */
  listener(name: string): ListenerCounters | undefined {
    const board = this.#boards.get(name);
    return board === undefined ? undefined : new ListenerCounters(board.memory.listener);
  }

  /** The counters of a listener's server; `undefined` when it has no slot. */
  server(listener: string, key: string): ServerCounters | undefined {
    const memory = this.#boards.get(listener)?.memory;
    return memory?.slots.has(key) === true ? new ServerCounters(memory, key) : undefined;
  }

  /** Connections of a listener that are open in one worker. */
  openIn(listener: string, worker: number): number {
    const ledger = this.#boards.get(listener)?.ledgers.get(worker);
    return ledger === undefined ? 0 : openIn(ledger);
  }

  /** A worker has died with all its connections: whatever it held is free, and what it does from now on counts no more. */
  settle(worker: number): void {
    for (const { memory, ledgers } of this.#boards.values()) {
      const ledger = ledgers.get(worker);
      if (ledger === undefined) continue;
      settleLedger(memory, ledger);
      freeTurn(memory.listener, worker);
      ledgers.delete(worker);
    }
  }

  /** A listener is gone for good. */
  drop(listener: string): void {
    this.#boards.delete(listener);
  }
}
