/**
 * Picks of round robin and least connections among many servers without looking at each of them: exactly the picks of
 * {@link weightedRoundRobin} and {@link weightedLeastConnections}, at a cost that grows with the logarithm of their
 * number (and with the number of different weights).
 *
 * Servers of one weight with as many connections stand in one cell: they tie with each other for as long as they are in
 * it, and every pick that the cell takes part in raises all of their turns by the same. So the cell holds what their
 * turns have in common, and the servers are in order of the rest. By load only the least loaded cell of each weight can
 * be the least loaded of all; by round robin there is one cell for each weight.
 *
 * Turns are kept here while picks go on, and written back by {@link PickIndex.flush}.
 *
 * @module
 */

import type { Candidate } from "./scheduler.ts";

/** From how many servers on an index costs less than looking at each. */
export const INDEX_FROM = 32;

interface Entry<Server> {
  readonly server: Server;
  /** Its place in the configuration: among equal turns the first one wins. */
  readonly order: number;
  /** Its turn, less what the cell holds of it. */
  rest: number;
  cell: Cell<Server>;
  /** Where it stands in the cell's heap; -1 while it is left out. */
  place: number;
}

interface Cell<Server> {
  readonly active: number;
  /** What was added to the turns of all its servers. */
  common: number;
  /** The highest turn on top. */
  readonly heap: Entry<Server>[];
}

interface WeightClass<Server> {
  readonly weight: number;
  /** By active connections. */
  readonly cells: Map<number, Cell<Server>>;
  /** The one with the fewest active connections that has any server. */
  least: Cell<Server>;
}

/** Servers in the order of their turns. */
export class PickIndex<Server extends Candidate> {
  readonly #byLoad: boolean;
  readonly #entries = new Map<Server, Entry<Server>>();
  readonly #classes = new Map<number, WeightClass<Server>>();

  /** @param servers none twice, @param byLoad least connections instead of round robin */
  constructor(servers: readonly Server[], byLoad: boolean) {
    this.#byLoad = byLoad;
    for (const [order, server] of servers.entries()) {
      const cell = this.#cell(server, byLoad ? server.active : 0);
      const entry: Entry<Server> = { server, order, rest: 0, cell, place: -1 };
      this.#entries.set(server, entry);
      this.#insert(entry, cell, server.turn);
    }
  }

  /** Picks one that is not in `without`, and moves on; its count is for {@link moved} to tell. */
  pick(without: ReadonlySet<Server>): Server | undefined {
    const left = without.size === 0 ? [] : this.#leaveOut(without);
    const picked = this.#pick();
    for (const { entry, turn } of left) this.#insert(entry, this.#cell(entry.server, entry.cell.active), turn);
    return picked;
  }

