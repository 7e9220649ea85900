/**
 * The main thread's hold on listening addresses. For TCP it keeps a copy of each socket: the port stays open, and
 * connections wait in its queue, while a worker is replaced.
 *
 * @module
 */

import type { ListenerPlan } from "../config/model.ts";
import { messageOf, WeirError } from "../errors.ts";
import { checkFree, listenShared } from "../net/listen.ts";
import { closeQuietly } from "../net/stream.ts";

/** A hold on one listener's address, until disposed. */
export class Anchor implements Disposable {
  readonly #socket: Deno.TcpListener | undefined;

  /**
   * Makes sure that the address can be had.
   *
   * @param sharesWithOwn whether another TCP-SSL listener of ours has the same address at the moment
   * @throws {WeirError} `bind_failed`
   */
  constructor(plan: ListenerPlan, sharesWithOwn: boolean) {
    try {
      if (plan.tls === null) this.#socket = listenShared(plan);
      else if (!sharesWithOwn) checkFree(plan);
    } catch (error) {
      throw ofListener(plan, error);
    }
  }

  /** Lets the address go. */
  [Symbol.dispose](): void {
    closeQuietly(this.#socket);
  }
}

/** A failure to listen, with the listener's name in front. */
export function ofListener(plan: ListenerPlan, error: unknown): WeirError {
  return new WeirError("bind_failed", `Listener "${plan.name}": ${messageOf(error)}`, { cause: error });
}
