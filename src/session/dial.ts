/**
 * Finding a server for a client: pick, reach, and on failure the next one, before the client notices.
 *
 * @module
 */

import type { ListenerCounters } from "../board/board.ts";
import { serverPort } from "../config/model.ts";
import { messageOf } from "../errors.ts";
import { isOwnShortage, isShortage } from "../net/connect.ts";
import type { PortRange } from "../net/ports.ts";
import type { ByteStream } from "../net/stream.ts";
import type { Lease, Pool, Server } from "../upstream/pool.ts";
import { reach, type ReachContext, ReachError } from "./reach.ts";

/** No new attempt starts after this many connect timeouts. */
export const CONNECT_BUDGET = 4;

/** What dialing needs of its listener. */
export interface DialContext extends ReachContext {
  readonly pool: Pool;
  /** The ports of the listener, which ports of servers may follow from. */
  readonly ports: readonly PortRange[];
  readonly counters: ListenerCounters;
  /** A server was not reached, `inARow` times by now; 0 when that says nothing about it. */
  onConnectFailure(server: Server, inARow: number, error: ReachError): void;
  /** This program has no descriptor or memory left. */
  onShortage(error: unknown): void;
}

/** A server that took the connection. Whoever holds it closes the stream and disposes the lease. */
export interface Dialed {
  readonly stream: ByteStream;
  readonly lease: Lease;
  /** The port that the server was reached on. */
  readonly port: number;
  /** Seconds since the first attempt began. */
  readonly seconds: number;
}

/** A server, or why there is none. */
export type DialResult = Dialed | "connect_failed" | "no_server" | "overload";

/** Who is to be connected. */
export interface DialingClient {
  /** Its address, as its socket or its PROXY protocol header reports it. */
  readonly address: string;
  /** The port of the listener that it has connected to, whatever a header says. */
  readonly listenerPort: number;
  /** Whether nobody waits for the connection any more. */
  isGone(): boolean;
  /** A server did not take it. @param reason why, for people */
  onFailure?(reason: string): void;
  /** What a server is told before anything else; empty for nothing. */
  preamble(): Uint8Array;
}

/** Connects a client to a server. */
export async function dial(client: DialingClient, context: DialContext): Promise<DialResult> {
  const startedAt = performance.now();
  let attemptAt = startedAt;
  let tried: Set<Server> | undefined;
  for (;;) {
    const lease = context.pool.acquire(client.address, tried);
    if (lease === undefined) return tried === undefined ? "no_server" : "connect_failed";
    const { plan, counters } = lease.server;
    const port = serverPort(plan, client.listenerPort, context.ports);
    if (port === undefined) {
      // A reload has taken the port out of the listener's range just now.
      lease[Symbol.dispose]();
      return "no_server";
    }
    const takenBefore = counters.taken;
    try {
      const target = { address: plan.address, port, host: plan.host, preamble: client.preamble() };
      const stream = await reach(target, context);
      const connectedAt = performance.now();
      counters.connected();
      context.counters.connected((connectedAt - attemptAt) / 1000);
      return { stream, lease, port, seconds: (connectedAt - startedAt) / 1000 };
    } catch (error) {
      lease[Symbol.dispose]();
      if (!(error instanceof ReachError)) throw error;
      client.onFailure?.(messageOf(error));
      if (isShortage(error.cause)) {
        context.onShortage(error.cause);
        return "overload";
      }
      if (isOwnShortage(error.cause)) return "connect_failed";
      const inARow = error.timedOut ? counters.connectTimedOut(takenBefore) : counters.connectFailed();
      context.onConnectFailure(lease.server, inARow, error);
    }
    (tried ??= new Set()).add(lease.server);
    if (client.isGone()) return "connect_failed";
    attemptAt = performance.now();
    if (attemptAt - startedAt > context.connectTimeout * 1000 * CONNECT_BUDGET) return "connect_failed";
  }
}
