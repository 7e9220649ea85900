/**
 * THE WAY OF ONE CONNECTION: accepted, TLS, dial, relay, account, closed, in this order.
 *
 * @module
 */

import type { ListenerCounters } from "../board/board.ts";
import type { BufferPool } from "../net/buffers.ts";
import type { Deadline, DeadlineWheel } from "../net/deadlines.ts";
import { type ByteStream, closeQuietly } from "../net/stream.ts";
import type { Lease, Pool } from "../upstream/pool.ts";
import { dial } from "./dial.ts";
import type { EndReason } from "../end_reason.ts";
import { Relay, type RelayObserver, type Side } from "./relay.ts";
import { acceptTls } from "./tls_accept.ts";

/** What the sessions of a listener share. The times are those in force; reloads change them. */
export interface SessionContext {
  readonly counters: ListenerCounters;
  readonly pool: Pool;
  readonly wheel: DeadlineWheel;
  readonly buffers: BufferPool;
  /** Ticks of the wheel without a byte after which a connection ends. */
  readonly idleTicks: number;
  /** Seconds that one connection attempt may take. */
  readonly connectTimeout: number;
  /** Seconds that a TLS handshake may take. */
  readonly handshakeTimeout: number;
  /** A session has ended; called once for each. */
  onEnd(session: Session, reason: EndReason): void;
  /** A fault of ours; the session it happened in ends, no other notices. */
  onFault(error: unknown): void;
}

/** An accepted connection. */
export type AcceptedConnection = Deno.TcpConn | Deno.TlsConn;

/** One client's connection, from accept to close. */
export class Session implements Deadline, RelayObserver {
  /** When the current phase is over; pushed back by every byte. */
  dueTick = 0;
  readonly #client: AcceptedConnection;
  readonly #context: SessionContext;
  #onExpiry: EndReason = "handshake_timeout";
  #server: ByteStream | undefined;
  #lease: Lease | undefined;
  #over = false;

  /** @param client let in and counted as open, @param context its listener's */
  constructor(client: AcceptedConnection, context: SessionContext) {
    this.#client = client;
    this.#context = context;
  }

  /** Serves the connection; returns once bytes flow or nothing more is to be done. Never throws. */
  async run(): Promise<void> {
    try {
      if ("handshake" in this.#client && !(await this.#handshake(this.#client))) return;
      await this.#connect();
    } catch (error) {
      this.#context.onFault(error);
      this.end("internal_error");
    }
  }

  /** Ends the session now, for a reason that lies outside of it. Harmless when it has ended. */
  end(reason: EndReason): void {
    if (this.#over) return;
    this.#over = true;
    this.#context.wheel.remove(this);
    closeQuietly(this.#client);
    closeQuietly(this.#server);
    this.#lease?.[Symbol.dispose]();
    this.#context.counters.closed(reason);
    this.#context.onEnd(this, reason);
  }

  async #handshake(client: Deno.TlsConn): Promise<boolean> {
    const { wheel, handshakeTimeout } = this.#context;
    this.dueTick = wheel.tickIn(handshakeTimeout);
    wheel.add(this);
    const done = await acceptTls(client);
    wheel.remove(this);
    if (!done) this.end("handshake_failed");
    return done && !this.#over;
  }

  async #connect(): Promise<void> {
    const result = await dial(this.#client.remoteAddr.hostname, this.#context);
    if (typeof result === "string") {
      this.end(result);
      return;
    }
    if (this.#over) {
      closeQuietly(result.connection);
      result.lease[Symbol.dispose]();
      return;
    }
    this.#server = result.connection;
    this.#lease = result.lease;
    withoutDelay(result.connection);
    withoutDelay(this.#client);
    this.#relay(result.connection);
  }

  #relay(server: ByteStream): void {
    const { wheel, idleTicks, buffers } = this.#context;
    this.#onExpiry = "idle_timeout";
    this.dueTick = wheel.tickAfter(idleTicks);
    wheel.add(this);
    new Relay(this.#client, server, { buffers, observer: this }).start();
  }

  /** Counts bytes and pushes the idle timeout back. For {@link Relay}. */
  onBytes(from: Side, bytes: number): void {
    this.dueTick = this.#context.wheel.now + this.#context.idleTicks;
    const server = this.#lease?.server.counters;
    if (from === "client") {
      this.#context.counters.addBytesIn(bytes);
      server?.addBytesIn(bytes);
    } else {
      this.#context.counters.addBytesOut(bytes);
      server?.addBytesOut(bytes);
    }
  }

  /** For {@link Relay}. */
  onEnd(reason: EndReason): void {
    this.end(reason);
  }

  /** For the deadline wheel. */
  expire(): void {
    this.end(this.#onExpiry);
  }
}

/** Small writes go out at once: the other end is waiting for them. */
function withoutDelay(connection: AcceptedConnection): void {
  if (!("setNoDelay" in connection)) return;
  try {
    connection.setNoDelay(true);
  } catch {
    // The peer has gone already; the relay will find out by itself.
  }
}
