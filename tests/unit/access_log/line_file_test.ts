/** Lines on their way to a file: through full disks, other files and slow ones. @module */

import assert from "node:assert/strict";
import { type AppendFile, LineFile, QUEUE_BYTES, RETRY_MS } from "../../../src/access_log/line_file.ts";
import { settled } from "../fake_clock.ts";

/** A file in memory. */
class MemoryFile implements AppendFile {
  text = "";
  closed = 0;
  /** How many bytes a write takes; asked for every write. */
  takes: () => number = () => Infinity;
  gate: Promise<void> = Promise.resolve();

  async write(bytes: Uint8Array): Promise<number> {
    assert.equal(this.closed, 0, "not written after it was closed");
    await this.gate;
    const count = Math.min(bytes.length, this.takes());
    if (count === 0) throw new Error("No space left on device (os error 28)");
    this.text += new TextDecoder().decode(bytes.subarray(0, count));
    return count;
  }

  close(): void {
    this.closed++;
  }
}

/** A line file over files in memory; its timers are the test's. */
class Bench {
  /** Every file that was opened, in this order. */
  readonly files: MemoryFile[] = [];
  readonly events: string[] = [];
  readonly timers = new Map<() => void, number>();
  openError: Error | undefined;
  file!: LineFile;

  static async start(): Promise<Bench> {
    const bench = new Bench();
    bench.file = await LineFile.open({
      open: () => {
        if (bench.openError !== undefined) return Promise.reject(bench.openError);
        const file = new MemoryFile();
        bench.files.push(file);
        return Promise.resolve(file);
      },
      after: (milliseconds, call) => {
        bench.timers.set(call, milliseconds);
        return () => void bench.timers.delete(call);
      },
      onFailure: (error) => bench.events.push(`failure: ${error instanceof Error ? error.message : error}`),
      onRecovery: () => bench.events.push("recovery"),
      onLost: (lines) => bench.events.push(`lost ${lines}`),
    });
    return bench;
  }

  at(index: number): MemoryFile {
    const file = this.files[index];
    assert.ok(file !== undefined);
    return file;
  }

