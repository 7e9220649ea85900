/**
 * A listener that lives in workers, as the main thread keeps it.
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

/** One of the threads that a listener runs in, for people. */
export interface ListenerThread {
  /** The worker's number. */
  readonly worker: number;
  readonly state: ListenerState;
}

/** A listener in one worker. */
export interface Part {
  readonly id: InstanceId;
  crew: Crew;
  state: ListenerState;
}

/** A listener in its workers. A replaced listener and its successor share a name and are two instances. */
export interface Instance {
  plan: ListenerPlan;
  /** As many as it has threads; no two in one worker. */
  parts: readonly Part[];
  /** Parts that it has too many of, and the end of each. */
  readonly leaving: Map<Part, Promise<void>>;
  /** The part that probes the servers for all of them. */
  prober: Part | undefined;
  /** Whether it serves; one that is only prepared is not started again when its worker dies. */
  committed: boolean;
  /** Whether it has stopped accepting for good, and waits for its connections. */
  retired: boolean;
  /** How it opens its ports; settled when it starts. */
  readonly sockets: SocketKind;
  readonly anchor: Anchor;
}

/** What an instance is doing as a whole: it accepts as long as one of its parts does. */
export function stateOf({ parts, retired }: Pick<Instance, "parts" | "retired">): ListenerState {
  if (retired) return "draining";
  const has = (state: ListenerState) => parts.some((part) => part.state === state);
  return has("accepting") ? "accepting" : has("restarting") ? "restarting" : "starting";
}

/** The parts of an instance that accept. */
export function acceptingParts({ parts }: Pick<Instance, "parts">): Part[] {
  return parts.filter((part) => part.state === "accepting");
}

/** Those that serve and that a change stops or replaces. */
export function leavingIn(changes: readonly ListenerChange[], serving: ReadonlyMap<string, Instance>): Instance[] {
  return changes.flatMap((change) => {
    const name = change.kind === "stop" ? change.name : change.kind === "replace" ? change.plan.name : "";
    return serving.get(name) ?? [];
  });
}
