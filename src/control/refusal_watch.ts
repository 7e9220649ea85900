/**
 * Tells of clients that are turned away, as samples: one event for each listener and reason in ten seconds at most, with
 * the count since the last one. It goes by the counters, so that turning a client away costs nothing more.
 *
 * @module
 */

import type { BoardRegistry } from "../board/registry.ts";
import { type EndReason, REJECT_REASONS } from "../end_reason.ts";
import type { EventLog } from "./event_log.ts";

/** What the watch works with. */
export interface RefusalWatchContext {
  /** The names of the listeners that serve. */
  listeners(): Iterable<string>;
  readonly boards: Pick<BoardRegistry, "listener">;
  readonly events: Pick<EventLog, "add">;
  /** Milliseconds since any moment. */
  readonly now: () => number;
}

/** Milliseconds between two looks. */
export const LOOK_EVERY_MS = 1000;

/** Milliseconds between two events of one listener and reason. */
const TELL_EVERY_MS = 10_000;

/** The service is at fault, or too small; for other reasons the client is. */
const SERIOUS: ReadonlySet<EndReason> = new Set<EndReason>(["connect_failed", "no_server", "limit", "overload"]);

interface Told {
  count: number;
  /** When it was told of last. */
  at: number;
}

type ToldReasons = Map<EndReason, Told>;

/** Watches the counters of refused clients. */
export class RefusalWatch {
  readonly #context: RefusalWatchContext;
  #told: Map<string, ToldReasons> = new Map();

  /** @param context counters, time and where to tell */
  constructor(context: RefusalWatchContext) {
    this.#context = context;
  }

  /** Looks once; to be called every {@link LOOK_EVERY_MS}. */
  look(): void {
    const seen = new Map<string, ToldReasons>();
    for (const listener of this.#context.listeners()) {
      seen.set(listener, this.#lookAt(listener, this.#told.get(listener) ?? new Map()));
    }
    this.#told = seen;
  }

  #lookAt(listener: string, told: ToldReasons): ToldReasons {
    const { boards, events, now } = this.#context;
    const counters = boards.listener(listener);
    if (counters === undefined) return told;
    for (const reason of REJECT_REASONS) {
      const count = counters.ended(reason);
      const last = told.get(reason) ?? { count: 0, at: -Infinity };
      // A listener that was gone and is back counts from the start.
      const more = count < last.count ? count : count - last.count;
      if (more === 0 || now() - last.at < TELL_EVERY_MS) continue;
      told.set(reason, { count, at: now() });
      events.add({
        kind: "connections_refused",
        severity: SERIOUS.has(reason) ? "warning" : "info",
        listener,
        server: null,
        message: `Listener "${listener}" turned ${more === 1 ? "a client" : `${more} clients`} away: ${reason}`,
        details: { reason, count: more },
      });
    }
    return told;
  }
}
