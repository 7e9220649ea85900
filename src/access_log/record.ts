/**
 * What the access log tells of one connection that has ended.
 *
 * @module
 */

import type { EndReason } from "../end_reason.ts";
import type { HandshakeFailure } from "../net/tls/handshake_failure.ts";

/** One connection. Endpoints are written `address:port`, `[address]:port` for IPv6; times are in seconds. */
export interface AccessRecord {
  /** When it ended, in milliseconds since 1970. */
  readonly time: number;
  /** A name that no other connection has; the one that the server was told, where it was told one. */
  readonly id: string;
  readonly listener: string;
  /** The client, as its socket or its PROXY protocol header has it. */
  readonly client: string;
  /** Who sent that header; `null` without one. */
  readonly peer: string | null;
  /** What the client connected to, as it knows it. */
  readonly destination: string;
  /** The server's key; `null` when none took the connection. */
  readonly server: string | null;
  /** Where that server was reached. */
  readonly serverAddress: string | null;
  readonly reason: EndReason;
  /** More than the reason says. */
  readonly detail: string | null;
  /** Why the TLS handshake failed. */
  readonly failure: HandshakeFailure | null;
  /** Relayed from the client. */
  readonly bytesIn: number;
  /** Relayed to the client. */
  readonly bytesOut: number;
  /** From accept to end. */
  readonly duration: number;
  /** Until a server was reached, attempts that failed included; `null` when none was. */
  readonly connectTime: number | null;
  /** That the TLS handshake took; `null` when there was none, or it did not succeed. */
  readonly handshakeTime: number | null;
  /** `null` when nothing is known of TLS. */
  readonly tls: AccessTls | null;
}

/** What is known of a client's TLS; `null` for what is not. */
export interface AccessTls {
  readonly version: string | null;
  readonly cipher: string | null;
  /** The host name that the client asked for (SNI). */
  readonly serverName: string | null;
  /** The common name of the client's certificate, which was verified. */
  readonly clientCn: string | null;
  readonly alpn: string | null;
  /** Whether the session goes on from an earlier one. */
  readonly resumed: boolean;
}

/** What a worker sends at once. */
export interface AccessBatch {
  /** Lines, each with its line feed. */
  readonly text: string;
  /** How many they are. */
  readonly lines: number;
  /** Lines that were dropped since the last batch, because the main thread did not keep up. */
  readonly dropped: number;
}
