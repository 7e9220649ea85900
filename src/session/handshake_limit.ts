/**
 * A cap on TLS handshakes under way: a new one takes the place of the oldest. Handshakes of good clients are over in
 * milliseconds, so the oldest of many is one that nobody means to finish.
 *
 * @module
 */

import { type Entry, LinkedList } from "../net/linked_list.ts";
import type { Session } from "./session.ts";
import type { HandshakeLimit } from "./session_context.ts";

/** Handshakes of one listener in one thread. */
export class OldestOut implements HandshakeLimit {
  /** In the order in which they started. */
  readonly #underWay = new LinkedList<Session>();
  /** At most so many, 1 or more; a lower one counts from the next handshake on. */
  most: number;

  /** @param most 1 or more */
  constructor(most: number) {
    this.most = most;
  }

  /** Counts a session; the oldest ones end when there are too many. @returns its place, for {@link ended} */
  started(session: Session): Entry<Session> {
    const place = this.#underWay.add(session);
    for (let oldest = this.#underWay.first; oldest !== undefined; oldest = this.#underWay.first) {
      if (this.#underWay.size <= this.most) break;
      this.#underWay.remove(oldest);
      oldest.item.end("handshake_limit");
    }
    return place;
  }

  /** Counts a session no more. */
  ended(place: Entry<Session>): void {
    this.#underWay.remove(place);
  }
}
