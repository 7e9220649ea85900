/**
 * What a listener's settings say about TLS, made ready for use. Validation has made sure that it can be done.
 *
 * @module
 */

import type { ListenerPlan } from "../config/model.ts";
import type { TlsSettings } from "../net/tls/accept.ts";
import type { CheckedByAuthority } from "../net/tls/client_certificate.ts";
import { type ServerTls, serverTls } from "../net/tls/connect_tls.ts";
import { tlsSettings } from "../net/tls/contexts.ts";

/** How clients' TLS is ended; `null` where it is not, or where the runtime does it. */
export function clientTlsOf({ tls }: ListenerPlan, checked: CheckedByAuthority): TlsSettings | null {
  if (tls === null || tls.engine === "fast") return null;
  const { certificates, clientCA, minVersion, alpn } = tls;
  const options = { certificates, clientCaPem: clientCA?.pem ?? null, minVersion, alpn };
  return tlsSettings(options, (pem) => checked.of(pem));
}

/** How TLS is spoken to servers; `null` for plain TCP. */
export function serverTlsOf({ pool: { backendTls } }: ListenerPlan): ServerTls | null {
  return backendTls === null ? null : serverTls(backendTls);
}

/** One thread's share of the handshakes that the listener may have under way. */
export function handshakesOf({ tls, workers }: ListenerPlan): number {
  return Math.max(1, Math.floor((tls?.maxHandshakes ?? 1) / workers));
}
