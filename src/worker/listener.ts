/**
 * One listener in its worker: the socket, the accept loop, settings that change in place, and draining.
 *
 * @module
 */

import { ListenerCounters } from "../board/board.ts";
import type { BoardMemory } from "../board/layout.ts";
import type { ListenerPlan } from "../config/model.ts";
import { messageOf } from "../errors.ts";
import { type CheckerContext, HealthChecker } from "../health/checker.ts";
import type { Log } from "../log.ts";
import type { BufferPool } from "../net/buffers.ts";
import type { DeadlineWheel } from "../net/deadlines.ts";
import { listenShared, listenTls } from "../net/listen.ts";
import { closeQuietly } from "../net/stream.ts";
import type { EndReason } from "../end_reason.ts";
import { type AcceptedConnection, Session, type SessionContext } from "../session/session.ts";
import { Pool, type Server } from "../upstream/pool.ts";
import { RefusalLog } from "./refusal_log.ts";

/** What all listeners of a worker share. */
export interface ListenerEnvironment {
  readonly wheel: DeadlineWheel;
  readonly buffers: BufferPool;
  readonly log: Log;
  /** How servers are probed; the listener adds what to do with a transition. */
  readonly checker: Omit<CheckerContext, "onState" | "onTransition" | "onOutcome">;
  /** Hears of health transitions and of new probe outcomes. */
  readonly onHealth: (listener: string, ...event: Parameters<CheckerContext["onTransition"]>) => void;
  readonly onProbe: (listener: string, ...event: Parameters<CheckerContext["onOutcome"]>) => void;
}

/** How long the accept loop waits when the machine has no descriptor left. */
const ACCEPT_PAUSE_MS = 50;
/** The least time between two log lines about failing accepts. */
const ACCEPT_LOG_EVERY_MS = 5000;

/** Reasons that are logged at debug level, as samples. */
const LOGGED_REFUSALS: ReadonlySet<EndReason> = new Set([
  "denied",
  "limit",
  "no_server",
  "proxy_header_invalid",
  "proxy_header_timeout",
]);

type ListeningSocket = Deno.TcpListener | Deno.TlsListener;

/** A listener that runs. */
export class RunningListener implements SessionContext {
  readonly counters: ListenerCounters;
  readonly pool: Pool;
  readonly wheel: DeadlineWheel;
  readonly buffers: BufferPool;
  idleTicks: number;
  readonly #environment: ListenerEnvironment;
  readonly #checker: HealthChecker;
  readonly #sessions = new Set<Session>();
  #plan: ListenerPlan;
  #socket: ListeningSocket | undefined;
  /** A socket with a renewed certificate, until {@link update} makes it the only one. */
  #renewed: ListeningSocket | undefined;
  /** Sockets that are open, and the end of accepting from each: only then is it really closed. */
  readonly #open = new Map<ListeningSocket, Promise<void>>();
  #started = false;
  #onEmpty: (() => void) | undefined;
  #acceptErrorLoggedAt = -Infinity;
  readonly #refusals: RefusalLog;

  /** Opens the socket. @throws {WeirError} `bind_failed` */
  constructor(plan: ListenerPlan, memory: BoardMemory, environment: ListenerEnvironment) {
    this.#plan = plan;
    this.#environment = environment;
    this.wheel = environment.wheel;
    this.buffers = environment.buffers;
    this.counters = new ListenerCounters(memory.listener);
    this.pool = new Pool(plan.pool, memory, { ipTranslation: plan.ipTranslation, now: environment.checker.now });
    this.idleTicks = this.wheel.ticks(plan.idleTimeout);
    this.#checker = new HealthChecker(plan.pool.healthCheck, {
      ...environment.checker,
      onState: (server, state) => this.pool.setHealth(server, state),
      onTransition: (server, transition) => environment.onHealth(this.#plan.name, server, transition),
      onOutcome: (server, error) => environment.onProbe(this.#plan.name, server, error),
    });
    this.#refusals = new RefusalLog(plan.name, environment.log);
    this.#socket = openSocket(plan);
  }

  /** Who may connect. */
  get access(): ListenerPlan["access"] {
    return this.#plan.access;
  }

  /** Connections at once. */
  get maxConnections(): number | null {
    return this.#plan.maxConnections;
  }

  /** New connections a second. */
  get maxNewConnections(): number | null {
    return this.#plan.maxNewConnections;
  }

  /** Whose PROXY protocol headers are read. */
  get acceptProxy(): ListenerPlan["acceptProxy"] {
    return this.#plan.acceptProxy;
  }

  /** The PROXY protocol header for servers. */
  get proxyProtocol(): ListenerPlan["proxyProtocol"] {
    return this.#plan.proxyProtocol;
  }

  /** Seconds that one connection attempt may take. */
  get connectTimeout(): number {
    return this.#plan.connectTimeout;
  }

  /** Whether new connections are kept alive. */
  get tcpKeepAlive(): boolean {
    return this.#plan.tcpKeepAlive;
  }

  /** Seconds that a TLS handshake may take. */
  get handshakeTimeout(): number {
    return this.#plan.tls?.handshakeTimeout ?? 0;
  }

