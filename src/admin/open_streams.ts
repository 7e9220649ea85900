/**
 * Streams of server-sent events that are open at the same time: so many and no more, and all of them end together.
 *
 * @module
 */

import type { EventLog } from "../control/event_log.ts";

/** What streams work with. */
export interface StreamContext {
  readonly events: EventLog;
  /** Calls again and again. @returns what ends it */
  every(milliseconds: number, call: () => void): () => void;
}

/** One of them. */
export interface OpenStream {
  /** What its reader gets. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Ends it. */
  close(): void;
}

/** All of a kind. */
export class OpenStreams<Options> {
  readonly #most: number;
  readonly #begin: (options: Options, onEnd: () => void) => OpenStream;
  readonly #open = new Set<OpenStream>();

  /** @param most at once, @param begin begins one that calls `onEnd` when it has ended, whoever ended it */
  constructor(most: number, begin: (options: Options, onEnd: () => void) => OpenStream) {
    this.#most = most;
    this.#begin = begin;
  }

  /** Streams that are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Opens a stream; `undefined` when there are as many as may be. */
  open(options: Options): ReadableStream<Uint8Array> | undefined {
    if (this.#open.size >= this.#most) return undefined;
    const stream = this.#begin(options, () => this.#open.delete(stream));
    this.#open.add(stream);
    return stream.readable;
  }

  /** Ends all streams. */
  close(): void {
    for (const stream of [...this.#open]) stream.close();
  }
}
