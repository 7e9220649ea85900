/**
 * One listener in its worker: its sessions, settings that change in place, and draining.
 *
 * @module
 */

import type { AccessRecord } from "../access_log/record.ts";
import type { AccessFormat } from "../access_log/render.ts";
import { ListenerCounters } from "../board/board.ts";
import type { WorkerMemory } from "../board/layout.ts";
import { sameData } from "../config/diff.ts";
import { type ListenerPlan, probedPort } from "../config/model.ts";
import { messageOf } from "../errors.ts";
import { HealthChecker } from "../health/checker.ts";
import type { SocketKind } from "../messages.ts";
import type { BufferPool } from "../net/buffers.ts";
import { isShortage } from "../net/connect.ts";
import type { DeadlineWheel } from "../net/deadlines.ts";
import { closeQuietly } from "../net/stream.ts";
import { LinkedList } from "../net/linked_list.ts";
import type { TlsSettings } from "../net/tls/accept.ts";
import type { ServerTls } from "../net/tls/connect_tls.ts";
import { CERTIFICATE_FAILURES } from "../net/tls/handshake_failure.ts";
import type { EndReason } from "../end_reason.ts";
import { OldestOut } from "../session/handshake_limit.ts";
import type { ReachError } from "../session/reach.ts";
import { Session } from "../session/session.ts";
import type { AcceptedConnection, EndDetail, SessionContext } from "../session/session_context.ts";
import { Pool, type Server } from "../upstream/pool.ts";
import { Acceptor } from "./acceptor.ts";
import { Drain, type DrainContext } from "./drain.ts";
import type { ListenerEnvironment } from "./listener_environment.ts";
import { clientTlsOf, handshakesOf, serverTlsOf } from "./listener_tls.ts";
import { openSocket } from "./listening_socket.ts";
import { RefusalLog } from "./refusal_log.ts";
import { ServerTroubleLog } from "./server_trouble_log.ts";

/** The least time between two log lines about failing accepts. */
const ACCEPT_LOG_EVERY_MS = 5000;

/** Reasons that are logged at debug level, as samples. */
const LOGGED_REFUSALS: ReadonlySet<EndReason> = new Set([
  "denied",
  "limit",
  "overload",
  "no_server",
  "proxy_header_invalid",
  "proxy_header_timeout",
  "handshake_failed",
  "handshake_timeout",
  "handshake_limit",
]);

/** What it takes to open a listener. */
export interface ListenerOpening {
  readonly plan: ListenerPlan;
  readonly memory: WorkerMemory;
  readonly sockets: SocketKind;
  /** Ports of the plan that are not opened for now. */
  readonly closed: readonly number[];
}

/** A listener that runs. */
export class RunningListener implements SessionContext {
  readonly counters: ListenerCounters;
  readonly pool: Pool;
  readonly wheel: DeadlineWheel;
  readonly buffers: BufferPool;
  idleTicks: number;
  readonly #environment: ListenerEnvironment;
  readonly #checker: HealthChecker;
  readonly #sessions = new LinkedList<Session>();
  #plan: ListenerPlan;
  readonly #acceptor: Acceptor;
  #sockets: SocketKind;
  #started = false;
  #drain: Drain | undefined;
  #acceptErrorLoggedAt = -Infinity;
  readonly #refusals: RefusalLog;
  /** Refused certificates are told louder: somebody is waiting to be let in. */
  readonly #refusedCertificates: RefusalLog;
  readonly #serverTroubles: ServerTroubleLog;
  readonly handshakes: OldestOut;
  tls: TlsSettings | null;
  serverTls: ServerTls | null;

  /** Opens its ports. @throws {WeirError} `bind_failed` */
  constructor({ plan, memory, sockets, closed }: ListenerOpening, environment: ListenerEnvironment) {
    this.#plan = plan;
    this.#environment = environment;
    this.#sockets = sockets;
    this.wheel = environment.wheel;
    this.buffers = environment.buffers;
    this.counters = new ListenerCounters(memory.listener, memory.ledger);
    const shared = plan.workers > 1;
    const { now } = environment.checker;
    this.pool = new Pool(plan.pool, memory, { ipTranslation: plan.ipTranslation, now, shared });
    this.idleTicks = this.wheel.ticks(plan.idleTimeout);
    this.#checker = new HealthChecker(plan.pool.healthCheck, {
      ...environment.checker,
      portOf: (server) => probedPort(server.plan, this.#plan.ports),
      onState: (server, state) => this.pool.setHealth(server, state),
      onTransition: (server, transition) => environment.onHealth(this.#plan.name, server, transition),
      onOutcome: (server, error) => environment.onProbe(this.#plan.name, server, error),
    }, false);
    this.#refusals = new RefusalLog(plan.name, environment.log);
    this.#refusedCertificates = new RefusalLog(plan.name, environment.log, "info");
    this.#serverTroubles = new ServerTroubleLog(plan.name, environment.log);
    this.handshakes = new OldestOut(handshakesOf(plan));
    this.tls = clientTlsOf(plan, environment.checkedCertificates);
    this.serverTls = serverTlsOf(plan);
    this.#acceptor = new Acceptor(plan, closed, {
      open: (of, port) => openSocket(of, port, this.#sockets),
      onConnection: (connection) => this.#serve(connection),
      isAhead: () => this.#plan.workers > 1 && this.counters.ownShare * this.#plan.workers > 1,
      onAcceptError: (error) => {
        this.counters.acceptFailed();
        if (isShortage(error)) this.onShortage(error);
        else this.#logAcceptError(error);
      },
    });
  }

  /** Its name. */
  get name(): string {
    return this.#plan.name;
  }

