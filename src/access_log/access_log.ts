/**
 * The access log in the main thread: takes the lines that workers send and has them written to standard error or a
 * file. It can be switched, and moved to another file, while it runs.
 *
 * @module
 */

import { readReason } from "../config/read_file.ts";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { type AppendFile, LineFile } from "./line_file.ts";
import type { AccessBatch } from "./record.ts";

/** Where lines go. */
export interface AccessLogTarget {
  /** The file's absolute path; `null` for standard error. */
  readonly file: string | null;
}

/** What the access log needs. */
export interface AccessLogContext {
  readonly log: Log;
  /** Opens a file for appending, and makes it where there is none. */
  open(path: string): Promise<AppendFile>;
  /** Queues a line for standard error. @param onLost called when it is dropped, now or later */
  stderr(line: string, onLost: () => void): void;
  /** Calls once, later; what it returns takes that back. */
  after(milliseconds: number, call: () => void): () => void;
  /** Milliseconds since any moment. */
  now(): number;
}

/** A new target that can be taken up. Exactly one of the two is called. */
export interface PreparedAccessLog {
  /** Takes it up; harmless when it is. */
  commit(): Promise<void>;
  /** Leaves everything as it is. */
  abort(): Promise<void>;
}

/** The least time between two warnings about dropped lines. */
const WARN_EVERY_MS = 60_000;

/** Lines for finished connections. */
export class AccessLog {
  readonly #context: AccessLogContext;
  readonly #decoder = new TextDecoder();
  #target: AccessLogTarget | null = null;
  /** `null` for standard error. */
  #file: LineFile | null = null;
  #dropped = 0;
  #droppedAtWarning = 0;
  #warnedAt = -Infinity;

  /** Off. @param context what it needs */
  constructor(context: AccessLogContext) {
    this.#context = context;
  }

  /** Lines that were dropped since the start, instead of being written. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Gets ready for another target, `null` for off. A file that is in use stays open.
   *
   * @throws what `context.open` throws
   */
  async prepare(target: AccessLogTarget | null): Promise<PreparedAccessLog> {
    const path = target?.file ?? null;
    const isSame = path === (this.#target?.file ?? null);
    const file = isSame ? this.#file : path === null ? null : await this.#openFile(path);
    return {
      abort: async () => {
        if (file !== this.#file) await file?.close();
      },
      commit: async () => {
        const old = this.#file;
        this.#file = file;
        this.#target = target;
        if (old !== file) await old?.close();
      },
    };
  }

  /** Takes what a worker has sent. Never waits. */
  take({ bytes, lines, dropped }: AccessBatch): void {
    if (this.#target === null) return;
    this.#lose(dropped);
    if (this.#file !== null) {
      if (!this.#file.write(bytes)) this.#lose(lines);
    } else if (lines > 0) {
      for (const line of this.#decoder.decode(bytes).trimEnd().split("\n")) {
        this.#context.stderr(line, () => this.#lose(1));
      }
    }
  }

  /** Opens the file by its name again, after it was renamed. Goes on with the old one when that fails. */
  async reopen(): Promise<void> {
    try {
      await this.#file?.reopen();
    } catch (error) {
      this.#context.log(
        "error",
        `Cannot open ${this.#name()} again, so the old file is written on: ${appendReason(error)}`,
      );
    }
  }

  /** Writes what waits, for two seconds at most, and closes the file. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    this.#target = null;
    await file?.close();
  }

  #openFile(path: string): Promise<LineFile> {
    const { log, open, after } = this.#context;
    const name = `the access log "${path}"`;
    let droppedBefore = 0;
    return LineFile.open({
      open: () => open(path),
      after,
      onFailure: (error) => {
        droppedBefore = this.#dropped;
        log(
          "error",
          `Cannot write ${name}: ${messageOf(error)}; its lines wait, and are dropped when there are too many`,
        );
      },
      onRecovery: () => {
        log("info", `Writing ${name} works again; ${this.#dropped - droppedBefore} lines were dropped meanwhile`);
      },
      onLost: (lines) => this.#lose(lines),
    });
  }

  #name(): string {
    return `the access log "${this.#target?.file ?? ""}"`;
  }

  #lose(lines: number): void {
    if (lines === 0) return;
    this.#dropped += lines;
    const now = this.#context.now();
    if (now - this.#warnedAt < WARN_EVERY_MS) return;
    const news = this.#dropped - this.#droppedAtWarning;
    this.#warnedAt = now;
    this.#droppedAtWarning = this.#dropped;
    this.#context.log("warn", `The access log is not written fast enough; ${news} lines were dropped`);
  }
}

/** Why a file cannot be opened for appending, in a few words. */
export function appendReason(error: unknown): string {
  return error instanceof Deno.errors.NotFound ? "no such folder" : readReason(error);
}