  /** A server has another number of active connections. */
  moved(server: Server): void {
    const entry = this.#entries.get(server);
    if (entry === undefined || !this.#byLoad || entry.cell.active === server.active) return;
    const turn = this.#remove(entry);
    this.#insert(entry, this.#cell(server, server.active), turn);
  }

  /** Others may have changed any number of active connections. */
  refresh(): void {
    if (this.#byLoad) { for (const server of this.#entries.keys()) this.moved(server); }
  }

  /** Writes the turns back to the servers. @param stays which servers may still be written to */
  flush(stays: (server: Server) => boolean = () => true): void {
    for (const { server, rest, cell } of this.#entries.values()) {
      if (stays(server)) server.turn = rest + cell.common;
    }
  }

  #pick(): Server | undefined {
    const cells = this.#bestCells();
    const [only] = cells;
    if (only === undefined) return undefined;
    // One that is the least loaded by itself changes nobody's turn.
    if (this.#byLoad && cells.length === 1 && only.cell.heap.length === 1) return only.cell.heap[0]?.server;
    let sum = 0;
    let best: Entry<Server> | undefined;
    let bestTurn = -Infinity;
    for (const { weight, cell } of cells) {
      cell.common += weight;
      sum += weight * cell.heap.length;
      const [top] = cell.heap;
      if (top === undefined) continue;
      const turn = top.rest + cell.common;
      if (best === undefined || turn > bestTurn || (turn === bestTurn && top.order < best.order)) {
        best = top;
        bestTurn = turn;
      }
    }
    if (best === undefined) return undefined;
    best.rest -= sum;
    sink(best.cell.heap, best, best.place);
    return best.server;
  }

  /** The cells whose servers may be picked: one of each weight, and by load those of the lowest ratio only. */
  #bestCells(): { readonly weight: number; readonly cell: Cell<Server> }[] {
    const best: { weight: number; cell: Cell<Server> }[] = [];
    for (const { weight, least } of this.#classes.values()) {
      if (least.heap.length === 0) continue;
      const [first] = best;
      const difference = first === undefined || !this.#byLoad
        ? 0
        : least.active * first.weight - first.cell.active * weight;
      if (difference < 0) best.length = 0;
      if (difference <= 0) best.push({ weight, cell: least });
    }
    return best;
  }

  #leaveOut(without: ReadonlySet<Server>): { entry: Entry<Server>; turn: number }[] {
    const left: { entry: Entry<Server>; turn: number }[] = [];
    for (const server of without) {
      const entry = this.#entries.get(server);
      if (entry !== undefined) left.push({ entry, turn: this.#remove(entry) });
    }
    return left;
  }

  #cell({ weight }: Server, active: number): Cell<Server> {
    const group = this.#classes.get(weight);
    const cell: Cell<Server> = group?.cells.get(active) ?? { active, common: 0, heap: [] };
    if (group === undefined) this.#classes.set(weight, { weight, cells: new Map([[active, cell]]), least: cell });
    else {
      // The last one that was left of its weight stays where it was when it is taken out.
      if (group.least.heap.length === 0) group.cells.delete(group.least.active);
      if (active < group.least.active || group.least.heap.length === 0) group.least = cell;
      group.cells.set(active, cell);
    }
    return cell;
  }

  #insert(entry: Entry<Server>, cell: Cell<Server>, turn: number): void {
    entry.cell = cell;
    entry.rest = turn - cell.common;
    rise(cell.heap, entry, cell.heap.length);
  }

  /** @returns its turn */
  #remove(entry: Entry<Server>): number {
    const { cell, place } = entry;
    const last = cell.heap.pop();
    if (last !== undefined && last !== entry) {
      rise(cell.heap, last, place);
      sink(cell.heap, last, last.place);
    }
    entry.place = -1;
    const group = this.#classes.get(entry.server.weight);
    if (cell.heap.length === 0 && group !== undefined && group.cells.size > 1) {
      group.cells.delete(cell.active);
      if (group.least === cell) group.least = leastOf(group.cells, cell);
    }
    return entry.rest + cell.common;
  }
}

/** The cell with the fewest connections. Nearly always the next one, because connections come and go one by one. */
function leastOf<Server>(cells: ReadonlyMap<number, Cell<Server>>, before: Cell<Server>): Cell<Server> {
  const next = cells.get(before.active + 1);
  if (next !== undefined) return next;
  let least: Cell<Server> | undefined;
  for (const cell of cells.values()) if (least === undefined || cell.active < least.active) least = cell;
  return least ?? before;
}

function isBefore<Server>(a: Entry<Server>, b: Entry<Server>): boolean {
  return a.rest > b.rest || (a.rest === b.rest && a.order < b.order);
}

/** Moves an entry up from `place`, which is free. */
function rise<Server>(heap: Entry<Server>[], entry: Entry<Server>, place: number): void {
  let at = place;
  while (at > 0) {
    const above = (at - 1) >> 1;
    const other = heap[above];
    if (other === undefined || !isBefore(entry, other)) break;
    heap[at] = other;
    other.place = at;
    at = above;
  }
  heap[at] = entry;
  entry.place = at;
}

/** Moves an entry down from `place`, which is free or its own. */
function sink<Server>(heap: Entry<Server>[], entry: Entry<Server>, place: number): void {
  let at = place;
  for (;;) {
    let below = 2 * at + 1;
    let other = heap[below];
    if (other === undefined) break;
    const right = heap[below + 1];
    if (right !== undefined && isBefore(right, other)) {
      below++;
      other = right;
    }
    if (!isBefore(other, entry)) break;
    heap[at] = other;
    other.place = at;
    at = below;
  }
  heap[at] = entry;
  entry.place = at;
}
