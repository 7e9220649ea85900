/**
 * The listening sockets of one listener, one for each port, and the loops that accept from them: opened and closed as a
 * whole, and changed in place without a moment in which a port that stays is closed.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { ListenerPlan } from "../config/model.ts";
import { listPorts } from "../net/ports.ts";
import { closeQuietly } from "../net/stream.ts";
import type { AcceptedConnection } from "../session/session_context.ts";
import { type ListeningSocket, needsNewSockets } from "./listening_socket.ts";

/** How long accepting pauses when the machine has no descriptor left. */
const ACCEPT_PAUSE_MS = 20;

/**
 * So many are accepted in a row before everything else has a turn. The runtime hands over up to 128 connections that
 * wait in the queue without looking at any other socket; that many are 5 ms in which nobody is served.
 */
const MOST_IN_A_ROW = 16;

/**
 * The longest that clients who wait in a queue are served before its socket is closed. It is empty much sooner, unless
 * somebody fills it faster than it is emptied.
 */
const EMPTYING_MS = 200;

/** What an acceptor needs of its listener. */
export interface AcceptorContext {
  /** Opens the socket of one port. @throws {WeirError} `bind_failed` */
  open(plan: ListenerPlan, port: number): ListeningSocket;
  /** A client has connected. Never throws. */
  onConnection(connection: AcceptedConnection): void;
  /** Whether this thread has more connections than its share: its siblings may take the next ones. */
  isAhead(): boolean;
  /** Accepting failed for a reason that is not the client's; it is tried again. */
  onAcceptError(error: unknown): void;
}

/** The sockets of one listener. */
export class Acceptor {
  readonly #context: AcceptorContext;
  #plan: ListenerPlan;
  /** The sockets in force, by port; none while {@link close} has closed them. */
  readonly #sockets = new Map<number, ListeningSocket>();
  /** Sockets for the next plan, by port, until {@link adopt} makes them the ones in force. */
  #prepared = new Map<number, ListeningSocket>();
  /** Sockets that are accepted from, and the end of that: only then is a socket really closed. */
  readonly #accepting = new Map<ListeningSocket, Promise<void>>();
  /** How often each of them was accepted from so far; its sign is that of a wait that is under way. */
  readonly #calls = new Map<ListeningSocket, number>();
  #started = false;
  #pause: Promise<void> | undefined;

  /**
   * Opens the ports of a plan.
   *
   * @param closed those that are not opened for now
   * @throws {WeirError} `bind_failed`; no port is open then
   */
  constructor(plan: ListenerPlan, closed: readonly number[], context: AcceptorContext) {
    this.#plan = plan;
    this.#context = context;
    const unwanted = new Set(closed);
    this.#take(this.#openAll(plan, listPorts(plan.ports).filter((port) => !unwanted.has(port))));
  }

  /** Starts accepting. */
  start(): void {
    this.#started = true;
    this.#take(this.#sockets);
  }

