/**
 * Servers that take connections and no clients (their certificates have expired, say), in the log: one line a minute
 * at most for each.
 *
 * @module
 */

import type { Log } from "../log.ts";
import type { Server } from "../upstream/pool.ts";

const EVERY_MS = 60_000;

/** Logs samples of what a listener's servers do wrong. */
export class ServerTroubleLog {
  readonly #listener: string;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #loggedAt = new WeakMap<Server, number>();

  /** @param listener its name, @param log where to, @param now milliseconds since any moment */
  constructor(listener: string, log: Log, now: () => number = () => performance.now()) {
    this.#listener = listener;
    this.#log = log;
    this.#now = now;
  }

  /** A server was of no use to a client. @param reason why, for people */
  note(server: Server, reason: string): void {
    const loggedAt = this.#loggedAt.get(server) ?? -Infinity;
    if (this.#now() - loggedAt < EVERY_MS) return;
    this.#loggedAt.set(server, this.#now());
    const { key } = server.plan;
    this.#log("warn", `Server ${key} of listener "${this.#listener}" was passed over: ${reason}`, {
      listener: this.#listener,
      server: key,
      reason,
    });
  }
}
