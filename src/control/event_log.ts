/**
 * The last things that happened, in memory, for whoever asks or listens. Nearly all of them come from the log: a line
 * that carries a kind of event is one.
 *
 * @module
 */

import type { EventKind } from "../event_kind.ts";
import type { Log, LogFields, LogLevel } from "../log.ts";

/** How bad an event is. */
export const SEVERITIES = ["info", "warning", "error"] as const;

/** How bad an event is. */
export type Severity = (typeof SEVERITIES)[number];

/** Something that has happened. */
export interface NewEvent {
  readonly kind: EventKind;
  readonly severity: Severity;
  /** The listener that it happened to; `null` where it is not about one. */
  readonly listener: string | null;
  readonly server: string | null;
  /** For people. */
  readonly message: string;
  /** What programs may want to know beside. */
  readonly details: Omit<LogFields, "event">;
}

/** An event that is remembered. */
export interface RecordedEvent extends NewEvent {
  /** Greater than that of every earlier event, also of an earlier run of the program while the clock goes forward. */
  readonly id: number;
  /** ISO 8601. */
  readonly at: string;
}

/** Events that are remembered. */
export const REMEMBERED_EVENTS = 1000;

/** Characters of a text that are kept: a refused configuration may have very many errors. */
const LONGEST_TEXT = 4000;

/** These are told again and again as long as they hold. */
const REPEATING: ReadonlySet<EventKind> = new Set<EventKind>(["listener_down", "accept_failing"]);

/** Milliseconds in which the same repeating event is recorded once. */
const REPEAT_MS = 10_000;

/** Keeps events. */
export class EventLog {
  readonly #now: () => number;
  readonly #events: RecordedEvent[] = [];
  readonly #subscribers = new Set<() => void>();
  #lastId: number;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
    // Room for a thousand events a millisecond before a later run of the program could use an id twice.
    this.#lastId = now() * 1000;
  }

  /** The id of the newest event, or what comes right before the first one. */
  get lastId(): number {
    return this.#lastId;
  }

  /** Remembers an event, and tells those who listen. */
  add(event: NewEvent): void {
    const now = this.#now();
    if (REPEATING.has(event.kind) && this.#isRepeated(event, now - REPEAT_MS)) return;
    const details = Object.fromEntries(
      Object.entries(event.details).map(([key, value]) => [key, typeof value === "string" ? shorten(value) : value]),
    );
    const message = shorten(event.message);
    this.#events.push({ ...event, message, details, id: ++this.#lastId, at: new Date(now).toISOString() });
    if (this.#events.length > REMEMBERED_EVENTS) this.#events.shift();
    for (const tell of this.#subscribers) tell();
  }

  /**
   * The events after one, oldest first. An id that was never given is that of another run: everything came after it.
   */
  after(id: number): readonly RecordedEvent[] {
    // Ids have no gaps.
    return this.#events.slice(this.goOnFrom(id) - this.#forgotten);
  }

  /** The event to go on from for somebody who has had all up to `id`: another one when what came next is not known. */
  goOnFrom(id: number): number {
    return id > this.#lastId || id < this.#forgotten ? this.#forgotten : id;
  }

  /** The newest event that is not remembered any more. */
  get #forgotten(): number {
    return this.#lastId - this.#events.length;
  }

  /** Calls after every event. @param tell must not throw @returns what ends it */
  subscribe(tell: () => void): () => void {
    this.#subscribers.add(tell);
    return () => void this.#subscribers.delete(tell);
  }

  #isRepeated({ kind, listener, message }: NewEvent, since: number): boolean {
    const same = this.#events.findLast((event) =>
      event.kind === kind && event.listener === listener && event.message === shorten(message)
    );
    return same !== undefined && Date.parse(same.at) > since;
  }
}

function shorten(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)} …`;
}

const SEVERITY_OF: Readonly<Record<LogLevel, Severity>> = {
  debug: "info",
  info: "info",
  warn: "warning",
  error: "error",
};

/** A log that remembers the lines which are events. */
export function recordingLog(log: Log, events: Pick<EventLog, "add">): Log {
  return (level, message, fields = {}) => {
    log(level, message, fields);
    const { event, listener, server, ...details } = fields;
    if (event === undefined) return;
    events.add({
      kind: event,
      severity: SEVERITY_OF[level],
      listener: textOrNull(listener),
      server: textOrNull(server),
      message,
      details,
    });
  };
}

function textOrNull(value: LogFields[string] | undefined): string | null {
  return typeof value === "string" ? value : null;
}
