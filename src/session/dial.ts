/**
 * Reaching a server for a client: pick, connect, and on failure the next one, before the client notices.
 *
 * @module
 */

import type { ListenerCounters } from "../board/board.ts";
import { serverPort } from "../config/model.ts";
import { messageOf } from "../errors.ts";
import { type ConnectTarget, connectTcp, isOwnShortage } from "../net/connect.ts";
import { connectFailure } from "../net/connect_failure.ts";
import type { Deadline, DeadlineWheel } from "../net/deadlines.ts";
import type { PortRange } from "../net/ports.ts";
import type { Lease, Pool, Server } from "../upstream/pool.ts";

/** No new attempt starts after this many connect timeouts. */
export const CONNECT_BUDGET = 4;

/** What dialing needs of its listener. */
export interface DialContext {
  readonly pool: Pool;
  /** The ports of the listener, which ports of servers may follow from. */
  readonly ports: readonly PortRange[];
  readonly counters: ListenerCounters;
  readonly wheel: DeadlineWheel;
  /** Seconds that one attempt may take. */
  readonly connectTimeout: number;
  /** A server did not take a connection, `inARow` times by now. @param reason why, for people */
  onConnectFailure(server: Server, inARow: number, reason: string): void;
}

/** A server that took the connection. Whoever holds it closes the connection and disposes the lease. */
export interface Dialed {
  readonly connection: Deno.TcpConn;
  readonly lease: Lease;
  /** The port that the server was reached on. */
  readonly port: number;
}

/** Who is to be connected. */
export interface DialingClient {
  /** Its address, as its socket or its PROXY protocol header reports it. */
  readonly address: string;
  /** The port of the listener that it has connected to, whatever a header says. */
  readonly listenerPort: number;
  /** A server did not take it. @param reason why, for people */
  onFailure?(reason: string): void;
}

/** Connects a client to a server. */
export async function dial(
  { address: client, listenerPort, onFailure }: DialingClient,
  context: DialContext,
): Promise<Dialed | "connect_failed" | "no_server"> {
  const startedAt = performance.now();
  let tried: Set<Server> | undefined;
  for (;;) {
    const lease = context.pool.acquire(client, tried);
    if (lease === undefined) return tried === undefined ? "no_server" : "connect_failed";
    const { plan } = lease.server;
    const port = serverPort(plan, listenerPort, context.ports);
    if (port === undefined) {
      // A reload has taken the port out of the listener's range just now.
      lease[Symbol.dispose]();
      return "no_server";
    }
    const attemptAt = performance.now();
    const abort = new AbortController();
    try {
      const connection = await connectWithin({ address: plan.address, port }, abort, context);
      lease.server.counters.connected();
      context.counters.connected((performance.now() - attemptAt) / 1000);
      return { connection, lease, port };
    } catch (error) {
      lease[Symbol.dispose]();
      if (isOwnShortage(error)) {
        onFailure?.(messageOf(error));
        return "connect_failed";
      }
      const late = abort.signal.aborted ? context.connectTimeout : undefined;
      const reason = connectFailure({ address: plan.address, port }, error, late);
      onFailure?.(reason);
      context.onConnectFailure(lease.server, lease.server.counters.connectFailed(), reason);
    }
    (tried ??= new Set()).add(lease.server);
    if (performance.now() - startedAt > context.connectTimeout * 1000 * CONNECT_BUDGET) return "connect_failed";
  }
}

async function connectWithin(
  target: ConnectTarget,
  abort: AbortController,
  { wheel, connectTimeout }: DialContext,
): Promise<Deno.TcpConn> {
  const deadline: Deadline = { dueTick: wheel.tickIn(connectTimeout), expire: () => abort.abort() };
  wheel.add(deadline);
  try {
    return await connectTcp(target, abort.signal);
  } finally {
    wheel.remove(deadline);
  }
}
