/**
 * Whether a client is let in: the access list, then the limits. All of it is cheap, and comes before TLS and before a
 * server is picked.
 *
 * @module
 */

import type { ListenerCounters } from "../board/board.ts";
import type { AccessPlan } from "../config/model.ts";
import { rangesInclude } from "../net/address_set.ts";
import { nowNanoseconds, takeFromRate } from "./rate.ts";

/** What stands between a client and a listener. */
export interface Gate {
  readonly counters: ListenerCounters;
  /** `null` lets every address in. */
  readonly access: AccessPlan | null;
  /** Connections at once; `null` for no limit. */
  readonly maxConnections: number | null;
  /** New connections a second; `null` for no limit. */
  readonly maxNewConnections: number | null;
}

/**
 * Lets a client in and counts it as open, or turns it away.
 *
 * @param address the client's
 * @returns the reason for which it was turned away; `undefined` when it is in
 */
export function admit(address: string, gate: Gate): "denied" | "limit" | undefined {
  const { counters, access, maxConnections, maxNewConnections } = gate;
  if (access !== null && rangesInclude(access.ranges, address) !== (access.mode === "whitelist")) return "denied";
  if (maxNewConnections !== null && !takeFromRate(counters.rateClock, maxNewConnections, nowNanoseconds())) {
    return "limit";
  }
  return counters.opened(maxConnections ?? Infinity) ? undefined : "limit";
}