  /** How the access log wants lines; `null` while it is off. */
  get accessFormat(): AccessFormat | null {
    return this.counters.accessFormat;
  }

  /** The ports it listens on. */
  get ports(): ListenerPlan["ports"] {
    return this.#plan.ports;
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

  /** Starts accepting; once. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#checker.update(this.#plan.pool.healthCheck, this.pool.servers);
    this.#acceptor.start();
  }

  /** Probes the servers from now on, for all threads of the listener. */
  probe(): void {
    this.#checker.takeOver();
  }

  /**
   * Opens what a plan needs beside what is open: added ports, and sockets for a renewed certificate. Threads that join
   * for it may pick servers from now on.
   *
   * @throws {WeirError} `bind_failed`; nothing has changed then
   */
  prepare(plan: ListenerPlan): void {
    this.#acceptor.prepare(plan);
    this.pool.share(plan.workers > 1 || this.#plan.workers > 1);
  }

  /** Takes {@link prepare} back. */
  async forgo(): Promise<void> {
    await this.#acceptor.forgo();
    this.pool.share(this.#plan.workers > 1);
  }

  /** Takes up new settings; established connections stay. @throws {WeirError} `bind_failed` */
  async update(plan: ListenerPlan, memory: WorkerMemory): Promise<void> {
    // Done before, unless this worker has taken over from one that died in between.
    this.prepare(plan);
    if (!sameData(plan.tls, this.#plan.tls)) this.tls = clientTlsOf(plan, this.#environment.checkedCertificates);
    if (!sameData(plan.pool.backendTls, this.#plan.pool.backendTls)) this.serverTls = serverTlsOf(plan);
    this.handshakes.most = handshakesOf(plan);
    this.#plan = plan;
    this.idleTicks = this.wheel.ticks(plan.idleTimeout);
    this.pool.share(plan.workers > 1);
    this.pool.update(plan.pool, memory);
    this.#checker.update(plan.pool.healthCheck, this.pool.servers);
    await this.#acceptor.adopt(plan);
  }

  /** Closes ports for now, all unless some are named; sessions go on. They are free when this resolves. */
  suspend(ports?: readonly number[]): Promise<void> {
    return this.#acceptor.close(ports);
  }

  /** Opens its closed ports again and goes on accepting. @throws {WeirError} `bind_failed` */
  resume(sockets: SocketKind): void {
    this.#sockets = sockets;
    this.#acceptor.open();
  }

  /** Has every port on a socket of its own from now on. @throws {WeirError} `bind_failed`; some are closed then */
  async split(): Promise<void> {
    this.#sockets = "beside";
    await this.#acceptor.reopen();
  }

  /**
   * Accepts nothing more, and ends the sessions over `drainTimeout` seconds. Called again it may give them less time.
   *
   * @param onProgress hears how many are left, and how many had to be ended
   */
  async stop(drainTimeout: number, onProgress: DrainContext["onProgress"]): Promise<void> {
    // At once: a successor probes for itself, and shares this board.
    this.#checker.stop();
    await this.suspend();
    if (this.#drain === undefined) {
      const { now, every } = this.#environment;
      this.#drain = new Drain(drainTimeout, { sessions: this.#sessions, now, every, onProgress });
    } else this.#drain.shorten(drainTimeout);
    await this.#drain.over;
  }

  /** Never throws: the loop that accepts serves everybody. */
  #serve(connection: AcceptedConnection): void {
    try {
      const session = new Session(connection, this);
      if (!this.#environment.capacity.takeConnection()) return session.end("overload");
      session.listed = this.#sessions.add(session);
      void session.run();
    } catch (error) {
      this.onFault(error);
      closeQuietly(connection);
    }
  }

  /** For {@link Session}. */
  onEnd(session: Session, reason: EndReason, detail?: EndDetail): void {
    if (LOGGED_REFUSALS.has(reason)) {
      const isCertificate = detail?.failure !== undefined && CERTIFICATE_FAILURES.has(detail.failure);
      const log = isCertificate ? this.#refusedCertificates : this.#refusals;
      log.note(session.route.source.address, reason, detail);
    }
    const { capacity } = this.#environment;
    if (reason === "overload") capacity.refused();
    if (session.listed !== undefined && this.#sessions.remove(session.listed)) capacity.giveConnection();
    if (this.#sessions.size === 0) this.#drain?.look();
  }

  /** For {@link Session}. */
  onAccess(record: AccessRecord, format: AccessFormat): void {
    this.#environment.accessLog.add(record, format);
  }

  /** For {@link Session}. */
  onConnectFailure(server: Server, inARow: number, { message, wasConnected }: ReachError): void {
    // Probes do not see it, and without them nobody would.
    if (wasConnected) this.#serverTroubles.note(server, message);
    this.#checker.connectionsFailed(server, inARow, message);
  }

  /** For {@link Session}. */
  onShortage(error: unknown): void {
    this.#environment.onShortage(error);
  }

  /** For {@link Session}. */
  onFault(error: unknown): void {
    const stack = error instanceof Error ? error.stack ?? error.message : String(error);
    this.#environment.log("error", "A connection ended because of a fault in Weir", {
      listener: this.#plan.name,
      error: stack,
    });
  }

  #logAcceptError(error: unknown): void {
    if (performance.now() - this.#acceptErrorLoggedAt < ACCEPT_LOG_EVERY_MS) return;
    this.#acceptErrorLoggedAt = performance.now();
    this.#environment.log(
      "error",
      `Listener "${this.#plan.name}" cannot accept connections: ${messageOf(error)}; trying again`,
      {
        event: "accept_failing",
        listener: this.#plan.name,
      },
    );
  }
}
