/**
 * Which kind of socket a listener opens on each of its ports.
 *
 * @module
 */

import { sameData } from "../config/diff.ts";
import type { ListenerPlan } from "../config/model.ts";
import type { SocketKind } from "../messages.ts";
import { listenBeside, listenShared, listenTls } from "../net/listen.ts";

/** A socket that clients connect to. */
export type ListeningSocket = Deno.TcpListener | Deno.TlsListener;

/** Opens the socket of one port. @throws {WeirError} `bind_failed` */
export function openSocket(plan: ListenerPlan, port: number, kind: SocketKind): ListeningSocket {
  const at = { address: plan.address, port, backlog: plan.backlog };
  if (plan.tls?.engine === "fast") return listenTls(at, { ...plan.tls.certificates[0], alpn: plan.tls.alpn });
  return kind === "shared" ? listenShared(at) : listenBeside(at);
}

/** Whether sockets of one plan cannot take up the other, so that new ones have to be opened beside them. */
export function needsNewSockets(before: ListenerPlan, after: ListenerPlan): boolean {
  if (after.tls?.engine !== "fast") return false;
  return !sameData(before.tls?.certificates[0], after.tls.certificates[0]) ||
    !sameData(before.tls?.alpn, after.tls.alpn);
}
