/**
 * Whether this program gets processors when it wants them. Nothing that it may read tells (`/proc` is for programs that
 * may do everything), so it tries: it works for a moment, and looks how much of that moment the system gave it.
 *
 * @module
 */

import process from "node:process";

/** Milliseconds that it works for: several turns of a scheduler that has others to serve as well. */
const TRIAL_MS = 30;

/** Takes a trial; this thread does nothing else meanwhile. @returns 0 to 1: of one processor, by all threads together */
export function processorShare(): number {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  let elapsed = 0;
  while (elapsed < TRIAL_MS) elapsed = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(before);
  return Math.min(1, (user + system) / 1000 / elapsed);
}
