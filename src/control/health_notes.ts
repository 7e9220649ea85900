/**
 * What is known of servers' health beside the board: texts, which do not stand there.
 *
 * @module
 */

import type { HealthState } from "../board/layout.ts";

/** A server's last change of health. */
export interface HealthChange {
  /** ISO 8601. */
  readonly at: string;
  readonly from: HealthState;
  readonly to: HealthState;
  /** Why, for people. */
  readonly reason: string;
}

/** What is kept for one server. */
export interface HealthNote {
  /** Why the last probe failed; `null` when it succeeded or there was none. */
  readonly probeError: string | null;
  /** `null` when the state never changed. */
  readonly lastChange: HealthChange | null;
}

const NOTHING: HealthNote = { probeError: null, lastChange: null };

/** Keeps notes by listener and server. */
export class HealthNotes {
  readonly #notes = new Map<string, Map<string, HealthNote>>();

  /** What is kept of a server. */
  get(listener: string, server: string): HealthNote {
    return this.#notes.get(listener)?.get(server) ?? NOTHING;
  }

  /** Replaces parts of what is kept of a server. */
  note(listener: string, server: string, news: Partial<HealthNote>): void {
    const notes = this.#notes.get(listener) ?? new Map<string, HealthNote>();
    this.#notes.set(listener, notes);
    notes.set(server, { ...NOTHING, ...notes.get(server), ...news });
  }

  /** Forgets servers that a listener does not have any more. */
  keepOnly(listener: string, servers: Iterable<string>): void {
    const wanted = new Set(servers);
    const notes = this.#notes.get(listener);
    for (const server of notes?.keys() ?? []) {
      if (!wanted.has(server)) notes?.delete(server);
    }
  }

  /** A listener is gone for good. */
  drop(listener: string): void {
    this.#notes.delete(listener);
  }
}
