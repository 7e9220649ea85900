/**
 * How many descriptors the process may still open. The limit itself (RLIMIT_NOFILE) stands in `/proc`, which the runtime
 * opens to programs that may do everything only; so it is found out by opening and closing them. This also works where
 * there is no `/proc`.
 *
 * @module
 */

import type { Model } from "../config/model.ts";
import { countPorts } from "../net/ports.ts";
import { socketKindOf } from "./anchors.ts";

/** Something that takes a descriptor until it is closed. */
export type Descriptor = { close(): void };

/** Takes one descriptor. Throws when there is none left. */
export function openDescriptor(): Descriptor {
  return Deno.openSync("/dev/null");
}

/** Whether this system limits the descriptors of a process to a number worth looking at. */
export const HAS_DESCRIPTOR_LIMIT = Deno.build.os !== "windows";

/** Descriptors that are looked for where nothing asks for more: nobody has to be warned who has as many. */
const ENOUGH = 4096;

/** Descriptors that are looked for at most: some 10 microseconds each. */
const SEARCHED_AT_MOST = 65_536;

/** What the admin API, its readers, DNS, files and the program itself take. */
const RESERVE = 64;

/** Probes that are under way at once, at most. */
const MOST_PROBES = 256;

/** What a worker thread takes. */
const PER_WORKER = 8;

/** A client's connection and the server's. */
const PER_CONNECTION = 2;

/**
 * Counts the descriptors that are free, by taking them for a moment.
 *
 * @param most look no further
 * @returns `null` when there are `most` or more, or nothing can be said
 */
export function countFree(most: number, open: () => Descriptor = openDescriptor): number | null {
  const taken: Descriptor[] = [];
  try {
    while (taken.length < most) taken.push(open());
    return null;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EMFILE" ? taken.length : null;
  } finally {
    for (const one of taken) one.close();
  }
}

/** How many free descriptors to look for, for a configuration. */
export function worthLookingFor(model: Model): number {
  const asked = [...model.listeners.values()].reduce((sum, { maxConnections }) => sum + (maxConnections ?? 0), 0);
  return Math.min(SEARCHED_AT_MOST, Math.max(ENOUGH, asked * PER_CONNECTION + taken(model) + reserve(model)));
}

/** How many connections at once a number of free descriptors is good for, once a configuration has started; 1 or more. */
export function connectionsWith(free: number, model: Model): number {
  const left = free - taken(model);
  return Math.max(1, Math.floor((left - Math.min(reserve(model), left / 2)) / PER_CONNECTION));
}

/** What listeners and their threads take. */
function taken({ listeners, maxWorkers }: Model): number {
  let [workers, sockets] = [0, 0];
  for (const plan of listeners.values()) {
    workers += plan.workers;
    // A clone takes one, the first socket of an address two, and the main thread has a clone as well.
    sockets += countPorts(plan.ports) * (socketKindOf(plan) === "shared" ? plan.workers + 2 : plan.workers);
  }
  return Math.min(workers, maxWorkers) * PER_WORKER + sockets;
}

/** What has to stay free for everything else. */
function reserve({ listeners }: Model): number {
  const servers = [...listeners.values()].reduce((sum, { pool }) => sum + pool.servers.length, 0);
  return RESERVE + Math.min(servers, MOST_PROBES);
}
