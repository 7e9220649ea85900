/**
 * Why a session ended: one word for each, the same in logs, metrics and the admin API.
 *
 * @module
 */

/** Every reason for which a session ends, in the order in which the board counts them. */
export const END_REASONS = [
  /** The client ended first, cleanly. */
  "client_closed",
  /** The server ended first, cleanly. */
  "server_closed",
  /** No byte went either way for the idle timeout. */
  "idle_timeout",
  /** No server of those that were tried took the connection. */
  "connect_failed",
  /** No server may take connections (none there, all weights 0, or all Abnormal with `reject`). */
  "no_server",
  /** The access list does not let the client in. */
  "denied",
  /** The listener has as many connections, or new ones a second, as it may. */
  "limit",
  /** The program has no descriptor, or no memory, left for it. */
  "overload",
  /** A client that has to send a PROXY protocol header sent something else. */
  "proxy_header_invalid",
  /** A client that has to send a PROXY protocol header took too long. */
  "proxy_header_timeout",
  /** The TLS handshake failed. */
  "handshake_failed",
  /** The TLS handshake took longer than it may. */
  "handshake_timeout",
  /** As many TLS handshakes are under way as may be, and this was the oldest. */
  "handshake_limit",
  /** Either side broke the connection off. */
  "reset",
  /** The listener stopped and its drain time was over. */
  "drain",
  /** A fault in Weir itself, also logged as an error. */
  "internal_error",
] as const;

/** Why a session ended. */
export type EndReason = (typeof END_REASONS)[number];

/** Reasons for which a client was turned away before a byte was relayed. */
export const REJECT_REASONS: readonly EndReason[] = [
  "connect_failed",
  "no_server",
  "handshake_failed",
  "handshake_timeout",
  "handshake_limit",
  "denied",
  "limit",
  "overload",
  "proxy_header_invalid",
  "proxy_header_timeout",
];
