/**
 * THE WAY OF ONE CONNECTION: accepted, PROXY header read, admitted, TLS, dial (with a PROXY header, and TLS, to the
 * server), relay, account, closed, in this order.
 *
 * @module
 */

import type { AccessRecord } from "../access_log/record.ts";
import type { AccessFormat } from "../access_log/render.ts";
import type { AcceptProxyPlan, ProxyProtocolPlan } from "../config/model.ts";
import type { BufferPool } from "../net/buffers.ts";
import type { Deadline } from "../net/deadlines.ts";
import { HandshakeError, type HandshakeFailure } from "../net/tls/handshake_failure.ts";
import type { TlsSettings } from "../net/tls/accept.ts";
import type { Entry } from "../net/linked_list.ts";
import { rangesInclude } from "../net/address_set.ts";
import { type ByteStream, closeQuietly, writeAll } from "../net/stream.ts";
import { setTcpOptions } from "../net/tcp_options.ts";
import type { Lease } from "../upstream/pool.ts";
import { admit, type Gate } from "./admit.ts";
import { dial, type DialContext } from "./dial.ts";
import type { EndReason } from "../end_reason.ts";
import { accessRecord, SessionNotes } from "./access_record.ts";
import { buildProxyHeader, readProxyHeader, type Route, routeOf } from "./proxy_header.ts";
import { isOurMistake, Relay, type RelayObserver, type Side } from "./relay.ts";
import { secure, type SecuredClient } from "./tls_handshake.ts";

/** More than the reason says, for the log. */
export interface EndDetail {
  readonly text: string;
  /** Why the handshake failed. */
  readonly failure?: HandshakeFailure;
  /** The host name that the client had asked for by then. */
  readonly serverName?: string;
}

/** Keeps the number of handshakes under way down by ending the oldest. */
export interface HandshakeLimit {
  /** A session begins its handshake. @returns its place among those under way */
  started(session: Session): Entry<Session>;
  /** Its handshake is over, one way or the other. */
  ended(place: Entry<Session>): void;
}

/** What the sessions of a listener share. The settings are those in force; reloads change them. */
export interface SessionContext extends Gate, DialContext {
  /** The listener's name. */
  readonly name: string;
  /** How the access log wants lines; `null` while it is off. */
  readonly accessFormat: AccessFormat | null;
  readonly buffers: BufferPool;
  /** Ticks of the wheel without a byte after which a connection ends. */
  readonly idleTicks: number;
  /** How TLS is ended; `null` where it is not, or where the runtime does it. */
  readonly tls: TlsSettings | null;
  /** Seconds that a TLS handshake may take. */
  readonly handshakeTimeout: number;
  /** Keeps the number of handshakes under way down. */
  readonly handshakes: HandshakeLimit;
  /** Whose PROXY protocol headers are read; `null` for nobody's. */
  readonly acceptProxy: AcceptProxyPlan | null;
  /** The PROXY protocol header for servers; `null` for none. */
  readonly proxyProtocol: ProxyProtocolPlan | null;
  /** A session has ended; called once for each. @param detail more than the reason says, for the log */
  onEnd(session: Session, reason: EndReason, detail?: EndDetail): void;
  /** What the access log is to tell of a session that has ended. */
  onAccess(record: AccessRecord, format: AccessFormat): void;
  /** A fault of ours; the session it happened in ends, no other notices. */
  onFault(error: unknown): void;
}

/** An accepted connection. */
export type AcceptedConnection = Deno.TcpConn | Deno.TlsConn;

/** One client's connection, from accept to close. */
export class Session implements Deadline, RelayObserver {
  /** When the current phase is over; pushed back by every byte. */
  dueTick = 0;
  /** Where it is on the wheel. */
  place: Entry<Deadline> | undefined = undefined;
  /** Where it is among the sessions of its listener. */
  listed: Entry<Session> | undefined = undefined;
  /** The client and what it connected to; a PROXY protocol header may know better than the connection. */
  route: Route;
  readonly #client: AcceptedConnection;
  readonly #context: SessionContext;
  #onExpiry: EndReason = "handshake_timeout";
  #admitted = false;
  /** What clients' plain bytes are read from and written to: the connection itself, or TLS over it. */
  #stream: ByteStream;
  #secured: SecuredClient | undefined;
  #server: ByteStream | undefined;
  #lease: Lease | undefined;
  #over = false;
  /** Who has sent the last byte. */
  #lastFrom: Side | undefined;
  readonly #notes: SessionNotes;

