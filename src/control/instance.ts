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

/** How far a part of a listener has drained. */
export interface DrainProgress {
  /** When its time is over, in milliseconds of the main thread's clock. */
  readonly endsAt: number;
  /** Connections that are left; `null` before the worker has told. */
  readonly left: number | null;
  /** Connections that had to be ended. */
  readonly ended: number;
}

/** A listener in one worker. */
export interface Part {
  readonly id: InstanceId;
  crew: Crew;
  state: ListenerState;
  /** Since it stops. */
  drain?: DrainProgress;
}

/** A listener, or threads of it, that accept nothing more and wait for their connections. */
export interface DrainingListener {
  readonly listener: string;
  readonly connections: number;
  /** Until those that are left are ended. */
  readonly secondsLeft: number;
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
  /** How it opens its ports; settled when it starts, unless the program gets ready to be replaced. */
  sockets: SocketKind;
  anchor: Anchor;
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

/** What drains of an instance; `undefined` when nothing does. @param now milliseconds of the main thread's clock */
export function drainOf({ plan, parts, leaving, retired }: Instance, now: number): DrainingListener | undefined {
  const drains = [...retired ? parts : [], ...leaving.keys()].flatMap(({ drain }) => drain ?? []);
  if (drains.length === 0) return undefined;
  return {
    listener: plan.name,
    connections: drains.reduce((sum, { left }) => sum + (left ?? 0), 0),
    secondsLeft: Math.max(0, Math.ceil((Math.max(...drains.map(({ endsAt }) => endsAt)) - now) / 1000)),
  };
}

/** Those that serve and that a change stops or replaces. */
export function leavingIn(changes: readonly ListenerChange[], serving: ReadonlyMap<string, Instance>): Instance[] {
  return changes.flatMap((change) => {
    const name = change.kind === "stop" ? change.name : change.kind === "replace" ? change.plan.name : "";
    return serving.get(name) ?? [];
  });
}
