/**
 * What the process takes of the machine, as far as it may know without further permissions. (Open descriptors stand in
 * `/proc`, which the runtime opens to programs that may do everything only.)
 *
 * @module
 */

import process from "node:process";

/** What the process takes. */
export interface ProcessFacts {
  /** Processor time of all threads, in seconds. */
  readonly cpuSeconds: number;
  /** Memory in use, in bytes. */
  readonly residentBytes: number;
  /** Memory that the main thread's objects take, in bytes. */
  readonly heapBytes: number;
}

/** Looks. */
export function processFacts(): ProcessFacts {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = Deno.memoryUsage();
  return { cpuSeconds: (user + system) / 1e6, residentBytes: rss, heapBytes: heapUsed };
}
