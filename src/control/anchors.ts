/**
 * The main thread's hold on listening addresses. Where sockets are shared it keeps a copy of each: the port stays open,
 * and connections wait in its queue, while a worker is replaced.
 *
 * @module
 */

import { type ListenerPlan, usesRuntimeTls } from "../config/model.ts";
import { messageOf, WeirError } from "../errors.ts";
import type { SocketKind } from "../messages.ts";
import { checkFree, listenBeside, listenShared } from "../net/listen.ts";
import { countPorts } from "../net/ports.ts";
import { closeQuietly } from "../net/stream.ts";

/** A listener with more ports than this does not share its sockets: each would take three descriptors, not one. */
const MOST_SHARED_PORTS = 100;

/** How a listener opens its ports where nothing else is to be considered, from its start until it is gone. */
export function socketKindOf(plan: ListenerPlan): SocketKind {
  return !usesRuntimeTls(plan) && countPorts(plan.ports) <= MOST_SHARED_PORTS ? "shared" : "beside";
}

/** A hold on the ports of one listener, until disposed. */
export class Anchor implements Disposable {
  readonly #plan: ListenerPlan;
  readonly #kind: SocketKind;
  readonly #sockets = new Map<number, Deno.TcpListener>();

  /** @param plan whose address, and whose name for errors, @param kind how its worker opens ports */
  constructor(plan: ListenerPlan, kind: SocketKind) {
    this.#plan = plan;
    this.#kind = kind;
  }

  /**
   * Makes sure that ports can be had: all or none.
   *
   * @param ours ports that another listener of ours, or the Weir that is replaced, has and can be opened beside
   * @throws {WeirError} `bind_failed`
   */
  take(ports: readonly number[], ours: ReadonlySet<number>): void {
    const missing = ports.filter((port) => !this.#sockets.has(port));
    try {
      for (const port of missing) this.#takeOne(port, ours.has(port));
    } catch (error) {
      this.release(missing);
      throw ofListener(this.#plan, error);
    }
  }

  #takeOne(port: number, isOurs: boolean): void {
    const { address, backlog } = this.#plan;
    if (this.#kind === "shared") this.#sockets.set(port, listenShared({ address, port, backlog }));
    else if (!isOurs) checkFree({ address, port });
  }

  /**
   * Keeps ports open that threads have on sockets of their own, while the last of these threads is replaced. Nobody
   * accepts from it: this is for kernels that hand the clients of a socket that closes to the next one. As far as it can
   * be done.
   */
  bridge(ports: readonly number[]): void {
    const { address, backlog } = this.#plan;
    try {
      for (const port of ports) {
        if (!this.#sockets.has(port)) this.#sockets.set(port, listenBeside({ address, port, backlog }));
      }
    } catch { /* those ports are closed until the new thread opens them */ }
  }

  /** Lets ports go, all unless some are named. */
  release(ports: Iterable<number> = [...this.#sockets.keys()]): void {
    for (const port of ports) {
      closeQuietly(this.#sockets.get(port));
      this.#sockets.delete(port);
    }
  }

  /** Lets all ports go. */
  [Symbol.dispose](): void {
    this.release();
  }
}

/** A failure to listen, with the listener's name in front. */
export function ofListener(plan: ListenerPlan, error: unknown): WeirError {
  return new WeirError("bind_failed", `Listener "${plan.name}": ${messageOf(error)}`, { cause: error });
}
