/** The journal of changes on a board: nothing is missed, or it is said that something may have been. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ClaimJournal } from "../../../src/board/claim_journal.ts";
import { CLAIMS_KEPT, LISTENER } from "../../../src/board/layout.ts";

function board(claims = 0): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(LISTENER.words * 4);
  new Int32Array(memory)[LISTENER.claims] = claims;
  return memory;
}

/** What a reader is told; `undefined` when there is no telling. */
function read(journal: ClaimJournal): number[] | undefined {
  const slots: number[] = [];
  return journal.read((slot) => slots.push(slot)) ? slots : undefined;
}

Deno.test("journal.read() tells each change once, in order, to each reader", () => {
  const memory = board();
  const [writer, other, one, two] = Array.from({ length: 4 }, () => new ClaimJournal(memory));
  assert.ok(writer !== undefined && other !== undefined && one !== undefined && two !== undefined);
  assert.deepEqual(read(one), []);
  writer.note(3);
  other.note(0);
  writer.note(3);
  assert.deepEqual(read(one), [3, 0, 3]);
  assert.deepEqual(read(one), []);
  other.note(5);
  assert.deepEqual(read(two), [3, 0, 3, 5]);
  assert.deepEqual(read(one), [5]);
});

Deno.test("journal.read() begins with what comes after it was made", () => {
  const memory = board();
  new ClaimJournal(memory).note(1);
  assert.deepEqual(read(new ClaimJournal(memory)), []);
});

for (const start of [0, 1, 2 ** 31 - 20, -20, -CLAIMS_KEPT - 3, 65_535 * CLAIMS_KEPT - 7]) {
  Deno.test(`journal.read() never leaves out a change unsaid, from claim ${start} on`, () => {
    fc.assert(fc.property(fc.array(fc.nat(2 * CLAIMS_KEPT), { maxLength: 30 }), (batches) => {
      const memory = board(start);
      const [writer, reader] = [new ClaimJournal(memory), new ClaimJournal(memory)];
      for (const [turn, batch] of batches.entries()) {
        const slots = Array.from({ length: batch }, (_, index) => (turn * 7 + index) % 5000);
        for (const slot of slots) writer.note(slot);
        assert.deepEqual(read(reader), batch <= CLAIMS_KEPT ? slots : undefined);
      }
    }));
  });
}

Deno.test("journal.read() says when anything may have changed, when a change is not written yet, and when a slot is too high", () => {
  const memory = board();
  const [writer, reader] = [new ClaimJournal(memory), new ClaimJournal(memory)];
  writer.note(1);
  writer.noteAny();
  assert.equal(read(reader), undefined);
  assert.deepEqual(read(reader), [], "once");
  // Another thread has taken a number, and has not written what it stands for.
  Atomics.add(new Int32Array(memory), LISTENER.claims, 1);
  assert.equal(read(reader), undefined);
  writer.note(70_000);
  assert.equal(read(reader), undefined);
  writer.note(0xfffe);
  assert.deepEqual(read(reader), [0xfffe]);
});
