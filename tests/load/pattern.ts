/** The bytes that the servers send, so that clients know every one of them. @module */

const BLOCK = 65_536;

/** A block of 64 KiB; no two of a thousand seeds are alike. */
export function patternBlock(seed: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  for (let at = 0; at < BLOCK; at++) block[at] = (at * 7 + (at >> 8) * 13 + seed * 31) & 255;
  return block;
}

/** Compares a stream with what was to come. */
export class PatternCheck {
  readonly #block: Uint8Array;
  /** Bytes so far. */
  count = 0;
  isRight = true;

  /** @param seed of the bytes that are to come */
  constructor(seed: number) {
    this.#block = patternBlock(seed);
  }

  /** Takes what has come. */
  take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && this.isRight; at++) {
      this.isRight = bytes[at] === this.#block[(this.count + at) % BLOCK];
    }
    this.count += bytes.length;
  }
}
