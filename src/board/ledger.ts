/**
 * What one worker has added to the open connections on a board, and taking it off again when the worker has died.
 *
 * @module
 */

import { ClaimJournal } from "./claim_journal.ts";
import { type BoardMemory, type LedgerMemory, LISTENER, SERVER, SLOTS_PER_BLOCK } from "./layout.ts";
import { settle, type SharedWord } from "./open_count.ts";

/** A ledger with room for the slots of a board, which goes on with what `before` holds. */
export function growLedger(board: BoardMemory, before?: LedgerMemory): LedgerMemory {
  const blocks = [...before?.blocks ?? []];
  while (blocks.length < board.blocks.length) blocks.push(new SharedArrayBuffer(SLOTS_PER_BLOCK * 4));
  return { listener: before?.listener ?? new SharedArrayBuffer(4), blocks };
}

/** The word in which a worker counts the connections that it has added to a server. */
export function ledgerWord({ blocks }: LedgerMemory, slot: number): SharedWord {
  const block = blocks[Math.floor(slot / SLOTS_PER_BLOCK)];
  if (block === undefined) throw new Error(`Cannot find slot ${slot} in the ledger`);
  return { words: new Int32Array(block), index: slot % SLOTS_PER_BLOCK };
}

/** The open connections of the listener that a worker has added, 0 or more. */
export function openIn({ listener }: LedgerMemory): number {
  return Math.max(0, Atomics.load(new Int32Array(listener), 0));
}

/** Takes everything off a board that a dead worker has added to it, and lets it add nothing more. */
export function settleLedger(board: BoardMemory, ledger: LedgerMemory): void {
  settle(
    { words: new Int32Array(board.listener), index: LISTENER.active },
    { words: new Int32Array(ledger.listener), index: 0 },
  );
  for (let slot = 0; slot < ledger.blocks.length * SLOTS_PER_BLOCK; slot++) {
    const block = board.blocks[Math.floor(slot / SLOTS_PER_BLOCK)];
    if (block === undefined) break;
    const index = (slot % SLOTS_PER_BLOCK) * SERVER.words + SERVER.active;
    settle({ words: new Int32Array(block), index }, ledgerWord(ledger, slot));
  }
  new ClaimJournal(board.listener).noteAny();
}
