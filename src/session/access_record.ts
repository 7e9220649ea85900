/**
 * What a session leaves for the access log. It is noted down as it happens, because the log may be switched on at any
 * time; the record is made at the end, and only then.
 *
 * @module
 */

import type { AccessRecord, AccessTls } from "../access_log/record.ts";
import type { EndReason } from "../end_reason.ts";
import type { ProxyEndpoint } from "../net/proxy_protocol/header.ts";
import type { ServerPlan } from "../config/model.ts";
import type { EndDetail } from "./session_context.ts";
import type { Route, TlsFacts } from "./proxy_header.ts";

/** Characters of a text that a record takes: a certificate's name can be very long. */
const TEXT_MOST = 256;

/** What a session notes down. Moments are in milliseconds since any fixed one, times in seconds. */
export class SessionNotes {
  /** When it was accepted. */
  readonly startedAt: number;
  bytesIn = 0;
  bytesOut = 0;
  handshakeTime: number | null = null;
  connectTime: number | null = null;
  /** The name that the server was told. */
  id: string | null = null;
  /** Who sent the PROXY protocol header. */
  peer: ProxyEndpoint | null = null;
  server: Pick<ServerPlan, "key" | "address"> | null = null;
  /** The port that the server was reached on. */
  serverPort = 0;
  /** Why the last server that was tried did not take the connection. */
  connectFailure: string | null = null;

  /** @param startedAt when the session was accepted */
  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }
}

/** How a session has ended. */
export interface SessionEnd {
  readonly reason: EndReason;
  readonly detail: EndDetail | undefined;
  /** What is known of TLS; `null` without, or before it was settled. */
  readonly facts: TlsFacts | null;
  /** By the clock of {@link SessionNotes}. */
  readonly at: number;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** The record of a session that has ended. */
export function accessRecord(listener: string, route: Route, notes: SessionNotes, end: SessionEnd): AccessRecord {
  const { reason, detail } = end;
  return {
    time: end.time,
    id: notes.id,
    listener,
    client: route.source,
    peer: notes.peer,
    destination: route.destination,
    server: notes.server,
    serverPort: notes.serverPort,
    reason,
    detail: short(detail?.text ?? (reason === "connect_failed" ? notes.connectFailure : null)),
    failure: detail?.failure ?? FAILURES[reason] ?? null,
    bytesIn: notes.bytesIn,
    bytesOut: notes.bytesOut,
    duration: (end.at - notes.startedAt) / 1000,
    connectTime: notes.connectTime,
    handshakeTime: notes.handshakeTime,
    tls: tlsOf(end.facts, detail?.serverName ?? null),
  };
}

/** Handshakes that did not fail by themselves. */
const FAILURES: Partial<Record<EndReason, AccessRecord["failure"]>> = {
  handshake_timeout: "timeout",
  handshake_limit: "too_many",
};

function tlsOf(facts: TlsFacts | null, askedFor: string | null): AccessTls | null {
  if (facts !== null) {
    return {
      version: facts.version,
      cipher: facts.cipher,
      serverName: short(facts.serverName),
      clientCn: short(facts.client?.commonName ?? null),
      alpn: facts.alpn,
      resumed: facts.resumed,
    };
  }
  if (askedFor === null) return null;
  return { version: null, cipher: null, serverName: short(askedFor), clientCn: null, alpn: null, resumed: false };
}

/** Not every reader of JSON takes half of a character. */
function short(text: string | null): string | null {
  return text === null || text.length <= TEXT_MOST ? text : `${text.slice(0, TEXT_MOST - 1).toWellFormed()}…`;
}
