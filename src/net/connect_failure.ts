/**
 * Why a connection to a server could not be made, for people.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import type { ConnectTarget } from "./connect.ts";
import { formatEndpoint } from "./ip.ts";
import { ServerTlsError } from "./tls/server_certificate.ts";

/**
 * The reason as logs and the admin API show it.
 *
 * @param gaveUpAfter the seconds after which the attempt was broken off; `undefined` when it failed by itself
 */
export function connectFailure({ address, port }: ConnectTarget, error: unknown, gaveUpAfter?: number): string {
  const where = formatEndpoint(address, port);
  if (gaveUpAfter !== undefined) {
    return `no answer from ${where} within ${gaveUpAfter} s; is it up, and no firewall in between?`;
  }
  if (error instanceof ServerTlsError) return error.message;
  if (error instanceof Deno.errors.ConnectionRefused) {
    return `connection to ${where} refused; is it running on that port?`;
  }
  return `connection to ${where} failed: ${messageOf(error)}`;
}
