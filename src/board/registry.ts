/**
 * The boards of all listeners, kept by the main thread by name: a listener that is replaced, or whose worker is, goes
 * on counting where it was.
 *
 * @module
 */

import type { AccessFormat } from "../access_log/render.ts";
import { ListenerCounters, ServerCounters } from "./board.ts";
import { type BoardMemory, LISTENER, SERVER, SLOTS_PER_BLOCK } from "./layout.ts";

/** Hands out board memory by listener and server. */
export class BoardRegistry {
  readonly #boards = new Map<string, BoardMemory>();
  readonly #now: () => number;
  #accessFormat: AccessFormat | null = null;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** How the access log wants lines, of every listener there is and will be; `null` while it is off. */
  set accessFormat(format: AccessFormat | null) {
    this.#accessFormat = format;
    for (const { listener } of this.#boards.values()) new ListenerCounters(listener).accessFormat = format;
  }

  /**
   * The memory of a listener with a slot for each of `serverKeys`. Servers that were there before keep theirs; a slot
   * that is not asked for any more is handed on once its last connection is over. A server that joins others warms up;
   * with the listener's first ones there is nobody else to take the load meanwhile.
   */
  provide(listener: string, serverKeys: readonly string[]): BoardMemory {
    const serving = this.#boards.get(listener);
    const before = serving ?? {
      listener: new SharedArrayBuffer(LISTENER.words * 4),
      blocks: [],
      slots: new Map<string, number>(),
    };
    const wanted = new Set(serverKeys);
    const slots = new Map<string, number>();
    for (const [key, slot] of before.slots) {
      if (wanted.has(key) || new ServerCounters(before, key).active > 0) slots.set(key, slot);
    }
    const used = new Set(slots.values());
    const blocks = [...before.blocks];
    let next = 0;
    for (const key of wanted) {
      if (slots.has(key)) continue;
      while (used.has(next)) next++;
      used.add(next);
      slots.set(key, next);
      if (next >= blocks.length * SLOTS_PER_BLOCK) {
        blocks.push(new SharedArrayBuffer(SLOTS_PER_BLOCK * SERVER.words * 4));
      }
    }
    const memory: BoardMemory = { listener: before.listener, blocks, slots };
    for (const key of wanted) {
      if (before.slots.has(key)) continue;
      const counters = new ServerCounters(memory, key);
      counters.clear();
      if (serving !== undefined) counters.startWarming(this.#now());
    }
    new ListenerCounters(memory.listener).accessFormat = this.#accessFormat;
    this.#boards.set(listener, memory);
    return memory;
  }

  /** The counters of a listener; `undefined` when it never had any. */
  listener(name: string): ListenerCounters | undefined {
    const memory = this.#boards.get(name);
    return memory === undefined ? undefined : new ListenerCounters(memory.listener);
  }

  /** The counters of a listener's server; `undefined` when it has no slot. */
  server(listener: string, key: string): ServerCounters | undefined {
    const memory = this.#boards.get(listener);
    return memory?.slots.has(key) === true ? new ServerCounters(memory, key) : undefined;
  }

  /** The worker of a listener died with all its connections. */
  forgetActive(listener: string): void {
    const memory = this.#boards.get(listener);
    if (memory === undefined) return;
    new ListenerCounters(memory.listener).forgetActive();
    for (const key of memory.slots.keys()) new ServerCounters(memory, key).forgetActive();
  }

  /** A listener is gone for good. */
  drop(listener: string): void {
    this.#boards.delete(listener);
  }
}
