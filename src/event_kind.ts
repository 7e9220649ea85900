/**
 * What can happen that an operator may want to know: one word for each, the same in the log and in the admin API.
 *
 * @module
 */

/** Every kind of event. */
export const EVENT_KINDS = [
  /** A server became Healthy, Abnormal, Unknown or Disabled. */
  "health_changed",
  /** The configuration was read again and serves. */
  "reloaded",
  /** A configuration was refused; the old one serves on. */
  "reload_refused",
  /** An entry of the configuration was created, changed or deleted by the admin API. */
  "configuration_changed",
  /** A certificate or client CA that serves was renewed. */
  "certificate_renewed",
  /** The changed files of a certificate were refused; the old one serves on. */
  "certificate_refused",
  /** A listener accepts connections. */
  "listener_started",
  /** A listener accepts in place of another one of its name. */
  "listener_replaced",
  /** A listener accepts nothing more; its connections may end. */
  "listener_draining",
  /** A listener and its connections are over. */
  "listener_stopped",
  /** A listener should accept and cannot; it is tried again. */
  "listener_down",
  /** Accepting fails; it is tried again. */
  "accept_failing",
  /** There are no descriptors, or no memory, for more clients: they are turned away. */
  "overloaded",
  /** A worker thread died. */
  "worker_died",
  /** A worker thread has taken the place of one that died. */
  "worker_restarted",
  /** Somebody drained or resumed a server, or gave it another weight. */
  "server_changed",
  /** A server's host name has other addresses. */
  "name_changed",
  /** A server's host name cannot be resolved; its last addresses hold. */
  "name_failing",
  /** A server's host name can be resolved again. */
  "name_resolved",
  /** Clients were turned away, or reached no server. */
  "connections_refused",
  /** Weir is stopping. */
  "stopping",
] as const;

/** What happened. */
export type EventKind = (typeof EVENT_KINDS)[number];
