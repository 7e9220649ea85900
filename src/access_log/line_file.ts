/**
 * A file that lines are appended to, from a bounded queue: whoever has a line never waits. While the file cannot be
 * written (a full disk) the lines wait, and the file is tried again every second.
 *
 * @module
 */

/** A file that is open for appending. */
export interface AppendFile {
  /** Writes some of the bytes and says how many. */
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** What a line file needs, and tells. */
export interface LineFileContext {
  /** Opens the file for appending, and makes it where there is none. */
  open(): Promise<AppendFile>;
  /** Calls once, later; what it returns takes that back. */
  after(milliseconds: number, call: () => void): () => void;
  /** Writing has begun to fail; told once, until it works again. */
  onFailure(error: unknown): void;
  /** Writing works again. */
  onRecovery(): void;
  /** Lines were lost that had been taken. */
  onLost(lines: number): void;
}

/** Characters that may wait, 16 MB at the most. */
export const QUEUE_CHARACTERS = 8 * 1024 * 1024;

/** Texts that are written at once. */
const TEXTS_AT_ONCE = 16;

/** Pause after a write that failed. */
export const RETRY_MS = 1000;

const LINE_FEED = 10;

/** Lines that wait. */
interface Waiting {
  readonly text: string;
  readonly lines: number;
}

/** Bytes under way to the file. */
interface Part {
  /** Whole lines. */
  readonly bytes: Uint8Array;
  written: number;
}

/** Lines on their way to a file. */
export class LineFile {
  readonly #context: LineFileContext;
  readonly #encoder = new TextEncoder();
  #file: AppendFile;
  #queue: Waiting[] = [];
  #characters = 0;
  /** What a failed write has left. */
  #rest: Part | undefined;
  #writing: AppendFile | undefined;
  #draining: Promise<void> | undefined;
  #isFailing = false;
  #forgoRetry: (() => void) | undefined;

  private constructor(context: LineFileContext, file: AppendFile) {
    this.#context = context;
    this.#file = file;
  }

  /** Opens the file. @throws what `context.open` throws */
  static async open(context: LineFileContext): Promise<LineFile> {
    return new LineFile(context, await context.open());
  }

  /** Takes lines to write, each with its line feed. @returns whether there was room for them */
  write(text: string, lines: number): boolean {
    if (this.#characters + text.length > QUEUE_CHARACTERS) return false;
    this.#queue.push({ text, lines });
    this.#characters += text.length;
    if (!this.#isFailing) this.#draining ??= this.#drain();
    return true;
  }

  /** Opens the file by its name again: it may be another one by now. @throws what `context.open` throws */
  async reopen(): Promise<void> {
    const fresh = await this.#context.open();
    const old = this.#file;
    this.#file = fresh;
    if (this.#writing !== old) old.close();
    if (this.#rest !== undefined) this.#leaveTornLine(this.#rest);
    if (this.#isFailing) this.#retry();
  }

  /** Writes what waits and closes the file; gives up after a time, or when writing fails. */
  async close(milliseconds = 2000): Promise<void> {
    if (this.#isFailing) this.#retry();
    let forgo = () => {};
    const late = new Promise<void>((resolve) => forgo = this.#context.after(milliseconds, resolve));
    await Promise.race([this.#draining, late]);
    forgo();
    this.#forgoRetry?.();
    const waiting = this.#queue.reduce((sum, { lines }) => sum + lines, 0);
    const left = waiting + (this.#rest === undefined ? 0 : linesIn(unwritten(this.#rest)));
    this.#rest = undefined;
    this.#queue = [];
    if (left > 0) this.#context.onLost(left);
    // A write that hangs keeps it: closing it would wait as well.
    if (this.#writing === undefined) this.#file.close();
  }

  async #drain(): Promise<void> {
    await undefined; // so that this ends after `#draining` is set, even when writing throws at once
    try {
      for (let part = this.#next(); part !== undefined; part = this.#next()) await this.#append(part);
      if (this.#isFailing) this.#context.onRecovery();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#context.onFailure(error);
      this.#isFailing = true;
      this.#forgoRetry = this.#context.after(RETRY_MS, () => this.#retry());
    } finally {
      this.#draining = undefined;
    }
  }

  #next(): Part | undefined {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined || this.#queue.length === 0) return rest;
    const text = this.#queue.splice(0, TEXTS_AT_ONCE).map((waiting) => waiting.text).join("");
    this.#characters -= text.length;
    return { bytes: this.#encoder.encode(text), written: 0 };
  }

  /** All of it goes to one file, also when another is opened meanwhile. */
  async #append(part: Part): Promise<void> {
    const file = this.#file;
    this.#writing = file;
    try {
      while (part.written < part.bytes.length) part.written += await file.write(unwritten(part));
    } catch (error) {
      if (file === this.#file) this.#rest = part;
      else this.#leaveTornLine(part);
      throw error;
    } finally {
      this.#writing = undefined;
      if (file !== this.#file) file.close();
    }
  }

  /** The beginning of a line is in a file that is left behind: the new one begins with a whole line. */
  #leaveTornLine({ bytes, written }: Part): void {
    const isTorn = written > 0 && bytes[written - 1] !== LINE_FEED;
    const left = bytes.slice(isTorn ? bytes.indexOf(LINE_FEED, written) + 1 : written);
    this.#rest = left.length === 0 ? undefined : { bytes: left, written: 0 };
    if (isTorn) this.#context.onLost(1);
  }

  #retry(): void {
    this.#forgoRetry?.();
    this.#forgoRetry = undefined;
    this.#draining ??= this.#drain();
  }
}

function unwritten({ bytes, written }: Part): Uint8Array {
  return bytes.subarray(written);
}

function linesIn(bytes: Uint8Array): number {
  return bytes.reduce((count, byte) => byte === LINE_FEED ? count + 1 : count, 0);
}
