/**
 * What has to be done to get from the model that serves to the next one. Pure.
 *
 * @module
 */

import { onlyPort, portsOverlap } from "../net/ports.ts";
import type { ListenerPlan, Model } from "./model.ts";

/** One listener's part of a change. */
export type ListenerChange =
  | { readonly kind: "start"; readonly plan: ListenerPlan }
  | { readonly kind: "update"; readonly plan: ListenerPlan; readonly changed: readonly string[] }
  | {
    readonly kind: "replace";
    readonly plan: ListenerPlan;
    readonly changed: readonly string[];
    /** Whether the connections of the replaced listener end at once instead of draining. */
    readonly disconnect: boolean;
  }
  | { readonly kind: "stop"; readonly name: string };

/** The listener that a change is about. */
export function nameOf(change: ListenerChange): string {
  return change.kind === "stop" ? change.name : change.plan.name;
}

/**
 * Settings that only a new start can take up. `tls` counts when it comes or goes or
 * gets another engine, `ports` when none of them stays: ports
 * that are added to others, or taken from them, come and go in place.
 */
const REPLACING = ["address", "ipTranslation"] as const;

/** Compares two models listener by listener; an unchanged listener does not appear. */
export function diffListeners(serving: Model["listeners"], next: Model["listeners"]): ListenerChange[] {
  const changes: ListenerChange[] = [];
  for (const name of serving.keys()) {
    if (!next.has(name)) changes.push({ kind: "stop", name });
  }
  for (const [name, plan] of next) {
    const before = serving.get(name);
    if (before === undefined) {
      changes.push({ kind: "start", plan });
      continue;
    }
    const changed = changedSettings(before, plan);
    if (changed.length === 0) continue;
    const replaces = REPLACING.some((key) => before[key] !== plan[key]) ||
      before.tls?.engine !== plan.tls?.engine || !portsOverlap(before.ports, plan.ports);
    changes.push(
      replaces
        ? { kind: "replace", plan, changed, disconnect: before.ipTranslation !== plan.ipTranslation }
        : { kind: "update", plan, changed },
    );
  }
  return changes;
}

function changedSettings(before: ListenerPlan, after: ListenerPlan): string[] {
  return (Object.keys(after) as (keyof ListenerPlan)[])
    .filter((key) => !sameData(before[key], after[key]))
    .map((key) => key === "ports" && onlyPort(before.ports) !== null && onlyPort(after.ports) !== null ? "port" : key);
}

/** Whether two pieces of plain data are equal; the order of keys does not count, the order of lists does. */
export function sameData(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
  if (a instanceof Uint32Array && b instanceof Uint32Array) {
    return a.length === b.length && a.every((word, index) => word === b[index]);
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))];
  return left.length === right.size && left.every(([key, value]) => right.has(key) && sameData(value, right.get(key)));
}
