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

/** Free buffers of one worker. */
export class BufferPool {
  readonly #small: Uint8Array<ArrayBuffer>[] = [];
  readonly #large: Uint8Array<ArrayBuffer>[] = [];

  /** A small buffer, with anything in it. */
  small(): Uint8Array<ArrayBuffer> {
    return this.#small.pop() ?? new Uint8Array(SMALL_BUFFER);
  }

  /** A large buffer, with anything in it. */
  large(): Uint8Array<ArrayBuffer> {
    return this.#large.pop() ?? new Uint8Array(LARGE_BUFFER);
  }

  /** Takes a buffer back. It must not be in use by anyone. */
  release(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.length === SMALL_BUFFER) {
      if (this.#small.length < KEEP_SMALL) this.#small.push(buffer);
    } else if (this.#large.length < KEEP_LARGE) {
      this.#large.push(buffer);
    }
  }
}
