/**
 * Clients that were turned away, in the log: one line a second at most, so that a flood of them does not
 * become a flood of lines.
 *
 * @module
 */

import type { EndReason } from "../end_reason.ts";
import type { EndDetail } from "../session/session_context.ts";
import type { Log, LogLevel } from "../log.ts";

const EVERY_MS = 1000;

/** Logs samples of a listener's refusals. */
export class RefusalLog {
  readonly #listener: string;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #level: LogLevel;
  #loggedAt = -Infinity;
  #unlogged = 0;

  /** @param listener its name, @param log where to, @param level how loud, @param now milliseconds since any moment */
  constructor(listener: string, log: Log, level: LogLevel = "debug", now: () => number = () => performance.now()) {
    this.#level = level;
    this.#listener = listener;
    this.#log = log;
    this.#now = now;
  }

  /** A client was turned away. */
  note(client: string, reason: EndReason, detail?: EndDetail): void {
    if (this.#now() - this.#loggedAt < EVERY_MS) {
      this.#unlogged++;
      return;
    }
    const more = this.#unlogged === 0 ? "" : ` (and ${this.#unlogged} more clients since the last such line)`;
    this.#log(
      this.#level,
      `Listener "${this.#listener}" turned client ${client} away: ${detail?.text ?? reason}${more}`,
      {
        listener: this.#listener,
        client,
        reason,
        ...(detail?.failure === undefined ? {} : { failure: detail.failure }),
      },
    );
    this.#loggedAt = this.#now();
    this.#unlogged = 0;
  }
}
