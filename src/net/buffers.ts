/**
 * Read buffers that are used again: a small one while a connection is quiet, a large one while it is busy.
 *
 * @module
 */

/** Bytes in a small buffer. */
export const SMALL_BUFFER = 4096;
/** Bytes in a large buffer. */
export const LARGE_BUFFER = 65536;

const KEEP_SMALL = 1024;
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
  readonly #large: Uint8Array<ArrayBuffer>[] = [];

  /** @param allowance how many large ones there may be */
  constructor(allowance: BufferAllowance = NO_LIMIT) {
    this.#allowance = allowance;
  }

  /** A small buffer, with anything in it. */
  small(): Uint8Array<ArrayBuffer> {
    return this.#small.pop() ?? new Uint8Array(SMALL_BUFFER);
  }

  /** A large buffer, with anything in it; a small one when there are as many large ones as there may be. */
  large(): Uint8Array<ArrayBuffer> {
    const free = this.#large.pop();
    if (free !== undefined) return free;
    return this.#allowance.takeBuffer() ? new Uint8Array(LARGE_BUFFER) : this.small();
  }

  /** Takes a buffer back. It must not be in use by anyone. */
  release(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.length === SMALL_BUFFER) {
      if (this.#small.length < KEEP_SMALL) this.#small.push(buffer);
    } else if (this.#large.length < KEEP_LARGE) {
      this.#large.push(buffer);
    } else {
      this.#allowance.giveBuffer();
    }
  }
}
