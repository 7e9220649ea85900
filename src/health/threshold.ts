/**
 * The health state machine: results in, states out. Pure.
 *
 * @module
 */

import type { HealthState } from "../board/layout.ts";

/** What is known of a server, and how many results in a row speak against it. */
export interface HealthStatus {
  readonly state: HealthState;
  /** Results in a row of one kind, counting the last. */
  readonly run: number;
  /** The kind of the last result; `null` before the first. */
  readonly last: "success" | "failure" | null;
}

/** When a server changes sides; 2-10 each. */
export interface Thresholds {
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
}

/** So many connections of clients that fail in a row make a server Abnormal. */
export const PASSIVE_FAILURES = 3;

/** A server that nothing is known of yet. */
export const UNKNOWN: HealthStatus = { state: "Unknown", run: 0, last: null };

/**
 * The status of a server whose state was decided by something else than the results so far: by clients' connections,
 * or by another thread. Results count from here on, so that one success does not call an Abnormal server Healthy.
 */
export function decidedAs(state: HealthState): HealthStatus {
  return { ...UNKNOWN, state };
}

/**
 * The status after one more result. Results of one kind count in a row and start over with the first of the other
 * kind. A server that nothing is known of takes traffic already, so its first success is enough to call it Healthy;
 * only a run of failures makes it Abnormal.
 */
export function afterResult(status: HealthStatus, ok: boolean, thresholds: Thresholds): HealthStatus {
  const last = ok ? "success" : "failure";
  const run = status.last === last ? status.run + 1 : 1;
  const needed = ok ? thresholds.healthyThreshold : thresholds.unhealthyThreshold;
  const decided = run >= needed || (ok && status.state === "Unknown");
  const state = decided ? (ok ? "Healthy" : "Abnormal") : status.state;
  return { state, run: Math.min(run, needed), last };
}
