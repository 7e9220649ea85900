/**
 * Events as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). The log of events is
 * the queue of every stream: a stream knows the last event that its reader has taken and holds nothing itself, so a
 * reader costs the same whether it is fast or slow, and one that falls too far behind is dropped.
 *
 * @module
 */

import type { EventLog, RecordedEvent } from "../control/event_log.ts";
import { type OpenStream, OpenStreams, type StreamContext } from "./open_streams.ts";

/** How a stream begins. */
export interface StreamOptions {
  /** The reader has had everything up to this event. */
  readonly after: number;
  /** Whether the reader may still see events; asked before each piece. */
  readonly isAllowed: () => boolean;
}

/** Streams at once. */
export const MOST_STREAMS = 50;

/** Milliseconds between two signs of life. */
export const HEARTBEAT_MS = 15_000;

/** Events in one piece. */
const MOST_AT_ONCE = 100;

/** Heartbeats that a reader may miss before it is dropped. */
const MOST_MISSED = 2;

const encoder = new TextEncoder();

/** All open streams. */
export class EventStreams extends OpenStreams<StreamOptions> {
  /** @param context events and time */
  constructor(context: StreamContext) {
    super(MOST_STREAMS, (options, onEnd) => new EventStream(context, options, onEnd));
  }
}

class EventStream implements OpenStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #events: EventLog;
  readonly #options: StreamOptions;
  readonly #onEnd: () => void;
  readonly #stops: (() => void)[];
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #last: number;
  /** Resolves the pull that waits for something to send. */
  #wake: ((heartbeat: string) => void) | undefined;
  #missed = 0;
  #greeted = false;

  constructor({ events, every }: StreamContext, options: StreamOptions, onEnd: () => void) {
    this.#events = events;
    this.#options = options;
    this.#onEnd = onEnd;
    this.#last = events.goOnFrom(options.after);
    this.#stops = [events.subscribe(() => this.#wake?.("")), every(HEARTBEAT_MS, () => this.#beat())];
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: () => this.#end(),
    }, { highWaterMark: 0 });
  }

  /** Ends the stream. Its reader, too slow or not, may come back and go on where it was. */
  close(): void {
    if (this.#controller === undefined) return;
    this.#controller.close();
    this.#end();
  }

  /** The reader has room for a piece. */
  async #pull(): Promise<void> {
    this.#missed = 0;
    if (this.#isLost()) return this.close();
    let text = this.#greeted ? this.#news() : `retry: 3000\n\n${this.#news()}`;
    this.#greeted = true;
    while (text === "" && this.#controller !== undefined) {
      const heartbeat = await new Promise<string>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
      text = this.#news() || heartbeat;
    }
    if (this.#controller === undefined) return;
    if (this.#options.isAllowed()) this.#controller.enqueue(encoder.encode(text));
    else this.close();
  }

  #news(): string {
    const events = this.#events.after(this.#last).slice(0, MOST_AT_ONCE);
    this.#last = events.at(-1)?.id ?? this.#last;
    return events.map(render).join("");
  }

  /** Whether events that the reader has not had are gone. Those from before it came do not count. */
  #isLost(): boolean {
    return this.#events.goOnFrom(this.#last) !== this.#last;
  }

  #beat(): void {
    if (this.#wake !== undefined) this.#wake(": still here\n\n");
    else if (++this.#missed > MOST_MISSED || this.#isLost()) this.close();
  }

  #end(): void {
    this.#controller = undefined;
    for (const stop of this.#stops.splice(0)) stop();
    this.#wake?.("");
    this.#onEnd();
  }
}

function render(event: RecordedEvent): string {
  return `id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`;
}
