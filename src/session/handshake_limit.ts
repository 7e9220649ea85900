/**
 * A cap on TLS handshakes under way: a new one takes the place of the oldest. Handshakes of good clients are over in
 * milliseconds, so the oldest of many is one that nobody means to finish.
 *
 * @module
 */

import type { HandshakeLimit, Session } from "./session.ts";

/** Handshakes of one listener in one thread. */
export class OldestOut implements HandshakeLimit {
  /** In the order in which they started. */
  readonly #underWay = new Set<Session>();
  /** At most so many, 1 or more; a lower one counts from the next handshake on. */
  most: number;

  /** @param most 1 or more */
  constructor(most: number) {
    this.most = most;
  }

  /** Counts a session; the oldest ones end when there are too many. */
  started(session: Session): void {
    this.#underWay.add(session);
    for (const oldest of this.#underWay) {
      if (this.#underWay.size <= this.most) return;
      this.#underWay.delete(oldest);
      oldest.end("handshake_limit");
    }
  }

  /** Counts a session no more. */
  ended(session: Session): void {
    this.#underWay.delete(session);
  }
}
