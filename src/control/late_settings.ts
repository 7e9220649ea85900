/**
 * Settings that a listener takes up in place, and that still have to wait for its next socket. Pure.
 *
 * @module
 */

import type { ListenerChange } from "../config/diff.ts";
import { type Model, usesRuntimeTls } from "../config/model.ts";
import type { ConfigProblem } from "../errors.ts";

/**
 * One warning for each listener whose backlog changes while its socket stays open: the runtime opens that socket once
 * and lends out copies, and closing it would reset the clients in its queue.
 *
 * @param listeners those of the next model, in file order
 */
export function lateSettings(
  changes: readonly ListenerChange[],
  listeners: Model["listeners"],
  file: string,
): ConfigProblem[] {
  const order = [...listeners.keys()];
  return changes.flatMap((change): ConfigProblem[] => {
    if (!("changed" in change) || !change.changed.includes("backlog") || opensSocket(change)) return [];
    return [{
      file,
      line: 0,
      column: 0,
      path: `listeners[${order.indexOf(change.plan.name)}].backlog`,
      message: `takes effect when listener "${change.plan.name}" opens its socket next: ` +
        "when its address or protocol changes, or at a restart",
    }];
  });
}

/** A TCP listener that is replaced on its old address gets a copy of the old socket. */
function opensSocket({ kind, plan, changed }: Exclude<ListenerChange, { kind: "start" | "stop" }>): boolean {
  if (kind === "update") return false;
  return usesRuntimeTls(plan) || ["address", "tls"].some((key) => changed.includes(key));
}
