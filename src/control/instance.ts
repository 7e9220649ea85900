/**
 * A listener that lives in a worker, as the main thread keeps it.
 *
 * @module
 */

import type { ListenerChange } from "../config/diff.ts";
import type { ListenerPlan } from "../config/model.ts";
import type { InstanceId, SocketKind } from "../messages.ts";
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
  /** How it opens its ports; settled when it starts. */
  readonly sockets: SocketKind;
  readonly anchor: Anchor;
}

/** Those that serve and that a change stops or replaces. */
export function leavingIn(changes: readonly ListenerChange[], serving: ReadonlyMap<string, Instance>): Instance[] {
  return changes.flatMap((change) => {
    const name = change.kind === "stop" ? change.name : change.kind === "replace" ? change.plan.name : "";
    return serving.get(name) ?? [];
  });
}