  write(...lines: string[]): boolean {
    return this.file.write(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
  }

  async fire(milliseconds: number): Promise<void> {
    const due = [...this.timers].filter(([, time]) => time === milliseconds);
    assert.equal(due.length, 1, `one timer of ${milliseconds} ms`);
    for (const [call] of due) {
      this.timers.delete(call);
      call();
    }
    await settled();
  }
}

Deno.test("LineFile writes every line once, in order, also when writes are partial", async () => {
  const bench = await Bench.start();
  bench.at(0).takes = () => 3;
  bench.write("one", "two");
  bench.write("three");
  await bench.file.close();
  assert.equal(bench.at(0).text, "one\ntwo\nthree\n");
  assert.deepEqual([bench.at(0).closed, bench.events, bench.timers.size], [1, [], 0]);
});

Deno.test("LineFile keeps lines while the disk is full, says so once, and goes on where it stopped", async () => {
  const bench = await Bench.start();
  let room = 6;
  bench.at(0).takes = () => {
    const count = room;
    room = 0;
    return count;
  };
  bench.write("one", "two", "three");
  await settled();
  bench.write("four");
  await bench.fire(RETRY_MS);
  assert.equal(bench.at(0).text, "one\ntw");
  assert.deepEqual(bench.events, ["failure: No space left on device (os error 28)"]);
  bench.at(0).takes = () => Infinity;
  await bench.fire(RETRY_MS);
  assert.equal(bench.at(0).text, "one\ntwo\nthree\nfour\n");
  assert.deepEqual(bench.events.slice(1), ["recovery"]);
  bench.write("five");
  await bench.file.close();
  assert.equal(bench.at(0).text, "one\ntwo\nthree\nfour\nfive\n");
  assert.equal(bench.events.length, 2);
});

Deno.test("LineFile.write() takes no more than its queue holds while nothing can be written", async () => {
  const bench = await Bench.start();
  const open = Promise.withResolvers<void>();
  bench.at(0).gate = open.promise;
  const line = "x".repeat(999);
  let taken = 0;
  while (bench.write(line)) taken++;
  assert.equal(taken, Math.floor(QUEUE_BYTES / 1000));
  open.resolve();
  await bench.file.close();
  assert.equal(bench.at(0).text.length, taken * 1000);
});

Deno.test("LineFile.reopen() goes on in the file that has the name now, and closes the old one when it is done with it", async () => {
  const bench = await Bench.start();
  const open = Promise.withResolvers<void>();
  bench.at(0).gate = open.promise;
  bench.at(0).takes = () => 4;
  bench.write("one", "two");
  await settled();
  await bench.file.reopen();
  assert.equal(bench.at(0).closed, 0, "it is being written");
  bench.write("three");
  open.resolve();
  await settled();
  assert.deepEqual([bench.at(0).text, bench.at(0).closed], ["one\ntwo\n", 1]);
  await bench.file.reopen();
  assert.deepEqual([bench.at(1).text, bench.at(1).closed], ["three\n", 1]);
  bench.write("four");
  await bench.file.close();
  assert.deepEqual([bench.at(2).text, bench.at(2).closed], ["four\n", 1]);
  assert.deepEqual(bench.events, []);
});

Deno.test("LineFile.reopen() after a full disk begins with a whole line and counts the torn one as lost", async () => {
  const bench = await Bench.start();
  let room = 6;
  bench.at(0).takes = () => {
    const count = room;
    room = 0;
    return count;
  };
  bench.write("one", "two", "three");
  await settled();
  await bench.file.reopen();
  await settled();
  assert.deepEqual([bench.at(0).text, bench.at(0).closed], ["one\ntw", 1]);
  assert.equal(bench.at(1).text, "three\n");
  assert.deepEqual(bench.events, ["failure: No space left on device (os error 28)", "lost 1", "recovery"]);
  await bench.file.close();
  assert.equal(bench.timers.size, 0);
});

Deno.test("LineFile.reopen() while a write fails leaves the torn line behind", async () => {
  const bench = await Bench.start();
  const open = Promise.withResolvers<void>();
  bench.at(0).takes = () => {
    if (bench.at(0).text !== "") return 0;
    bench.at(0).gate = open.promise; // for the next write
    return 2;
  };
  bench.write("one", "two");
  await settled();
  await bench.file.reopen();
  open.resolve();
  await settled();
  await bench.fire(RETRY_MS);
  assert.deepEqual([bench.at(0).text, bench.at(0).closed, bench.at(1).text], ["on", 1, "two\n"]);
  assert.deepEqual(bench.events, ["lost 1", "failure: No space left on device (os error 28)", "recovery"]);
  await bench.file.close();
});

Deno.test("LineFile.reopen() that fails leaves the old file in use", async () => {
  const bench = await Bench.start();
  bench.openError = new Deno.errors.PermissionDenied("no");
  await assert.rejects(bench.file.reopen(), Deno.errors.PermissionDenied);
  bench.write("one");
  await bench.file.close();
  assert.deepEqual([bench.at(0).text, bench.at(0).closed], ["one\n", 1]);
});

Deno.test("LineFile.close() gives up on a disk that is full, and says how many lines are lost", async () => {
  const bench = await Bench.start();
  bench.at(0).takes = () => 0;
  bench.write("one", "two");
  bench.write("three");
  await bench.file.close();
  assert.deepEqual(bench.events, ["failure: No space left on device (os error 28)", "lost 3"]);
  assert.deepEqual([bench.at(0).closed, bench.timers.size], [1, 0]);
});

Deno.test("LineFile.close() gives up on a disk that does not answer", async () => {
  const bench = await Bench.start();
  const open = Promise.withResolvers<void>();
  bench.at(0).gate = open.promise;
  bench.write("one");
  await settled();
  const closed = bench.file.close(5000);
  await bench.fire(5000);
  await closed;
  assert.deepEqual(bench.events, ["lost 1"]);
  open.resolve();
  await settled();
});

Deno.test("LineFile.reopen() that comes too late closes what it has opened", async () => {
  const bench = await Bench.start();
  await bench.file.close();
  await bench.file.reopen();
  assert.deepEqual(bench.files.map(({ closed }) => closed), [1, 1]);
});
