/**
 * THE WAY OF ONE CONNECTION: accepted, PROXY header read, admitted, TLS, dial (with a PROXY header, and TLS, to the
 * server), relay, account, closed, in this order.
 *
 * @module
 */

import type { AcceptProxyPlan, ProxyProtocolPlan } from "../config/model.ts";
import type { Deadline } from "../net/deadlines.ts";
import { direct } from "../net/direct_stream.ts";
import { HandshakeError } from "../net/tls/handshake_failure.ts";
import type { Entry } from "../net/linked_list.ts";
import { rangesInclude } from "../net/address_set.ts";
import { type ByteStream, closeQuietly, writeAll } from "../net/stream.ts";
import { setTcpOptions } from "../net/tcp_options.ts";
import type { Lease } from "../upstream/pool.ts";
import { admit } from "./admit.ts";
import { dial, type Dialed, type DialingClient, type DialResult } from "./dial.ts";
import type { EndReason } from "../end_reason.ts";
import { accessRecord, SessionNotes } from "./access_record.ts";
import { buildProxyHeader, type ReadHeader, readProxyHeader, type Route, routeOf } from "./proxy_header.ts";
import { isOurMistake, Relay, type RelayObserver, type Side } from "./relay.ts";
import type { AcceptedConnection, EndDetail, SessionContext } from "./session_context.ts";
import { secure, type SecuredClient } from "./tls_handshake.ts";

/** One client's connection, from accept to close. */
export class Session implements Deadline, DialingClient, RelayObserver {
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
      const dialed = await dial(this, this.#context);
      if (!this.#takeServer(dialed)) return;
      // What came before a handshake was part of it.
      if (payload.length > 0 && !isTls && !(await this.#sendFirst(dialed.stream, payload))) return;
      new Relay(this.#stream, dialed.stream, { buffers: this.#context.buffers, observer: this }).start();
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
    let result: ReadHeader | string | undefined;
    this.#endAfter(timeout, "proxy_header_timeout");
    try {
      result = await readProxyHeader(direct(this.#client));
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#context.wheel.remove(this);
    }
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
    this.#endAfter(handshakeTimeout, "handshake_timeout");
    try {
      secured = await secure(this.#client, early, tls);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#context.wheel.remove(this);
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

  /** The session ends with `reason` unless the wheel is told otherwise in time. */
  #endAfter(seconds: number, reason: EndReason): void {
    const { wheel } = this.#context;
    this.#onExpiry = reason;
    this.dueTick = wheel.tickIn(seconds);
    wheel.add(this);
  }

  /** What the client did not get through. @throws what is our mistake and not the client's */
  #fail(error: unknown): void {
    if (isOurMistake(error)) throw error;
    if (this.#over || !(error instanceof HandshakeError)) return this.end("reset");
    this.#context.counters.handshakeFailed(error.failure);
    const { failure, message: text, serverName } = error;
    this.end("handshake_failed", { text, failure, ...(serverName === null ? {} : { serverName }) });
  }

  /** The client's own address, for {@link dial}. */
  get address(): string {
    return this.route.source.address;
  }

  /** For {@link dial}. */
  get listenerPort(): number {
    return this.#client.localAddr.port;
  }

  /** For {@link dial}. */
  isGone(): boolean {
    return this.#over;
  }

  /** For {@link dial}. */
  onFailure(reason: string): void {
    this.#notes.connectFailure = reason;
  }

  /** The PROXY protocol header. For {@link dial}. */
  preamble(): Uint8Array {
    const { proxyProtocol } = this.#context;
    return proxyProtocol === null ? NOTHING : this.#proxyHeader(proxyProtocol);
  }

  /** Takes a server over, unless the session has ended meanwhile. @returns whether there is something to relay */
  #takeServer(result: DialResult): result is Dialed {
    if (typeof result === "string") {
      this.end(result);
      return false;
    }
    const { stream, lease, port, seconds } = result;
    if (this.#over) {
      closeQuietly(stream);
      lease[Symbol.dispose]();
      return false;
    }
    this.#server = stream;
    this.#lease = lease;
    this.#notes.connectTime = seconds;
    this.#notes.server = lease.server.plan;
    this.#notes.serverPort = port;
    setTcpOptions(this.#client, this.#context.tcpKeepAlive);
    const { wheel, idleTicks } = this.#context;
    this.#onExpiry = "idle_timeout";
    this.dueTick = wheel.tickAfter(idleTicks);
    wheel.add(this);
    return true;
  }

  /** Passes on what the client has sent already. @returns whether the relay may begin */
  async #sendFirst(server: ByteStream, payload: Uint8Array): Promise<boolean> {
    this.onBytes("client", payload.length);
    try {
      await writeAll(server, payload);
    } catch (error) {
      if (isOurMistake(error)) throw error;
      this.end("reset");
    }
    return !this.#over;
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