  /** Starts accepting and probing; once. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#checker.update(this.#plan.pool.healthCheck, this.pool.servers);
    if (this.#socket !== undefined) this.#accept(this.#socket);
  }

  /**
   * Opens a socket for a renewed certificate beside the old one; from now on new clients may get either. Nothing is
   * done when the certificate is the same.
   *
   * @throws {WeirError} `bind_failed`; nothing has changed then
   */
  renew(plan: ListenerPlan): void {
    if (plan.tls?.certPem === this.#plan.tls?.certPem && plan.tls?.keyPem === this.#plan.tls?.keyPem) return;
    if (this.#socket === undefined || this.#renewed !== undefined) return;
    this.#renewed = openSocket(plan);
    // One that has not started yet gets its accept loop in start(), and a socket must not have two.
    if (this.#started) this.#accept(this.#renewed);
  }

  /** Takes {@link renew} back. */
  async forgo(): Promise<void> {
    const renewed = this.#renewed;
    this.#renewed = undefined;
    await this.#close(renewed);
  }

  /** Takes up new settings; established connections stay. @throws {WeirError} `bind_failed` */
  async update(plan: ListenerPlan, memory: BoardMemory): Promise<void> {
    // Done before, unless this worker has taken over from one that died in between.
    this.renew(plan);
    this.#plan = plan;
    this.idleTicks = this.wheel.ticks(plan.idleTimeout);
    this.pool.update(plan.pool, memory);
    this.#checker.update(plan.pool.healthCheck, this.pool.servers);
    if (this.#renewed === undefined) return;
    const before = this.#socket;
    this.#socket = this.#renewed;
    this.#renewed = undefined;
    await this.#close(before);
  }

  /** Closes the listening socket for now; sessions go on. The port is free when this resolves. */
  async suspend(): Promise<void> {
    const [socket, renewed] = [this.#socket, this.#renewed];
    this.#socket = undefined;
    this.#renewed = undefined;
    await Promise.all([this.#close(socket), this.#close(renewed)]);
  }

  /** Opens the socket again and goes on accepting. @throws {WeirError} `bind_failed` */
  resume(): void {
    if (this.#socket !== undefined) return;
    this.#socket = openSocket(this.#plan);
    this.#accept(this.#socket);
  }

  /** Accepts nothing more, waits for the sessions for `drainTimeout` seconds, then ends those that are left. */
  async stop(drainTimeout: number): Promise<void> {
    // At once: a successor probes for itself, and shares this board.
    this.#checker.stop();
    await this.suspend();
    if (this.#sessions.size > 0 && drainTimeout > 0) await this.#empty(drainTimeout);
    for (const session of this.#sessions) session.end("drain");
  }

  /** Counts every session on the board again: somebody else's death has set it to none. */
  recount(): void {
    for (const session of this.#sessions) session.recount();
  }

  /** For {@link Session}. */
  onEnd(session: Session, reason: EndReason, detail?: string): void {
    if (LOGGED_REFUSALS.has(reason)) this.#refusals.note(session.route.source.address, reason, detail);
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.#onEmpty?.();
  }

  /** For {@link Session}. */
  onConnectFailure(server: Server, inARow: number, reason: string): void {
    this.#checker.connectionsFailed(server, inARow, reason);
  }

  /** For {@link Session}. */
  onFault(error: unknown): void {
    const stack = error instanceof Error ? error.stack ?? error.message : String(error);
    this.#environment.log("error", "A connection ended because of a fault in Weir", {
      listener: this.#plan.name,
      error: stack,
    });
  }

  #empty(seconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      this.#onEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #accept(socket: ListeningSocket): void {
    this.#open.set(socket, Promise.resolve());
    this.#open.set(socket, this.#acceptFrom(socket));
  }

  async #close(socket: ListeningSocket | undefined): Promise<void> {
    if (socket === undefined) return;
    const accepting = this.#open.get(socket);
    this.#open.delete(socket);
    closeQuietly(socket);
    await accepting;
  }

  /** Runs until the socket is closed on purpose; no error ends it. */
  async #acceptFrom(socket: ListeningSocket): Promise<void> {
    while (this.#open.has(socket)) {
      let connection: AcceptedConnection;
      try {
        connection = await socket.accept();
      } catch (error) {
        if (!this.#open.has(socket)) return;
        // The client went before it was accepted: its place in the queue is free again, there is nothing to wait for.
        if (isClientGone(error)) continue;
        this.counters.acceptFailed();
        this.#logAcceptError(error);
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
        continue;
      }
      const session = new Session(connection, this);
      this.#sessions.add(session);
      void session.run();
    }
  }

  #logAcceptError(error: unknown): void {
    if (performance.now() - this.#acceptErrorLoggedAt < ACCEPT_LOG_EVERY_MS) return;
    this.#acceptErrorLoggedAt = performance.now();
    this.#environment.log(
      "error",
      `Listener "${this.#plan.name}" cannot accept connections: ${messageOf(error)}; trying again`,
      {
        listener: this.#plan.name,
      },
    );
  }
}

function isClientGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted;
}

function openSocket(plan: ListenerPlan): ListeningSocket {
  return plan.tls === null ? listenShared(plan) : listenTls(plan, plan.tls);
}
