/**
 * What comes out of it, as plain data: `bench/results.json`.
 *
 * @module
 */

import type { Sample } from "./slice.ts";
import { type Spread, spread } from "./statistics.ts";
import type { ThreadResults } from "./threads.ts";
import { type Lane, UNITS, type Work } from "./works.ts";

/** One program in one work: medians over the rounds, and how far they lie apart. */
export interface Cell {
  readonly lane: string;
  readonly program: string;
  /** CPU time, or memory, for a unit of work; `null` without a proxy. */
  readonly cost: Spread | null;
  /** Requests, or bytes of bulk, a second. */
  readonly perSecond: Spread | null;
  /** Microseconds. */
  readonly p50: Spread | null;
  readonly p99: Spread | null;
  /** CPU seconds a second. */
  readonly busy: Spread | null;
  /** Connections and requests that failed, over all rounds. */
  readonly errors: number;
}

/** One work. */
export interface Row {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly cells: readonly Cell[];
  /** Weir's cost over that of others; below 1 is less. */
  readonly ratios: Readonly<Record<string, Ratios>>;
}

/** A cost over that of HAProxy, of nginx, and of the better of the two; `null` where there is none. */
export interface Ratios {
  readonly haproxy: number | null;
  readonly nginx: number | null;
  readonly better: number | null;
}

/** A whole run. */
export interface Results {
  readonly at: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly how: Readonly<Record<string, unknown>>;
  readonly rows: readonly Row[];
  readonly threads: ThreadResults | null;
}

/** Where it ran. */
export interface Machine {
  readonly processor: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  /** Load of the last minute when it began: what else ran. */
  readonly loadBefore: number;
}

/** Several slices of one program. */
export function cellOf({ name, program }: Lane, samples: readonly Sample[]): Cell {
  const of = (pick: (sample: Sample) => number | null) => spread(samples.map(pick));
  return {
    lane: name,
    program,
    cost: of(({ cost }) => cost),
    perSecond: of(({ perSecond }) => perSecond),
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    busy: of(({ busy }) => busy),
    errors: samples.reduce((sum, { errors }) => sum + errors, 0),
  };
}

/** A row with its ratios. */
export function rowOf({ id, title, action }: Work, cells: readonly Cell[]): Row {
  const ratios = cells.filter(({ program }) => program === "weir")
    .map(({ lane, cost }) => [lane, ratiosOf(cost?.median ?? NaN, cells)] as const);
  return { id, title, unit: UNITS[action], cells, ratios: Object.fromEntries(ratios) };
}

function ratiosOf(own: number, cells: readonly Cell[]): Ratios {
  const over = (name: string) => {
    const other = cells.find(({ lane }) => lane === name)?.cost?.median;
    const ratio = other === undefined ? NaN : own / other;
    return Number.isFinite(ratio) ? ratio : null;
  };
  const [haproxy, nginx] = [over("haproxy"), over("nginx")];
  const both = [haproxy, nginx].filter((ratio) => ratio !== null);
  return { haproxy, nginx, better: both.length === 0 ? null : Math.max(...both) };
}

/** The machine that this runs on. */
export function describeMachine(): Machine {
  const cpuInfo = Deno.readTextFileSync("/proc/cpuinfo");
  return {
    processor: /^model name\s*: (.*)$/m.exec(cpuInfo)?.[1] ?? Deno.build.arch,
    cpus: navigator.hardwareConcurrency,
    memoryBytes: Deno.systemMemoryInfo().total,
    kernel: Deno.osRelease(),
    loadBefore: Deno.loadavg()[0] ?? NaN,
  };
}
