/**
 * A listener that lives in a worker, as the main thread keeps it; and which listeners are in each other's way.
 *
 * @module
 */

import type { ListenerChange } from "../config/diff.ts";
import { type ListenerPlan, protocolOf } from "../config/model.ts";
import { addressesOverlap } from "../config/rules.ts";
import type { InstanceId } from "../messages.ts";
import type { Anchor } from "./anchors.ts";
import type { Crew } from "./worker_fleet.ts";

/** What a listener is doing. */
export type ListenerState = "starting" | "accepting" | "restarting" | "draining";

/** A listener in its worker. A replaced listener and its successor share a name and are two instances. */
export interface Instance {
  readonly id: InstanceId;
  plan: ListenerPlan;
  crew: Crew;
  state: ListenerState;
  /** Whether it serves; one that is only prepared is not started again when its worker dies. */
  committed: boolean;
  anchor: Anchor;
}

/** Those that serve and that a change stops or replaces. */
export function leavingIn(changes: readonly ListenerChange[], serving: ReadonlyMap<string, Instance>): Instance[] {
  return changes.flatMap((change) => {
    const name = change.kind === "stop" ? change.name : change.kind === "replace" ? change.plan.name : "";
    return serving.get(name) ?? [];
  });
}

/** Whether two listeners can listen side by side for a moment: the same address and protocol. */
export function sharesSocket(a: ListenerPlan, b: ListenerPlan): boolean {
  return a.address === b.address && a.port === b.port && protocolOf(a) === protocolOf(b);
}

/** Those that are about to leave and whose socket has to close before one of `plans` can open its own. */
export function inTheWayOf(plans: readonly ListenerPlan[], leaving: readonly Instance[]): Instance[] {
  return leaving.filter((other) =>
    plans.some((plan) =>
      plan.port === other.plan.port && addressesOverlap(plan.address, other.plan.address) &&
      !sharesSocket(plan, other.plan)
    )
  );
}
