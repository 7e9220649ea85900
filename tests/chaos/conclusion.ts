/** The table at the end of a chaos run. @module */

import { type Tally, twoColumns } from "../load/tally.ts";

/** What is measured beside the clients. */
export interface Facts {
  readonly seconds: number;
  readonly memoryStart: number;
  readonly memoryEnd: number;
  readonly descriptorsStart: number;
  readonly descriptorsEnd: number;
  readonly faultsInLog: readonly string[];
}

/** The table, and what of it must not be. */
export function conclude(tally: Tally, facts: Facts): { readonly table: string; readonly faults: readonly string[] } {
  const leaked = Math.max(0, facts.descriptorsEnd - facts.descriptorsStart);
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  const rows: readonly (readonly [string, string | number])[] = [
    ["seconds", Math.round(facts.seconds)],
    ["connections offered", tally.offered],
    ["served", tally.served],
    ["refused by rule", tally.refused],
    ["ended with the server or thread that was killed", tally.excused],
    ["of these accepted by a thread as it ended", tally.takenLast],
    ["failed for no good reason", tally.failures.length],
    ["checksums wrong", tally.wrongBytes],
    ["longest pause", `${Math.round(tally.longestPause)} ms`],
    ["memory at start, at end", `${mebibytes(facts.memoryStart)}, ${mebibytes(facts.memoryEnd)}`],
    ["descriptors at start, at end", `${facts.descriptorsStart}, ${facts.descriptorsEnd}`],
    ["descriptors leaked", leaked <= 5 ? 0 : leaked],
    ["faults in the log", facts.faultsInLog.length],
  ];
  const faults = [
    ...tally.failures,
    ...facts.faultsInLog,
    ...(tally.wrongBytes > 0 ? [`${tally.wrongBytes} transfers had wrong bytes`] : []),
    ...(leaked > 5 ? [`${leaked} descriptors leaked`] : []),
    ...(tally.served === 0 ? ["nothing was served"] : []),
  ];
  return { table: twoColumns(rows), faults };
}
