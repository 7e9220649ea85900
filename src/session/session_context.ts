/**
 * What sessions get from their listener, and what they tell it.
 *
 * @module
 */

import type { AccessRecord } from "../access_log/record.ts";
import type { AccessFormat } from "../access_log/render.ts";
import type { AcceptProxyPlan, ProxyProtocolPlan } from "../config/model.ts";
import type { EndReason } from "../end_reason.ts";
import type { BufferPool } from "../net/buffers.ts";
import type { Entry } from "../net/linked_list.ts";
import type { TlsSettings } from "../net/tls/accept.ts";
import type { HandshakeFailure } from "../net/tls/handshake_failure.ts";
import type { Gate } from "./admit.ts";
import type { DialContext } from "./dial.ts";
import type { Session } from "./session.ts";

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
