/**
 * Moving bytes between a client and a server, both ways at once, never more than one buffer per direction in memory.
 *
 * @module
 */

import { type BufferPool, LARGE_BUFFER, MEDIUM_BUFFER, SMALL_BUFFER } from "../net/buffers.ts";
import { direct } from "../net/direct_stream.ts";
import type { ByteStream } from "../net/stream.ts";
import type { EndReason } from "../end_reason.ts";

/** The two ends of a relay. */
export type Side = "client" | "server";

/** Hears what happens on a relay. */
export interface RelayObserver {
  /** Bytes were read from a side. */
  onBytes(from: Side, bytes: number): void;
  /** Both directions are over, or one has failed. Called once. */
  onEnd(reason: EndReason): void;
}

/** Reads in a row that the next smaller buffer would have held, after which it takes the place of a larger one. */
const QUIET_READS = 8;

/** A relay under way. */
export class Relay {
  readonly #streams: Readonly<Record<Side, ByteStream>>;
  readonly #buffers: BufferPool;
  readonly #observer: RelayObserver;
  /** The side that ended first. */
  #firstEnded: Side | undefined;
  readonly #ended = { client: false, server: false };
  /** Directions that are over, and whose end has been passed on. */
  #finished = 0;
  #over = false;

  /** @param client the client's stream, @param server the server's, @param context buffers and who listens */
  constructor(client: ByteStream, server: ByteStream, context: { buffers: BufferPool; observer: RelayObserver }) {
    this.#streams = { client: direct(client), server: direct(server) };
    this.#buffers = context.buffers;
    this.#observer = context.observer;
  }

  /** Starts both directions; the observer hears of the end. Whoever closes the streams ends the relay. */
  start(): void {
    // What fails outside of reading and writing is a fault of ours; it must not leave the other direction waiting.
    this.#pump("client", "server").catch((error) => this.#fail("client", error));
    this.#pump("server", "client").catch((error) => this.#fail("server", error));
  }

  async #pump(from: Side, to: Side): Promise<void> {
    const source = this.#streams[from];
    const sink = this.#streams[to];
    let buffer = this.#buffers.small();
    let quiet = 0;
    let failing = from;
    let isCutShort = false;
    try {
      for (;;) {
        failing = from;
        const count = await source.read(buffer);
        if (count === null || count === 0) break;
        this.#observer.onBytes(from, count);
        failing = to;
        // No view when the buffer is full: it is the busy case, and a view is an object per read.
        let written = await sink.write(count === buffer.length ? buffer : buffer.subarray(0, count));
        while (written < count) written += await sink.write(buffer.subarray(written, count));
        const size = buffer.length;
        if (size === SMALL_BUFFER && count < SMALL_BUFFER) continue;
        if (count === size) {
          quiet = 0;
          if (size !== LARGE_BUFFER) buffer = this.#buffers.larger(buffer);
        } else if (count > (size === LARGE_BUFFER ? MEDIUM_BUFFER : SMALL_BUFFER)) {
          quiet = 0;
        } else if (++quiet === QUIET_READS) {
          quiet = 0;
          buffer = this.#buffers.smaller(buffer);
        }
      }
    } catch (error) {
      // A TLS peer that goes without a goodbye has ended all the same; but nobody else is to say it in its name.
      isCutShort = failing === from && error instanceof Deno.errors.UnexpectedEof;
      if (!isCutShort) {
        this.#buffers.release(buffer);
        this.#fail(failing, error);
        return;
      }
    }
    this.#buffers.release(buffer);
    this.#firstEnded ??= from;
    this.#ended[from] = true;
    // A side that has ended before is closed in a moment, which says the same to most.
    if (!this.#ended[to] || sink.closesAbruptly === true) await this.#endWriting(to, isCutShort);
    if (++this.#finished === 2) this.#end(closedBy(this.#firstEnded));
  }

  /** Passes the end of one side on to the other, which may go on sending. */
  async #endWriting(to: Side, isCutShort: boolean): Promise<void> {
    try {
      await this.#streams[to].closeWrite(isCutShort);
    } catch (error) {
      this.#fail(to, error);
    }
  }

  #fail(side: Side, error: unknown): void {
    // Writing to a side that has ended and then went away is that side closing, not a fault.
    if (this.#ended[side]) this.#end(closedBy(side));
    else this.#end(isOurMistake(error) ? "internal_error" : "reset");
  }

  #end(reason: EndReason): void {
    if (this.#over) return;
    this.#over = true;
    this.#observer.onEnd(reason);
  }
}

function closedBy(side: Side): EndReason {
  return side === "client" ? "client_closed" : "server_closed";
}

/** Whether an error comes from wrong code: I/O errors come as `Deno.errors` or as plain `Error`. */
export function isOurMistake(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError;
}

/** The most that a relay holds in memory at once. */
export const RELAY_MEMORY = 2 * LARGE_BUFFER;
