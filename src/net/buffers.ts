/**
 * Read buffers that are used again: a small one while a connection is quiet, larger ones as more comes at once.
 *
 * @module
 */

/** Bytes in a small buffer: a request or a command, and little to hold for thousands of quiet connections. */
export const SMALL_BUFFER = 1024;
/** Bytes in a medium buffer: an answer. */
export const MEDIUM_BUFFER = 8192;
/** Bytes in a large buffer. */
export const LARGE_BUFFER = 65536;

const KEEP_SMALL = 1024;
const KEEP_MEDIUM = 256;
const KEEP_LARGE = 64;

/** How many large buffers there may be, those of other workers among them. */
export interface BufferAllowance {
  /** One more is to be made. @returns whether it may */
  takeBuffer(): boolean;
  /** One is no more. */
  giveBuffer(): void;
}

const NO_LIMIT: BufferAllowance = { takeBuffer: () => true, giveBuffer: () => {} };

/** Free buffers of one worker. */
export class BufferPool {
  readonly #allowance: BufferAllowance;
  readonly #small: Uint8Array<ArrayBuffer>[] = [];
  readonly #medium: Uint8Array<ArrayBuffer>[] = [];
  readonly #large: Uint8Array<ArrayBuffer>[] = [];

  /** @param allowance how many large ones there may be */
  constructor(allowance: BufferAllowance = NO_LIMIT) {
    this.#allowance = allowance;
  }

  /** A small buffer, with anything in it. */
  small(): Uint8Array<ArrayBuffer> {
    return this.#small.pop() ?? new Uint8Array(SMALL_BUFFER);
  }

  /** A medium buffer, with anything in it. */
  medium(): Uint8Array<ArrayBuffer> {
    return this.#medium.pop() ?? new Uint8Array(MEDIUM_BUFFER);
  }

  /** A large buffer, with anything in it; a medium one when there are as many large ones as there may be. */
  large(): Uint8Array<ArrayBuffer> {
    const free = this.#large.pop();
    if (free !== undefined) return free;
    return this.#allowance.takeBuffer() ? new Uint8Array(LARGE_BUFFER) : this.medium();
  }

  /** Takes a small or medium buffer back and gives one of the next size. */
  larger(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.release(buffer);
    return buffer.length === SMALL_BUFFER ? this.medium() : this.large();
  }

  /** Takes a medium or large buffer back and gives one of the size before. */
  smaller(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.release(buffer);
    return buffer.length === LARGE_BUFFER ? this.medium() : this.small();
  }

  /** Takes a buffer back. It must not be in use by anyone. */
  release(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.length === SMALL_BUFFER) {
      if (this.#small.length < KEEP_SMALL) this.#small.push(buffer);
    } else if (buffer.length === MEDIUM_BUFFER) {
      if (this.#medium.length < KEEP_MEDIUM) this.#medium.push(buffer);
    } else if (this.#large.length < KEEP_LARGE) {
      this.#large.push(buffer);
    } else {
      this.#allowance.giveBuffer();
    }
  }
}