  /** @param client just accepted, @param context its listener's */
  constructor(client: AcceptedConnection, context: SessionContext) {
    this.#client = client;
    this.#stream = client;
    this.#context = context;
    this.#notes = new SessionNotes(performance.now());
    this.route = routeOf(client);
  }

  /** Serves the connection; returns once bytes flow or nothing more is to be done. Never throws. */
  async run(): Promise<void> {
    try {
      const { acceptProxy } = this.#context;
      const announced = acceptProxy !== null && rangesInclude(acceptProxy.ranges, this.#client.remoteAddr.hostname);
      const payload = announced ? await this.#readProxyHeader(acceptProxy) : NOTHING;
      if (this.#over || !this.#admit()) return;
      const isTls = this.#context.tls !== null || "handshake" in this.#client;
      if (isTls && !(await this.#handshake(payload))) return;
      const server = await this.#connect();
      // What came before a handshake was part of it.
      if (server !== undefined) await this.#relay(server, isTls ? NOTHING : payload);
    } catch (error) {
      this.#context.onFault(error);
      this.end("internal_error");
    }
  }

  /** Ends the session now, for a reason that may lie outside of it. Harmless when it has ended. Never throws. */
  end(reason: EndReason, detail?: EndDetail): void {
    if (this.#over) return;
    this.#over = true;
    try {
      this.#settle(reason, detail);
    } catch (error) {
      // Whoever ends a session may be about another one's business, or about that of many.
      this.#context.onFault(error);
    }
    this.#close(this.#stream);
    this.#close(this.#server);
    this.#context.onEnd(this, reason, detail);
  }

  /** Counted first, so that nobody who sees the connection closed finds it missing in the counters. */
  #settle(reason: EndReason, detail: EndDetail | undefined): void {
    this.#logAccess(reason, detail);
    if (reason === "handshake_timeout") this.#context.counters.handshakeFailed("timeout");
    if (reason === "handshake_limit") this.#context.counters.handshakeFailed("too_many");
    this.#context.wheel.remove(this);
    this.#lease?.[Symbol.dispose]();
    const { counters } = this.#context;
    if (this.#admitted) {
      counters.closed(reason);
      counters.lasted((performance.now() - this.#notes.startedAt) / 1000);
    } else counters.turnedAway(reason);
  }

  #close(stream: ByteStream | undefined): void {
    try {
      closeQuietly(stream);
    } catch (error) {
      this.#context.onFault(error);
    }
  }

  /** What is known of TLS goes with the stream, so this comes before it is closed. */
  #logAccess(reason: EndReason, detail: EndDetail | undefined): void {
    const { accessFormat, name } = this.#context;
    if (accessFormat === null) return;
    try {
      const facts = this.#secured?.facts() ?? null;
      const end = { reason, detail, facts, at: performance.now(), time: Date.now() };
      this.#context.onAccess(accessRecord(name, this.route, this.#notes, end), accessFormat);
    } catch (error) {
      this.#context.onFault(error);
    }
  }

  /** Reads the header that this client sends first. @returns what came after it */
  async #readProxyHeader({ timeout, groups }: AcceptProxyPlan): Promise<Uint8Array> {
    const result = await this.#within(timeout, "proxy_header_timeout", () => readProxyHeader(this.#client));
    if (this.#over) return NOTHING;
    if (result === undefined) this.end("client_closed");
    else if (typeof result === "string") {
      this.end(
        "proxy_header_invalid",
        { text: `clients of ${groups.join(", ")} have to send a PROXY protocol header: ${result}` },
      );
    } else {
      this.#notes.peer = this.route.source;
      this.route = routeOf(this.#client, result.header);
      return result.rest;
    }
    return NOTHING;
  }

  /** The access list and the limits see the real client. @returns whether it is in */
  #admit(): boolean {
    const refusal = admit(this.route.source.address, this.#context);
    this.#admitted = refusal === undefined;
    if (refusal !== undefined) this.end(refusal);
    return this.#admitted;
  }

  /** @param early what the client has sent already @returns whether the client is through */
  async #handshake(early: Uint8Array): Promise<boolean> {
    const { counters, handshakes, handshakeTimeout, tls } = this.#context;
    const startedAt = performance.now();
    let secured: SecuredClient | undefined;
    const place = handshakes.started(this);
    try {
      secured = await this.#within(handshakeTimeout, "handshake_timeout", () => secure(this.#client, early, tls));
    } finally {
      handshakes.ended(place);
    }
    if (this.#over || secured === undefined) {
      closeQuietly(secured?.stream);
      return false;
    }
    this.#notes.handshakeTime = (performance.now() - startedAt) / 1000;
    counters.handshakeDone(this.#notes.handshakeTime);
    this.#secured = secured;
    this.#stream = secured.stream;
    return true;
  }

  /** Works against a deadline; the session ends with `reason` when it is missed. */
  async #within<Result>(seconds: number, reason: EndReason, work: () => Promise<Result>): Promise<Result | undefined> {
    const { wheel } = this.#context;
    this.#onExpiry = reason;
    this.dueTick = wheel.tickIn(seconds);
    wheel.add(this);
    try {
      return await work();
    } catch (error) {
      if (isOurMistake(error)) throw error;
      this.#fail(error);
      return undefined;
    } finally {
      wheel.remove(this);
    }
  }

  #fail(error: unknown): void {
    if (this.#over || !(error instanceof HandshakeError)) return this.end("reset");
    this.#context.counters.handshakeFailed(error.failure);
    const { failure, message: text, serverName } = error;
    this.end("handshake_failed", { text, failure, ...(serverName === null ? {} : { serverName }) });
  }

  async #connect(): Promise<ByteStream | undefined> {
    const notes = this.#notes;
    const { proxyProtocol, tcpKeepAlive } = this.#context;
    const client = {
      address: this.route.source.address,
      listenerPort: this.#client.localAddr.port,
      isGone: () => this.#over,
      preamble: () => proxyProtocol === null ? NOTHING : this.#proxyHeader(proxyProtocol),
      onFailure: (reason: string) => notes.connectFailure = reason,
    };
    const startedAt = performance.now();
    const result = await dial(client, this.#context);
    if (typeof result === "string") {
      this.end(result);
      return undefined;
    }
    if (this.#over) {
      closeQuietly(result.stream);
      result.lease[Symbol.dispose]();
      return undefined;
    }
    this.#server = result.stream;
    this.#lease = result.lease;
    notes.connectTime = (performance.now() - startedAt) / 1000;
    notes.server = result.lease.server.plan;
    notes.serverPort = result.port;
    setTcpOptions(this.#client, tcpKeepAlive);
    return result.stream;
  }

  /** @param payload what the client has sent already */
  async #relay(server: ByteStream, payload: Uint8Array): Promise<void> {
    const { wheel, idleTicks, buffers } = this.#context;
    this.#onExpiry = "idle_timeout";
    this.dueTick = wheel.tickAfter(idleTicks);
    wheel.add(this);
    try {
      if (payload.length > 0) {
        this.onBytes("client", payload.length);
        await writeAll(server, payload);
      }
    } catch (error) {
      if (isOurMistake(error)) throw error;
      this.end("reset");
      return;
    }
    if (!this.#over) new Relay(this.#stream, server, { buffers, observer: this }).start();
  }

  #proxyHeader(plan: ProxyProtocolPlan): Uint8Array {
    const facts = this.#secured?.facts() ?? null;
    if (plan.version === 2 && facts !== null) this.#notes.id = crypto.randomUUID();
    return buildProxyHeader(this.route, plan, facts, this.#notes.id ?? "");
  }

  /** Counts bytes and pushes the idle timeout back. For {@link Relay}. */
  onBytes(from: Side, bytes: number): void {
    this.dueTick = this.#context.wheel.now + this.#context.idleTicks;
    this.#lastFrom = from;
    const server = this.#lease?.server.counters;
    if (from === "client") {
      this.#notes.bytesIn += bytes;
      this.#context.counters.addBytesIn(bytes);
      server?.addBytesIn(bytes);
    } else {
      this.#notes.bytesOut += bytes;
      this.#context.counters.addBytesOut(bytes);
      server?.addBytesOut(bytes);
    }
  }

  /** For {@link Relay}. */
  onEnd(reason: EndReason): void {
    this.end(reason);
  }

  /** Ticks since the last byte, while the client is owed no answer; -1 while it is busy. For draining. */
  get quietTicks(): number {
    if (this.#onExpiry !== "idle_timeout" || this.#lastFrom === "client") return -1;
    const { wheel, idleTicks } = this.#context;
    return Math.max(0, wheel.now + idleTicks - this.dueTick);
  }

  /** For the deadline wheel. */
  expire(): void {
    this.end(this.#onExpiry);
  }
}

const NOTHING = new Uint8Array(0);
