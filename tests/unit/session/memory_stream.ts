/**
 * A byte stream in the hands of a test: what it gives to a reader, how much it takes from a writer, and when it fails.
 *
 * @module
 */

import type { ByteStream } from "../../../src/net/stream.ts";

/** One end of a connection that exists only in memory. */
export class MemoryStream implements ByteStream {
  /** Everything that was written to it. */
  readonly written: Uint8Array[] = [];
  /** The sizes of the buffers that were read into, one for each read. */
  readonly readSizes: number[] = [];
  /** Calls of closeWrite(). */
  writeEnds = 0;
  closed = false;
  /** How many bytes the next write takes at most; asked for every write. */
  takes: () => number = () => Infinity;
  /** Whether closing it says nothing to the other side, as with TLS. */
  closesAbruptly = false;
  /** Resolves when a write, or the end of writing, may go on. */
  gate: Promise<void> = Promise.resolve();
  /** Writes under way. */
  writing = 0;
  readonly #incoming: Uint8Array[] = [];
  #end: null | Error | undefined;
  #writeError: Error | undefined;
  #closeWriteError: Error | undefined;
  #reader: { readonly wake: () => void } | undefined;

  /** Bytes that a reader gets. */
  push(bytes: Uint8Array): void {
    this.#incoming.push(bytes);
    this.#reader?.wake();
  }

  /** After what was pushed a reader gets the end, or an error. */
  end(error: Error | null = null): void {
    this.#end = error;
    this.#reader?.wake();
  }

  /** From now on writing fails. */
  failWrites(error: Error): void {
    this.#writeError = error;
  }

  /** From now on ending the writing side fails. */
  failCloseWrite(error: Error): void {
    this.#closeWriteError = error;
  }

  /** Whether somebody waits for bytes. */
  get reading(): boolean {
    return this.#reader !== undefined;
  }

  /** Everything that was written, in one piece. */
  get text(): string {
    return new TextDecoder().decode(Uint8Array.from(this.written.flatMap((bytes) => [...bytes])));
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#reader !== undefined) throw new Error("Two reads at once");
    this.readSizes.push(buffer.length);
    for (;;) {
      if (this.closed) throw new Deno.errors.BadResource("closed");
      const next = this.#incoming.shift();
      if (next !== undefined) {
        const count = Math.min(next.length, buffer.length);
        buffer.set(next.subarray(0, count));
        if (count < next.length) this.#incoming.unshift(next.subarray(count));
        return count;
      }
      if (this.#end instanceof Error) throw this.#end;
      if (this.#end === null) return null;
      await new Promise<void>((wake) => this.#reader = { wake });
      this.#reader = undefined;
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.writing++;
    await this.gate;
    this.writing--;
    if (this.closed) throw new Deno.errors.BadResource("closed");
    if (this.#writeError !== undefined) throw this.#writeError;
    const count = Math.min(bytes.length, this.takes());
    this.written.push(bytes.slice(0, count));
    return count;
  }

  async closeWrite(): Promise<void> {
    this.writeEnds++;
    await this.gate;
    if (this.#closeWriteError !== undefined) throw this.#closeWriteError;
  }

  close(): void {
    this.closed = true;
    this.#reader?.wake();
  }
}
