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

/** Bytes that may wait. */
export const QUEUE_BYTES = 8 * 1024 * 1024;

/** Pause after a write that failed. */
export const RETRY_MS = 1000;

const LINE_FEED = 10;

/** Whole lines on their way to the file. */
interface Part {
  readonly bytes: Uint8Array;
  /** Bytes of it that are in the file. */
  written: number;
}

/** Lines on their way to a file. */
export class LineFile {
  readonly #context: LineFileContext;
  #file: AppendFile;
  #queue: Part[] = [];
  #waiting = 0;
  #writing: AppendFile | undefined;
  #draining: Promise<void> | undefined;
  #isFailing = false;
  #isClosed = false;
  #forgoRetry: (() => void) | undefined;

  private constructor(context: LineFileContext, file: AppendFile) {
    this.#context = context;
    this.#file = file;
  }

  /** Opens the file. @throws what `context.open` throws */
  static async open(context: LineFileContext): Promise<LineFile> {
    return new LineFile(context, await context.open());
  }

  /** Takes lines to write, each with its line feed, in UTF-8. @returns whether there was room for them */
  write(bytes: Uint8Array): boolean {
    if (this.#waiting + bytes.length > QUEUE_BYTES) return false;
    this.#queue.push({ bytes, written: 0 });
    this.#waiting += bytes.length;
    if (!this.#isFailing) this.#draining ??= this.#drain();
    return true;
  }

  /** Opens the file by its name again: it may be another one by now. @throws what `context.open` throws */
  async reopen(): Promise<void> {
    const fresh = await this.#context.open();
    if (this.#isClosed) return fresh.close();
    const old = this.#file;
    this.#file = fresh;
    if (this.#writing !== old) old.close();
    const [first] = this.#queue;
    if (first === undefined || !this.#isFailing || this.#writing !== undefined) return;
    this.#leaveTornLine(first);
    this.#retry();
  }

  /** Writes what waits and closes the file; gives up after a time, or when writing fails. */
  async close(milliseconds = 2000): Promise<void> {
    this.#isClosed = true;
    if (this.#isFailing) this.#retry();
    let forgo = () => {};
    const late = new Promise<void>((resolve) => forgo = this.#context.after(milliseconds, resolve));
    await Promise.race([this.#draining, late]);
    forgo();
    this.#forgoRetry?.();
    const left = this.#queue.reduce((sum, part) => sum + linesIn(unwritten(part)), 0);
    this.#queue = [];
    if (left > 0) this.#context.onLost(left);
    // A write that hangs keeps it: closing it would wait as well.
    if (this.#writing === undefined) this.#file.close();
  }

  async #drain(): Promise<void> {
    await undefined; // so that this ends after `#draining` is set, even when writing throws at once
    try {
      for (let part = this.#queue[0]; part !== undefined; part = this.#queue[0]) {
        await this.#append(part);
        this.#queue.shift();
        this.#waiting -= part.bytes.length;
      }
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

  /** All of it goes to one file, also when another is opened meanwhile. */
  async #append(part: Part): Promise<void> {
    const file = this.#file;
    this.#writing = file;
    try {
      while (part.written < part.bytes.length) part.written += await file.write(unwritten(part));
    } catch (error) {
      if (file !== this.#file) this.#leaveTornLine(part);
      throw error;
    } finally {
      this.#writing = undefined;
      if (file !== this.#file) file.close();
    }
  }

  /** The beginning of a line is in a file that is left behind: the next one begins with a whole line. */
  #leaveTornLine(part: Part): void {
    if (part.written === 0 || part.bytes[part.written - 1] === LINE_FEED) return;
    part.written = part.bytes.indexOf(LINE_FEED, part.written) + 1;
    this.#context.onLost(1);
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
