/** The access log in the main thread: switched, moved, full, and what it says about it. @module */

import assert from "node:assert/strict";
import { AccessLog, appendReason } from "../../../src/access_log/access_log.ts";
import type { AppendFile } from "../../../src/access_log/line_file.ts";
import { QUEUE_BYTES } from "../../../src/access_log/line_file.ts";
import { settled } from "../fake_clock.ts";

class Bench {
  /** What files hold, by path; a file that is renamed is another one. */
  readonly texts = new Map<string, string>();
  /** Paths of files that are open. */
  readonly open: string[] = [];
  readonly stderr: string[] = [];
  readonly logged: string[] = [];
  now = 0;
  /** Called for lines that standard error has no room for. */
  stderrIsFull = false;
  openError: Error | undefined;
  writeError: Error | undefined;
  gate: Promise<void> = Promise.resolve();
  readonly log = new AccessLog({
    log: (level, message) => this.logged.push(`${level}: ${message}`),
    open: (path) => this.openError === undefined ? Promise.resolve(this.#file(path)) : Promise.reject(this.openError),
    stderr: (line, onLost) => {
      if (this.stderrIsFull) onLost();
      else this.stderr.push(line);
    },
    after: () => () => {},
    now: () => this.now,
  });

  #file(path: string): AppendFile {
    this.open.push(path);
    return {
      write: async (bytes) => {
        await this.gate;
        if (this.writeError !== undefined) throw this.writeError;
        this.texts.set(path, (this.texts.get(path) ?? "") + new TextDecoder().decode(bytes));
        return bytes.length;
      },
      close: () => void this.open.splice(this.open.indexOf(path), 1),
    };
  }

  async set(target: { readonly file: string | null } | null): Promise<void> {
    await (await this.log.prepare(target)).commit();
  }

  async take(...lines: string[]): Promise<void> {
    const text = lines.map((line) => `${line}\n`).join("");
    this.log.take({ bytes: new TextEncoder().encode(text), lines: lines.length, dropped: 0 });
    await settled();
  }
}

Deno.test("AccessLog writes where it is told to, and nothing while it is off", async () => {
  const bench = new Bench();
  await bench.take("off");
  await bench.set({ file: "/a" });
  await bench.take("one", "two");
  await bench.set({ file: "/b" });
  await bench.take("three");
  await bench.set({ file: null });
  await bench.take("four", "five");
  await bench.set(null);
  await bench.take("off again");
  assert.deepEqual([...bench.texts], [["/a", "one\ntwo\n"], ["/b", "three\n"]]);
  assert.deepEqual(bench.stderr, ["four", "five"]);
  assert.deepEqual([bench.open, bench.logged, bench.log.dropped], [[], [], 0]);
});

Deno.test("AccessLog.prepare() changes nothing until it is committed, and leaves nothing when it is not", async () => {
  const bench = new Bench();
  await bench.set({ file: "/a" });
  const prepared = await bench.log.prepare({ file: "/b" });
  await bench.take("one");
  await prepared.abort();
  assert.deepEqual([[...bench.texts], bench.open], [[["/a", "one\n"]], ["/a"]]);
  bench.openError = new Deno.errors.NotFound("no");
  await assert.rejects(bench.log.prepare({ file: "/c" }), Deno.errors.NotFound);
  // The file that is in use is not opened a second time.
  await (await bench.log.prepare({ file: "/a" })).abort();
  await bench.set({ file: "/a" });
  await bench.take("two");
  assert.deepEqual([bench.texts.get("/a"), bench.open], ["one\ntwo\n", ["/a"]]);
  await bench.log.close();
  assert.deepEqual(bench.open, []);
});

Deno.test("PreparedAccessLog.commit() is harmless the second time", async () => {
  const bench = new Bench();
  const prepared = await bench.log.prepare({ file: "/a" });
  await prepared.commit();
  await prepared.commit();
  await bench.take("one");
  assert.deepEqual([bench.texts.get("/a"), bench.open], ["one\n", ["/a"]]);
});

Deno.test("AccessLog.reopen() opens the file again, and goes on with the old one when it cannot", async () => {
  const bench = new Bench();
  await bench.log.reopen(); // off: nothing to do
  await bench.set({ file: "/a" });
  await bench.log.reopen();
  assert.deepEqual(bench.open, ["/a"]);
  bench.openError = new Deno.errors.NotFound("no");
  await bench.log.reopen();
  await bench.take("one");
  assert.equal(bench.texts.get("/a"), "one\n");
  assert.deepEqual(bench.logged, [
    'error: Cannot open the access log "/a" again, so the old file is written on: no such folder',
  ]);
});

Deno.test("AccessLog counts what workers, standard error and a full queue have dropped, and warns once a minute", async () => {
  const bench = new Bench();
  await bench.set({ file: null });
  bench.log.take({ bytes: new Uint8Array(), lines: 0, dropped: 7 });
  bench.stderrIsFull = true;
  await bench.take("one", "two");
  assert.deepEqual([bench.log.dropped, bench.stderr], [9, []]);
  await bench.set({ file: "/a" });
  bench.gate = new Promise(() => {});
  bench.log.take({ bytes: new Uint8Array(QUEUE_BYTES), lines: 10, dropped: 0 });
  bench.log.take({ bytes: new Uint8Array(1), lines: 1, dropped: 0 });
  assert.equal(bench.log.dropped, 10);
  bench.now = 60_000;
  bench.log.take({ bytes: new Uint8Array(1), lines: 1, dropped: 0 });
  assert.deepEqual([bench.log.dropped, bench.logged], [11, [
    "warn: The access log is not written fast enough; 7 lines were dropped",
    "warn: The access log is not written fast enough; 4 lines were dropped",
  ]]);
});

Deno.test("AccessLog says once that its file cannot be written", async () => {
  const bench = new Bench();
  await bench.set({ file: "/a" });
  bench.writeError = new Error("No space left on device (os error 28)");
  await bench.take("one");
  await bench.take("two");
  assert.deepEqual(bench.logged, [
    'error: Cannot write the access log "/a": No space left on device (os error 28); its lines wait, and are dropped when there are too many',
  ]);
  bench.writeError = undefined;
  await bench.log.close();
  assert.equal(bench.texts.get("/a"), "one\ntwo\n");
  assert.equal(bench.logged[1], 'info: Writing the access log "/a" works again; 0 lines were dropped meanwhile');
});

Deno.test("appendReason() is a few words", () => {
  const cases: readonly (readonly [Error, string])[] = [
    [new Deno.errors.NotFound("x"), "no such folder"],
    [new Deno.errors.IsADirectory("x"), "it is a directory"],
    [new Deno.errors.PermissionDenied("x"), "permission denied"],
    [new Deno.errors.NotCapable("x"), "permission denied"],
    [new Error("something else"), "something else"],
  ];
  for (const [error, expected] of cases) assert.equal(appendReason(error), expected);
});
