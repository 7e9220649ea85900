/** Log lines: how they look, and writing them without ever holding anybody up. @module */

import assert from "node:assert/strict";
import type { LogRecord } from "@logtape/logtape";
import { formatJson, formatText, LineWriter } from "../../src/log.ts";
import { settled } from "./fake_clock.ts";

/** A stream that takes what the test allows. */
class Sink {
  text = "";
  writes = 0;
  takes = Infinity;
  gate: Promise<void> = Promise.resolve();
  failure: Error | undefined;

  readonly write = async (bytes: Uint8Array): Promise<number> => {
    this.writes++;
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    const count = Math.min(bytes.length, this.takes);
    this.text += new TextDecoder().decode(bytes.subarray(0, count));
    return count;
  };

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }
}

Deno.test("LineWriter writes every line once, in order", async () => {
  const sink = new Sink();
  const writer = new LineWriter(sink.write);
  const expected: string[] = [];
  for (let line = 0; line < 1000; line++) {
    writer.line(`line ${line}`);
    expected.push(`line ${line}`);
    if (line % 100 === 0) await settled();
  }
  await writer.flushed();
  assert.deepEqual(sink.lines, expected);
});

Deno.test("LineWriter goes on where a partial write stopped", async () => {
  const sink = new Sink();
  sink.takes = 3;
  const writer = new LineWriter(sink.write);
  writer.line("a first line");
  writer.line("a second line");
  await writer.flushed();
  assert.equal(sink.text, "a first line\na second line\n");
});

Deno.test("LineWriter.flushed() waits for lines that came while it was writing", async () => {
  const sink = new Sink();
  const open = Promise.withResolvers<void>();
  sink.gate = open.promise;
  const writer = new LineWriter(sink.write);
  writer.line("one");
  writer.line("two");
  const flushed = writer.flushed();
  open.resolve();
  await flushed;
  assert.deepEqual(sink.lines, ["one", "two"]);
  await new LineWriter(sink.write).flushed(); // nothing to wait for
});

Deno.test("LineWriter.flushed() gives up on a reader that has stopped, and later lines are written all the same", async () => {
  const sink = new Sink();
  const open = Promise.withResolvers<void>();
  sink.gate = open.promise;
  const writer = new LineWriter(sink.write);
  writer.line("one");
  const startedAt = performance.now();
  await writer.flushed(20);
  const took = performance.now() - startedAt;
  assert.ok(took >= 15 && took < 900, `it took ${took} ms`);
  assert.equal(sink.text, "");
  open.resolve();
  writer.line("two");
  await writer.flushed();
  assert.deepEqual(sink.lines, ["one", "two"]);
});

Deno.test("LineWriter.line() returns at once when nobody reads, keeps 10,000 lines and says how many it dropped", async () => {
  const sink = new Sink();
  const open = Promise.withResolvers<void>();
  sink.gate = open.promise;
  const writer = new LineWriter(sink.write);
  const sent = 25_000;
  for (let line = 0; line < sent; line++) writer.line(`line ${line}`);
  await settled();
  assert.equal(sink.writes, 1, "one write waits, and the rest in the queue");
  open.resolve();
  await writer.flushed();
  const said = sink.lines.filter((line) => !line.startsWith("line "));
  assert.equal(said.length, 1);
  const dropped = Number(/^(\d+) log lines were dropped because they were not read in time$/.exec(said[0] ?? "")?.[1]);
  const written = sink.lines.length - 1;
  assert.equal(written + dropped, sent, "every line is written or counted");
  assert.ok(written >= 10_000 && written < 10_500, `${written} lines were kept`);
  assert.deepEqual(sink.lines.slice(0, 2), ["line 0", "line 1"]);
  writer.line("afterwards");
  await writer.flushed();
  assert.equal(sink.lines.at(-1), "afterwards");
  assert.equal(sink.lines.filter((line) => line.includes("dropped")).length, 1, "said once");
});

