/**
 * What the access log tells of one connection that has ended.
 *
 * @module
 */

import type { ServerPlan } from "../config/model.ts";
import type { EndReason } from "../end_reason.ts";
import type { ProxyEndpoint } from "../net/proxy_protocol/header.ts";
import type { HandshakeFailure } from "../net/tls/handshake_failure.ts";

/** One connection; `null` stands for what is not known or was not there. Times are in seconds. */
export interface AccessRecord {
  /** When it ended, in milliseconds since 1970. */
  readonly time: number;
  /** The name that the server was told, and that no other connection has; `null` when it was told none. */
  readonly id: string | null;
  readonly listener: string;
  /** The client, as its socket or its PROXY protocol header has it. */
  readonly client: ProxyEndpoint;
  /** Who sent that header. */
  readonly peer: ProxyEndpoint | null;
  /** What the client connected to, as it knows it. */
  readonly destination: ProxyEndpoint;
  /** The server that took the connection. */
  readonly server: Pick<ServerPlan, "key" | "address"> | null;
  /** The port that it was reached on; 0 without a server. */
  readonly serverPort: number;
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
  /** Until a server was reached, attempts that failed included. */
  readonly connectTime: number | null;
  /** That the TLS handshake took; known when it succeeded. */
  readonly handshakeTime: number | null;
  readonly tls: AccessTls | null;
}

/** What is known of a client's TLS. */
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
  /** Lines, each with its line feed, in UTF-8. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many they are. */
  readonly lines: number;
  /** Lines that were dropped since the last batch, because the main thread did not keep up. */
  readonly dropped: number;
}
