/**
 * Pages that move: server-sent events with the texts that have changed and with what has happened. A stream holds what
 * it has sent last and nothing else; it sends only while its reader takes it, so a slow one costs less than a fast one.
 *
 * @module
 */

import { type OpenStream, OpenStreams, type StreamContext } from "../admin/open_streams.ts";
import type { EventLog, RecordedEvent } from "../control/event_log.ts";
import { changedTexts, type Snapshot } from "./live.ts";

/** One page in one browser. */
export interface LiveOptions {
  /** The shape of the page that the browser shows. */
  readonly shape: string;
  /** The reader has had every event up to this one. */
  readonly after: number;
  /** The page as it is now; `undefined` when it is no more. */
  snapshot(): Snapshot | undefined;
  /** Whether the reader may still see it; asked before each piece. */
  isAllowed(): boolean;
}

/** Streams at once. */
export const MOST_LIVE_STREAMS = 50;

/** Milliseconds from one look to the next. */
export const TICK_MS = 2000;

/** Looks without anything new before a sign of life. */
const QUIET_TICKS = 7;

/** Looks in which a reader may take nothing before it is dropped. */
const MOST_MISSED = 15;

/** Events in one piece: more than that nobody reads. */
const MOST_NEWS = 5;

const encoder = new TextEncoder();

/** All open streams. */
export class LiveStreams extends OpenStreams<LiveOptions> {
  /** @param context events and time */
  constructor(context: StreamContext) {
    super(MOST_LIVE_STREAMS, (options, onEnd) => new LiveStream(context, options, onEnd));
  }
}

class LiveStream implements OpenStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #events: EventLog;
  readonly #options: LiveOptions;
  readonly #onEnd: () => void;
  readonly #stop: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #texts: ReadonlyMap<string, string> = new Map();
  #lastEvent: number;
  /** Resolves the pull that waits for the next look. */
  #wake: (() => void) | undefined;
  #missed = 0;
  #quiet = 0;

  constructor({ events, every }: StreamContext, options: LiveOptions, onEnd: () => void) {
    this.#events = events;
    this.#options = options;
    this.#onEnd = onEnd;
    this.#lastEvent = events.goOnFrom(options.after);
    this.#stop = every(TICK_MS, () => this.#tick());
    let begun = false;
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: async () => {
        await this.#pull(begun ? "" : "retry: 3000\n\n");
        begun = true;
      },
      cancel: () => this.#end(),
    }, { highWaterMark: 0 });
  }

  /** Ends the stream. */
  close(): void {
    if (this.#controller === undefined) return;
    this.#controller.close();
    this.#end();
  }

  /** The reader has room for a piece. */
  async #pull(greeting: string): Promise<void> {
    this.#missed = 0;
    let text = greeting;
    // One look a tick, however fast the reader is; the first one at once.
    let isDue = greeting !== "";
    while (this.#controller !== undefined) {
      if (!isDue) await new Promise<void>((resolve) => this.#wake = resolve);
      isDue = false;
      this.#wake = undefined;
      if (this.#controller === undefined) return;
      if (!this.#options.isAllowed()) return this.#finish("event: signed-out\ndata: 1\n\n");
      const page = this.#options.snapshot();
      text += this.#news();
      if (page?.shape !== this.#options.shape) return this.#finish(`${text}event: stale\ndata: 1\n\n`);
      const changed = changedTexts(this.#texts, page.texts);
      this.#texts = page.texts;
      if (Object.keys(changed).length > 0) text += `data: ${JSON.stringify(changed)}\n\n`;
      if (text === "" && ++this.#quiet >= QUIET_TICKS) text = ": still here\n\n";
      if (text !== "") {
        this.#quiet = 0;
        this.#controller.enqueue(encoder.encode(text));
        return;
      }
    }
  }

  /** The last piece. */
  #finish(text: string): void {
    this.#controller?.enqueue(encoder.encode(text));
    this.close();
  }

  #news(): string {
    const events = this.#events.after(this.#lastEvent);
    this.#lastEvent = events.at(-1)?.id ?? this.#lastEvent;
    const shown = events.slice(-MOST_NEWS).map(({ id, severity, message }: RecordedEvent) => ({
      id,
      severity,
      message: message.split("\n", 1)[0],
    }));
    return shown.length === 0 ? "" : `event: news\nid: ${this.#lastEvent}\ndata: ${JSON.stringify(shown)}\n\n`;
  }

  #tick(): void {
    if (this.#wake !== undefined) this.#wake();
    else if (++this.#missed > MOST_MISSED) this.close();
  }

  #end(): void {
    this.#controller = undefined;
    this.#stop();
    this.#wake?.();
    this.#onEnd();
  }
}