Deno.test("LineWriter survives a writer that fails, and tries again with the next line", async () => {
  const sink = new Sink();
  sink.failure = new Deno.errors.BrokenPipe("nobody reads");
  const writer = new LineWriter(sink.write);
  writer.line("lost");
  await writer.flushed();
  sink.failure = undefined;
  writer.line("read again");
  await writer.flushed();
  assert.deepEqual(sink.lines, ["read again"]);
});

Deno.test("LineWriter survives a writer that throws at once", async () => {
  let broken = true;
  const sink = new Sink();
  const writer = new LineWriter((bytes) => {
    if (broken) throw new Error("closed");
    return sink.write(bytes);
  });
  writer.line("lost");
  await writer.flushed();
  broken = false;
  writer.line("read again");
  await writer.flushed();
  assert.deepEqual(sink.lines, ["read again"]);
});

Deno.test("LineWriter.minorLine() leaves half of the queue to others, and tells of every line that is lost", async () => {
  const sink = new Sink();
  const open = Promise.withResolvers<void>();
  sink.gate = open.promise;
  const writer = new LineWriter(sink.write);
  let lost = 0;
  for (let line = 0; line < 10_000; line++) writer.minorLine(`minor ${line}`, () => lost++);
  assert.equal(lost, 5000);
  for (let line = 0; line < 5000; line++) writer.line(`line ${line}`);
  open.resolve();
  await writer.flushed();
  assert.equal(sink.lines.length, 10_000, "no line was lost to the minor ones");
  sink.failure = new Deno.errors.BrokenPipe("nobody reads");
  for (let line = 0; line < 300; line++) writer.minorLine("lost", () => lost++);
  await writer.flushed();
  assert.equal(lost, 5300);
});

function record(level: LogRecord["level"], message: string, fields: Record<string, unknown> = {}): LogRecord {
  return {
    category: ["weir"],
    level,
    message: [message],
    rawMessage: "{message}",
    timestamp: Date.UTC(2026, 10, 20, 13, 0, 0, 5),
    properties: { message, fields },
  };
}

Deno.test("formatText() gives time, level, message and fields, quoting what is not one plain word", () => {
  const cases: readonly (readonly [LogRecord, string])[] = [
    [record("info", "Stopped"), "2026-11-20T13:00:00.005Z info  Stopped"],
    [record("warning", "Hm"), "2026-11-20T13:00:00.005Z warn  Hm"],
    [record("error", "No", { listener: "web" }), "2026-11-20T13:00:00.005Z error No listener=web"],
    [
      record("debug", "x", { server: "[2001:db8::1]:80", count: 3, ok: true, none: null }),
      "2026-11-20T13:00:00.005Z debug x server=[2001:db8::1]:80 count=3 ok=true none=null",
    ],
    [
      record("info", "x", { reason: 'two "words"\nand a line', empty: "" }),
      '2026-11-20T13:00:00.005Z info  x reason="two \\"words\\"\\nand a line" empty=""',
    ],
  ];
  for (const [given, expected] of cases) assert.equal(formatText(given), expected);
});

Deno.test("formatJson() gives one object a line, with the fields beside the message", () => {
  const text = formatJson(record("warning", 'a "message"\nof two lines', { listener: "web", count: 3, none: null }));
  assert.equal(text.includes("\n"), false);
  assert.deepEqual(JSON.parse(text), {
    time: "2026-11-20T13:00:00.005Z",
    level: "warn",
    message: 'a "message"\nof two lines',
    listener: "web",
    count: 3,
    none: null,
  });
});

Deno.test("formatText() and formatJson() show what others than Weir log through LogTape", () => {
  const foreign: LogRecord = { ...record("error", ""), message: ["sink ", "stderr", " failed"], properties: {} };
  assert.equal(formatText(foreign), "2026-11-20T13:00:00.005Z error sink stderr failed");
  assert.equal(JSON.parse(formatJson(foreign)).message, "sink stderr failed");
});
