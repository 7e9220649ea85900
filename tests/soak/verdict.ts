/** What the samples of a soak run say, and whether that is good. @module */

import { formatBytes } from "../../src/text/units.ts";
import { type Tally, twoColumns } from "../load/tally.ts";
import type { Delays } from "./prober.ts";

/** What is seen at one moment. */
export interface Sample {
  /** Since the load began. */
  readonly seconds: number;
  /** Resident memory, in bytes. */
  readonly memory: number;
  /** Objects of the main thread, in bytes. */
  readonly heap: number;
  readonly descriptors: number;
  /** Connections of clients. */
  readonly connections: number;
  readonly delays: Delays;
}

/** What is known beside the samples and the tally. */
export interface Course {
  readonly seconds: number;
  /** Samples from the first so many seconds are not looked at for memory. */
  readonly warmUp: number;
  /** Share of one processor that Weir has taken. */
  readonly processorShare: number;
  /** When the longest pause was over, in seconds. */
  readonly longestPauseAt: number;
  readonly load: string;
  readonly changes: string;
  /** Without a connection, before the load and after it. */
  readonly descriptorsBefore: number;
  readonly descriptorsAfter: number;
  readonly workerRestarts: number;
  readonly faultsInLog: readonly string[];
}

/** Memory may grow by so much in ten minutes. */
const MOST_GROWTH = 1e6;

/** Seconds that it takes to tell growth from what the garbage collector does. */
const SHORTEST_TREND = 600;

/** Descriptors that may be more or fewer at the end: connections of those who look. */
const DESCRIPTOR_SLACK = 5;

/**
 * The slope that the middle of all pairs of points has (Theil and Sen): single outliers, up to a quarter of all, do not
 * move it.
 *
 * @returns how much y grows with 1 of x; 0 for fewer than two points
 */
export function robustSlope(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes = points.flatMap(([x, y], index) =>
    points.slice(index + 1).filter(([other]) => other !== x).map(([otherX, otherY]) => (otherY - y) / (otherX - x))
  );
  return median(slopes);
}

/** The middle one; 0 for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = low] = sorted.length % 2 === 1 ? [sorted[middle]] : sorted.slice(middle - 1, middle + 1);
  return (low + high) / 2;
}

/** How long something took in the first and the last third of the run, less what a bare relay takes. */
function thirds(samples: readonly Sample[], delay: (delays: Delays) => number): readonly [first: number, last: number] {
  const third = Math.floor(samples.length / 3);
  const middle = (some: readonly Sample[]) => median(some.map(({ delays }) => delay(delays)));
  return [middle(samples.slice(0, third)), middle(samples.slice(-third))];
}

/** A delay is flat as long as it is at most half as much again as at first, and a millisecond. */
function isFlat([first, last]: readonly [number, number]): boolean {
  return last <= Math.max(first, 0) * 1.5 + 1;
}

/** The table, and what must not be. */
export function judge(
  samples: readonly Sample[],
  tally: Pick<
    Tally,
    "offered" | "served" | "skipped" | "messages" | "excused" | "failures" | "wrongBytes" | "longestPause"
  >,
  course: Course,
): { readonly table: string; readonly faults: readonly string[] } {
  const settled = samples.filter(({ seconds }) => seconds >= course.warmUp);
  const slope = robustSlope(settled.map(({ seconds, memory }) => [seconds, memory])) * 600;
  const heapSlope = robustSlope(settled.map(({ seconds, heap }) => [seconds, heap])) * 600;
  const delays = {
    "TCP echo beyond that": thirds(samples, ({ tcp, bare }) => tcp - bare),
    "TLS echo beyond that": thirds(samples, ({ tls, bare }) => tls - bare),
    "admin API": thirds(samples, ({ admin }) => admin),
  };
  const bare = thirds(samples, (one) => one.bare);
  const [first, last] = [settled[0], settled.at(-1)];
  const isLong = (last?.seconds ?? 0) - (first?.seconds ?? 0) >= SHORTEST_TREND;
  const signed = (bytes: number) => `${bytes < 0 ? "-" : "+"}${formatBytes(Math.abs(bytes))}`;
  const pair = ([one, other]: readonly [number, number]) => `${one.toFixed(2)}, ${other.toFixed(2)} ms`;
  const rows: readonly (readonly [string, string | number])[] = [
    ["minutes", (course.seconds / 60).toFixed(1)],
    ["load", course.load],
    ["changes", course.changes],
    ["Weir's share of a processor", `${(course.processorShare * 100).toFixed(0)} %`],
    ["connections at once, middle", Math.round(median(samples.map(({ connections }) => connections)))],
    ["connections offered, served", `${tally.offered}, ${tally.served}`],
    ["not begun, since the clients were too slow", tally.skipped],
    ["messages echoed on kept connections", tally.messages],
    ["ended with their server", tally.excused],
    ["failed for no good reason", tally.failures.length],
    ["checksums wrong", tally.wrongBytes],
    [
      "longest pause without a served request",
      `${Math.round(tally.longestPause)} ms, after ${Math.round(course.longestPauseAt)} s`,
    ],
    [
      `memory after ${Math.round(course.warmUp / 60)} min, at the end`,
      `${formatBytes(first?.memory ?? 0)}, ${formatBytes(last?.memory ?? 0)}`,
    ],
    ["memory in 10 minutes", isLong ? signed(slope) : "too short to say"],
    ["heap of the main thread in 10 minutes", isLong ? signed(heapSlope) : "too short to say"],
    ["descriptors before and after the load", `${course.descriptorsBefore}, ${course.descriptorsAfter}`],
    ["echo through a bare relay, first and last third", pair(bare)],
    ...Object.entries(delays).map(([name, both]) => [`${name}, first and last third`, pair(both)] as const),
    ["longest delay seen", `${Math.round(Math.max(...samples.map((sample) => sample.delays.worst)))} ms`],
    ["threads replaced", course.workerRestarts],
    ["faults in the log", course.faultsInLog.length],
  ];
  const left = Math.abs(course.descriptorsAfter - course.descriptorsBefore);
  const faults = [
    ...tally.failures,
    ...course.faultsInLog,
    ...(settled.length < 10 ? [`only ${settled.length} samples after the first ${course.warmUp} s`] : []),
    ...(isLong && slope >= MOST_GROWTH ? [`memory grows by ${formatBytes(slope)} in 10 minutes`] : []),
    ...(left > DESCRIPTOR_SLACK
      ? [`${course.descriptorsAfter} descriptors after the load, ${course.descriptorsBefore} before it`]
      : []),
    ...Object.entries(delays).filter(([, both]) => !isFlat(both)).map(([name, both]) => `${name}: ${pair(both)}`),
    ...(course.workerRestarts > 0 ? [`${course.workerRestarts} threads were replaced`] : []),
    ...(tally.wrongBytes > 0 ? [`${tally.wrongBytes} transfers had wrong bytes`] : []),
    ...(tally.served === 0 ? ["nothing was served"] : []),
  ];
  return { table: twoColumns(rows), faults };
}
