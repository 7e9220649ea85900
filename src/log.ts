/**
 * The only place that configures logging. Lines go to standard error through a bounded queue, so that a reader who
 * has stopped reading never stops the load balancer; what does not fit is counted and said.
 *
 * @module
 */

import { configure, getLogger, type LogRecord } from "@logtape/logtape";
import type { EventKind } from "./event_kind.ts";

/** How bad it is. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Named values beside a message. A line with an `event` is remembered as one. */
export type LogFields =
  & Readonly<Record<string, string | number | boolean | null>>
  & { readonly event?: EventKind };

/** Where messages go. */
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void;

/** How lines look and which are written. */
export interface LogOptions {
  readonly level: LogLevel;
  /** `auto` is text on a terminal and JSON elsewhere. */
  readonly format: "auto" | "text" | "json";
}

/** Lines that may wait to be written. */
const QUEUE_LINES = 10_000;

const LEVELS = { debug: "debug", info: "info", warn: "warning", error: "error" } as const;

/** A line that waits. */
interface QueuedLine {
  readonly text: string;
  /** Whom to tell that it was not written. */
  readonly onLost: (() => void) | undefined;
}

/** Writes lines to a stream one after the other, from a bounded queue. */
export class LineWriter {
  readonly #write: (bytes: Uint8Array) => Promise<number>;
  readonly #encoder = new TextEncoder();
  readonly #queue: QueuedLine[] = [];
  #dropped = 0;
  #draining: Promise<void> | undefined;

  /** @param write writes some of the bytes and says how many */
  constructor(write: (bytes: Uint8Array) => Promise<number>) {
    this.#write = write;
  }

  /** Puts a line into the queue, or drops it when the queue is full. */
  line(text: string): void {
    if (this.#queue.length >= QUEUE_LINES) this.#dropped++;
    else this.#put({ text, onLost: undefined });
  }

  /** The same for a line of many, which leave half of the queue to others. @param onLost called when it is dropped */
  minorLine(text: string, onLost: () => void): void {
    if (this.#queue.length >= QUEUE_LINES / 2) onLost();
    else this.#put({ text, onLost });
  }

  /** Resolves when everything has been written, or after a second: a reader that has stopped is not waited for. */
  async flushed(milliseconds = 1000): Promise<void> {
    if (this.#draining === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, milliseconds));
    await Promise.race([this.#draining, late]);
    clearTimeout(timer);
  }

  #put(line: QueuedLine): void {
    this.#queue.push(line);
    this.#draining ??= this.#drain();
  }

  async #drain(): Promise<void> {
    let lines: QueuedLine[] = [];
    try {
      await undefined; // so that this ends after `#draining` is set, even when writing throws at once
      while (this.#queue.length > 0) {
        lines = this.#queue.splice(0, 256);
        let batch = lines.map(({ text }) => `${text}\n`).join("");
        if (this.#dropped > 0) {
          batch += `${this.#dropped} log lines were dropped because they were not read in time\n`;
          this.#dropped = 0;
        }
        let bytes = this.#encoder.encode(batch);
        while (bytes.length > 0) bytes = bytes.subarray(await this.#write(bytes));
      }
    } catch {
      // Nobody reads the log any more. There is no one left to tell.
      for (const { onLost } of [...lines, ...this.#queue.splice(0)]) onLost?.();
    } finally {
      this.#draining = undefined;
    }
  }
}

const stderr = new LineWriter((bytes) => Deno.stderr.write(bytes));

/** Sets logging up, or sets it up anew after a reload. */
export async function configureLog(options: LogOptions): Promise<void> {
  const format = isTextOnStderr(options.format) ? formatText : formatJson;
  await configure({
    reset: true,
    sinks: { stderr: (record) => stderr.line(format(record)) },
    loggers: [
      { category: "weir", lowestLevel: LEVELS[options.level], sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
}

/** Queues a line of the access log, as it is. @param onLost called when it is dropped, now or later */
export function logAccess(line: string, onLost: () => void): void {
  stderr.minorLine(line, onLost);
}

/** Whether lines on standard error are text; `auto` is text on a terminal only. */
export function isTextOnStderr(format: LogOptions["format"]): boolean {
  return format === "text" || (format === "auto" && Deno.stderr.isTerminal());
}

/** Resolves when every line has been written, or after a second. */
export function flushLog(): Promise<void> {
  return stderr.flushed();
}

/** Writes one message. */
export const log: Log = (level, message, fields = {}) => {
  const logger = getLogger("weir");
  const properties = { message, fields };
  switch (level) {
    case "debug":
      return logger.debug("{message}", properties);
    case "info":
      return logger.info("{message}", properties);
    case "warn":
      return logger.warn("{message}", properties);
    case "error":
      return logger.error("{message}", properties);
  }
};

function levelName(record: LogRecord): string {
  return record.level === "warning" ? "warn" : record.level;
}

function fieldsOf(record: LogRecord): Record<string, unknown> {
  const { fields } = record.properties;
  return fields !== null && typeof fields === "object" ? { ...fields } : {};
}

function messageOfRecord(record: LogRecord): string {
  const { message } = record.properties;
  return typeof message === "string" ? message : record.message.map(String).join("");
}

/** `2026-11-20T13:00:00.000Z info  Listener "web" … key=value` */
export function formatText(record: LogRecord): string {
  const fields = Object.entries(fieldsOf(record)).map(([key, value]) => ` ${key}=${textValue(value)}`).join("");
  return `${new Date(record.timestamp).toISOString()} ${levelName(record).padEnd(5)} ${
    messageOfRecord(record)
  }${fields}`;
}

function textValue(value: unknown): string {
  return typeof value === "string" && !/^[\w.:\-\[\]/]+$/.test(value) ? JSON.stringify(value) : String(value);
}

/** One JSON object a line. */
export function formatJson(record: LogRecord): string {
  return JSON.stringify({
    time: new Date(record.timestamp).toISOString(),
    level: levelName(record),
    message: messageOfRecord(record),
    ...fieldsOf(record),
  });
}
