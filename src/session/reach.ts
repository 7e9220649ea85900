/**
 * One attempt at a server: the TCP connection, the PROXY protocol header, TLS. All of it together has one timeout.
 *
 * @module
 */

import { type ConnectTarget, connectTcp } from "../net/connect.ts";
import { connectFailure } from "../net/connect_failure.ts";
import type { Deadline, DeadlineWheel } from "../net/deadlines.ts";
import { formatEndpoint } from "../net/ip.ts";
import type { Entry } from "../net/linked_list.ts";
import { type ByteStream, closeQuietly, writeAll } from "../net/stream.ts";
import { setTcpOptions } from "../net/tcp_options.ts";
import { connectTls, type ServerTls } from "../net/tls/connect_tls.ts";

/** What an attempt needs of its listener. */
export interface ReachContext {
  readonly wheel: DeadlineWheel;
  /** Seconds that one attempt may take. */
  readonly connectTimeout: number;
  /** Whether the system probes connections on which nothing moves. */
  readonly tcpKeepAlive: boolean;
  /** How TLS is spoken to servers; `null` for plain TCP. */
  readonly serverTls: ServerTls | null;
}

/** A server, and what it is to be told first. */
export interface ReachTarget extends ConnectTarget {
  /** The host name by which the configuration gives it; `null` when it is given by its address. */
  readonly host: string | null;
  /** Sent in front of everything else, TLS included. */
  readonly preamble: Uint8Array;
}

/** An attempt that may take as long as it may. */
class Attempt implements Deadline {
  readonly dueTick: number;
  place: Entry<Deadline> | undefined = undefined;
  readonly #abort = new AbortController();
  #connection: { close(): void } | undefined;

  constructor(dueTick: number) {
    this.dueTick = dueTick;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Has a connection end with the attempt. */
  holds(connection: { close(): void }): void {
    this.#connection = connection;
    if (this.signal.aborted) closeQuietly(connection);
  }

  expire(): void {
    this.#abort.abort();
    closeQuietly(this.#connection);
  }
}

/** A server that was not reached; the message says why, for people. */
export class ReachError extends Error {
  override readonly name = "ReachError";
  /** Whether it took the TCP connection: what failed came after. */
  readonly wasConnected: boolean;
  /** Whether it was given up because it took too long. */
  readonly timedOut: boolean;

  /** @param reason for people, @param cause what was thrown */
  constructor(
    reason: string,
    cause: unknown,
    { wasConnected, timedOut }: Pick<ReachError, "wasConnected" | "timedOut">,
  ) {
    super(reason, { cause });
    this.wasConnected = wasConnected;
    this.timedOut = timedOut;
  }
}

/** Connects. Whoever gets the stream closes it. @throws {ReachError} with what was thrown as its cause */
export async function reach(target: ReachTarget, context: ReachContext): Promise<ByteStream> {
  const { wheel, connectTimeout, tcpKeepAlive, serverTls } = context;
  const attempt = new Attempt(wheel.tickIn(connectTimeout));
  wheel.add(attempt);
  let connection: Deno.TcpConn | undefined;
  try {
    connection = await connectTcp(target, attempt.signal);
    attempt.holds(connection);
    setTcpOptions(connection, tcpKeepAlive);
    if (target.preamble.length > 0) await writeAll(connection, target.preamble);
    if (serverTls === null) return connection;
    return await connectTls(connection, serverTls, { name: target.host ?? target.address, where: whereIs(target) });
  } catch (error) {
    closeQuietly(connection);
    const wasConnected = connection !== undefined;
    const timedOut = attempt.signal.aborted;
    const reason = timedOut && wasConnected
      ? `no TLS handshake with ${whereIs(target)} within ${connectTimeout} s`
      : connectFailure(target, error, timedOut ? connectTimeout : undefined);
    throw new ReachError(reason, error, { wasConnected, timedOut });
  } finally {
    wheel.remove(attempt);
  }
}

/** A server that certificates are about: by the name that they are for, if it has one. */
function whereIs({ host, address, port }: ReachTarget): string {
  return host === null ? formatEndpoint(address, port) : `${formatEndpoint(host, port)} at ${address}`;
}