  /**
   * Opens what another plan of the same address needs: ports that are added, and new sockets beside all old ones where
   * these cannot take up its settings. Clients may get the latter from now on. Does nothing the second time.
   *
   * @throws {WeirError} `bind_failed`; nothing has changed then
   */
  prepare(plan: ListenerPlan): void {
    if (this.#sockets.size === 0 || this.#prepared.size > 0) return;
    const anew = needsNewSockets(this.#plan, plan);
    // A port of the old plan that is closed for the moment is opened by open(), which may have to wait for it.
    const known = new Set(listPorts(this.#plan.ports));
    const ports = listPorts(plan.ports).filter((port) => known.has(port) ? anew && this.#sockets.has(port) : true);
    this.#prepared = this.#openAll(plan, ports);
    if (!this.#started) return;
    for (const [port, socket] of this.#prepared) {
      if (known.has(port)) this.#accept(socket);
    }
  }

  /** Takes {@link prepare} back. */
  async forgo(): Promise<void> {
    const prepared = this.#prepared;
    this.#prepared = new Map();
    await this.#closeAll(prepared.values());
  }

  /** Makes a plan that was prepared for the one in force, and closes what it has no use for. */
  async adopt(plan: ListenerPlan): Promise<void> {
    const prepared = this.#prepared;
    this.#prepared = new Map();
    this.#plan = plan;
    const wanted = new Set(listPorts(plan.ports));
    const unwanted = [...this.#sockets].filter(([port]) => !wanted.has(port) || prepared.has(port));
    for (const [port] of unwanted) this.#sockets.delete(port);
    this.#take(prepared);
    await this.#closeAll(unwanted.map(([, socket]) => socket));
  }

  /** Closes ports for now, all unless some are named. They are free when this resolves. */
  async close(ports?: readonly number[]): Promise<void> {
    const closing: ListeningSocket[] = [];
    for (const sockets of [this.#sockets, this.#prepared]) {
      for (const port of ports ?? [...sockets.keys()]) {
        const socket = sockets.get(port);
        if (socket !== undefined) closing.push(socket);
        sockets.delete(port);
      }
    }
    await this.#closeAll(closing);
  }

  /** Opens every port of the plan that is closed, and goes on accepting. @throws {WeirError} `bind_failed` */
  open(): void {
    this.#take(this.#openAll(this.#plan, listPorts(this.#plan.ports).filter((port) => !this.#sockets.has(port))));
  }

  /**
   * Closes each port that is open and opens it as the listener opens ports by now, one after the other, then those that
   * are closed. Each is closed for a fraction of a millisecond.
   *
   * @throws {WeirError} `bind_failed`; that port, and maybe others, are closed then
   */
  async reopen(): Promise<void> {
    for (const [port, socket] of [...this.#sockets]) {
      this.#sockets.delete(port);
      await this.#closeAll([socket]);
      this.#take(this.#openAll(this.#plan, [port]));
    }
    this.open();
  }

  /** All or none. */
  #openAll(plan: ListenerPlan, ports: readonly number[]): Map<number, ListeningSocket> {
    const opened = new Map<number, ListeningSocket>();
    try {
      for (const port of ports) opened.set(port, this.#context.open(plan, port));
    } catch (error) {
      for (const socket of opened.values()) closeQuietly(socket);
      throw error;
    }
    return opened;
  }

  #take(sockets: ReadonlyMap<number, ListeningSocket>): void {
    for (const [port, socket] of sockets) {
      this.#sockets.set(port, socket);
      if (this.#started) this.#accept(socket);
    }
  }

  #accept(socket: ListeningSocket): void {
    if (this.#accepting.has(socket)) return;
    this.#accepting.set(socket, Promise.resolve());
    this.#accepting.set(socket, this.#acceptFrom(socket));
  }

  async #closeAll(sockets: Iterable<ListeningSocket>): Promise<void> {
    await Promise.all([...sockets].map(async (socket) => {
      await this.#emptied(socket);
      const ended = this.#accepting.get(socket);
      this.#accepting.delete(socket);
      closeQuietly(socket);
      await ended;
    }));
  }

  /**
   * Waits until nobody is left in a socket's queue: whoever is in it when it closes is reset. That is so when one call of
   * accept() has waited while the runtime looked at the socket, twice to be sure.
   */
  async #emptied(socket: ListeningSocket): Promise<void> {
    const end = performance.now() + EMPTYING_MS;
    for (let turns = 0, before = 0; turns < 2 && performance.now() < end;) {
      const calls = this.#calls.get(socket);
      if (calls === undefined) return;
      turns = calls < 0 && calls === before ? turns + 1 : 0;
      before = calls;
      await turn();
    }
  }

  /** Runs until the socket is closed on purpose; no error ends it. */
  async #acceptFrom(socket: ListeningSocket): Promise<void> {
    let untilTurn = MOST_IN_A_ROW;
    let calls = 0;
    while (this.#accepting.has(socket)) {
      let connection: AcceptedConnection;
      this.#calls.set(socket, -++calls);
      try {
        connection = await socket.accept();
        this.#calls.set(socket, calls);
      } catch (error) {
        this.#calls.set(socket, calls);
        if (!this.#accepting.has(socket)) break;
        // The client went before it was accepted: its place in the queue is free again, there is nothing to wait for.
        if (isClientGone(error)) continue;
        this.#context.onAcceptError(error);
        await this.#pauseAccepting();
        continue;
      }
      this.#context.onConnection(connection);
      // No more than a turn: siblings that are busy themselves are not waited for.
      if (--untilTurn === 0 || this.#context.isAhead()) {
        untilTurn = MOST_IN_A_ROW;
        await turn();
      }
    }
    this.#calls.delete(socket);
  }

  /** One pause for all ports: what they lack is the same. */
  #pauseAccepting(): Promise<void> {
    return this.#pause ??= new Promise((resolve) => {
      setTimeout(() => {
        this.#pause = undefined;
        resolve();
      }, ACCEPT_PAUSE_MS);
    });
  }
}

/** Lets everything else have its turn, and the runtime look at its sockets. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isClientGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted;
}
