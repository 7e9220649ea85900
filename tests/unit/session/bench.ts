/**
 * What a session needs, made for tests: a pool on a board, a wheel whose clock the test moves, and real connections.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { AccessRecord } from "../../../src/access_log/record.ts";
import type { AccessFormat } from "../../../src/access_log/render.ts";
import type { ListenerCounters } from "../../../src/board/board.ts";
import type { AcceptProxyPlan, ProxyProtocolPlan, ServerPlan } from "../../../src/config/model.ts";
import type { EndReason } from "../../../src/end_reason.ts";
import { BufferPool } from "../../../src/net/buffers.ts";
import { DeadlineWheel } from "../../../src/net/deadlines.ts";
import type { ServerTls } from "../../../src/net/tls/connect_tls.ts";
import type { PortRange } from "../../../src/net/ports.ts";
import type { TlsSettings } from "../../../src/net/tls/accept.ts";
import { OldestOut } from "../../../src/session/handshake_limit.ts";
import type { ReachError } from "../../../src/session/reach.ts";
import { Session } from "../../../src/session/session.ts";
import type { AcceptedConnection, EndDetail, SessionContext } from "../../../src/session/session_context.ts";
import type { Pool, Server } from "../../../src/upstream/pool.ts";
import { FakeClock } from "../fake_clock.ts";
import { poolPlan, serverPlan, TestPool } from "../plans.ts";

/** A listener's context without the listener. */
export class SessionBench implements SessionContext {
  readonly clock = new FakeClock();
  readonly wheel = new DeadlineWheel(this.clock);
  readonly buffers = new BufferPool();
  readonly counters: ListenerCounters;
  readonly pool: Pool;
  readonly test: TestPool;
  readonly ends: EndReason[] = [];
  /** What was said of those ends, where there was more to say. */
  readonly details: EndDetail[] = [];
  readonly faults: unknown[] = [];
  readonly shortages: unknown[] = [];
  /** What the access log was told. */
  readonly records: AccessRecord[] = [];
  accessFormat: AccessFormat | null = null;
  readonly name = "web";
  /** Failed attempts: the server's port, how many in a row, and why. */
  readonly failures: (readonly [port: number, inARow: number, reason: string])[] = [];
  idleTicks = this.wheel.ticks(300);
  connectTimeout = 4;
  handshakeTimeout = 10;
  tcpKeepAlive = true;
  serverTls: ServerTls | null = null;
  ports: readonly PortRange[] = [];
  tls: TlsSettings | null = null;
  readonly handshakes = new OldestOut(10_000);
  acceptProxy: AcceptProxyPlan | null = null;
  proxyProtocol: ProxyProtocolPlan | null = null;
  readonly access = null;
  readonly maxConnections = null;
  readonly maxNewConnections = null;

  /** @param servers in the order in which round robin takes them */
  constructor(servers: readonly Partial<ServerPlan>[]) {
    this.test = new TestPool(poolPlan(servers.map((server) => serverPlan({ weight: 1, ...server }))));
    this.pool = this.test.pool;
    const counters = this.test.boards.listener("web");
    if (counters === undefined) throw new Error("No board");
    this.counters = counters;
  }

  onEnd(_session: Session, reason: EndReason, detail?: EndDetail): void {
    this.ends.push(reason);
    if (detail !== undefined) this.details.push(detail);
  }

  onAccess(record: AccessRecord): void {
    this.records.push(record);
  }

  onConnectFailure(server: Server, inARow: number, { message }: ReachError): void {
    this.failures.push([server.plan.port ?? 0, inARow, message]);
  }

  onShortage(error: unknown): void {
    this.shortages.push(error);
  }

  onFault(error: unknown): void {
    this.faults.push(error);
  }

  /** A session that has begun. */
  start(accepted: AcceptedConnection): { readonly session: Session; readonly ran: Promise<void> } {
    const session = new Session(accepted, this);
    return { session, ran: session.run() };
  }

  /** The state of the server on a port. */
  server(port: number, address = "127.0.0.1") {
    return this.test.server(serverPlan({ address, port }).key).counters.read();
  }

  /** Nothing is open, nothing is reserved, nothing waits, and every session has ended once, for the reasons given. */
  assertAllOver(expected: Partial<Record<EndReason, number>>): void {
    const { connectionsActive, connectionsTotal, ended } = this.counters.read();
    assert.equal(connectionsActive, 0, "open connections");
    for (const server of this.pool.servers) assert.equal(server.active, 0, `connections to ${server.plan.key}`);
    const counted = Object.fromEntries([...ended].filter(([, count]) => count > 0));
    assert.deepEqual(counted, expected);
    assert.equal([...ended.values()].reduce((sum, count) => sum + count, 0), connectionsTotal, "ended once each");
    assert.equal(this.ends.length, connectionsTotal, "told of once each");
    assert.equal(this.wheel.size, 0, "nothing is on the wheel");
    assert.deepEqual(this.faults, []);
  }
}

/** Both ends of a TCP connection over loopback. */
export async function tcpPair(hostname = "127.0.0.1"): Promise<{ near: Deno.TcpConn; accepted: Deno.TcpConn }> {
  using listener = Deno.listen({ hostname, port: 0 });
  const [near, accepted] = await Promise.all([
    Deno.connect({ hostname, port: listener.addr.port }),
    listener.accept(),
  ]);
  return { near, accepted };
}
