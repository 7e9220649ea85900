/** Records on their way out of a worker: many at a time, never late, never too many. @module */

import assert from "node:assert/strict";
import { AccessRecorder, BATCH_MS, BATCH_RECORDS, MOST_ON_THE_WAY } from "../../../src/access_log/recorder.ts";
import type { AccessBatch } from "../../../src/access_log/record.ts";
import { accessRecordOf } from "./records.ts";

/** A recorder whose timers and main thread are the test's. */
class Bench {
  readonly sent: AccessBatch[] = [];
  readonly timers: (() => void)[] = [];
  taken = 0;
  readonly recorder = new AccessRecorder({
    send: (batch) => this.sent.push(batch),
    taken: () => this.taken,
    after: (milliseconds, call) => {
      assert.equal(milliseconds, BATCH_MS);
      this.timers.push(call);
    },
  });

  add(count: number): void {
    for (let index = 0; index < count; index++) this.recorder.add(accessRecordOf({ bytesIn: index }), "json");
  }

  /** Lets the time go by that was waited for. */
  tick(): void {
    for (const call of this.timers.splice(0)) call();
  }

  get sizes(): number[] {
    return this.sent.map(({ lines }) => lines);
  }
}

const linesOf = ({ bytes }: AccessBatch) => new TextDecoder().decode(bytes).split("\n").slice(0, -1);

Deno.test("AccessRecorder.add() sends a full batch at once, and the rest after a while", () => {
  const bench = new Bench();
  bench.add(BATCH_RECORDS + 3);
  assert.deepEqual([bench.sizes, bench.timers.length], [[BATCH_RECORDS], 1]);
  bench.tick();
  assert.deepEqual(bench.sizes, [BATCH_RECORDS, 3]);
  const all = bench.sent.flatMap(linesOf).map((line) => JSON.parse(line).bytesIn);
  assert.deepEqual(all, Array.from({ length: BATCH_RECORDS + 3 }, (_, index) => index), "each once, in order");
  bench.tick();
  assert.deepEqual([bench.sizes.length, bench.timers.length], [2, 0], "nothing to do, no timer");
});

Deno.test("AccessRecorder.flush() sends what there is, and nothing when there is nothing", () => {
  const bench = new Bench();
  bench.recorder.flush();
  bench.add(2);
  bench.recorder.flush();
  bench.recorder.flush();
  assert.deepEqual(bench.sizes, [2]);
  bench.tick();
  assert.deepEqual(bench.sizes, [2]);
});

Deno.test("AccessRecorder.add() keeps formats apart", () => {
  const bench = new Bench();
  for (const format of ["text", "text", "json"] as const) bench.recorder.add(accessRecordOf(), format);
  bench.recorder.flush();
  assert.deepEqual(bench.sizes, [2, 1]);
  assert.deepEqual(bench.sent.flatMap(linesOf).map((line) => line.startsWith("{")), [false, false, true]);
});

Deno.test("AccessRecorder drops records while too many are on their way, and tells how many once it can", () => {
  const bench = new Bench();
  bench.add(MOST_ON_THE_WAY + BATCH_RECORDS + 5);
  bench.tick();
  assert.equal(bench.sizes.reduce((sum, size) => sum + size, 0), MOST_ON_THE_WAY);
  assert.equal(bench.timers.length, 1, "tried again although nothing ends any more");
  bench.taken = MOST_ON_THE_WAY;
  bench.tick();
  const { bytes, ...last } = bench.sent.at(-1) ?? { bytes: new Uint8Array() };
  assert.deepEqual([last, bytes.length], [{ lines: 0, dropped: BATCH_RECORDS + 5 }, 0]);
  bench.add(1);
  bench.tick();
  assert.deepEqual([bench.sent.at(-1)?.lines, bench.sent.at(-1)?.dropped], [1, 0], "told once");
});
