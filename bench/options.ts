/**
 * What `deno task bench` is asked to do. Pure.
 *
 * @module
 */

import { IDS } from "./works.ts";

/** How to measure. */
export interface Options {
  /** Rounds of slices; the median of them counts. */
  readonly rounds: number;
  /** Rounds of idle connections, for each of which a proxy is started afresh. */
  readonly idleRounds: number;
  /** Idle connections held. */
  readonly idle: number;
  /** Beginnings of the ids of what is to be measured; empty for everything. */
  readonly only: readonly string[];
  /** A minute's worth of it. */
  readonly quick: boolean;
  /** Whether the tables and charts of README.md and docs are written anew. */
  readonly write: boolean;
}

/** How the command is used. */
export const USAGE = `deno task bench [--quick] [--only=ID,…] [--rounds=N] [--write]

  --quick      one round of the main rows, in about a minute
  --only=…     what begins with one of these:
${idLines()}
  --rounds=N   rounds of one second for each proxy in turn, 1-100 (default 5)
  --write      write the tables and charts of README.md and docs/performance.md, which need a full run

Results go to bench/results.json after a full run, and to bench/out/ otherwise.`;

/** A line for each kind of front. */
function idLines(): string {
  const fronts = Map.groupBy(IDS, (id) => id.replace(/^((?:all-)?\w+).*/, "$1"));
  return [...fronts.values()].map((ids) => `                 ${ids.join(", ")}`).join("\n");
}

const NUMBER = /^([1-9]\d?|100)$/;

/** Reads the command line. @returns a message for who wrote it when it is wrong */
export function parseOptions(args: readonly string[]): Options | string {
  let rounds: number | undefined;
  let only: string[] = [];
  const flags = new Set<string>();
  for (const word of args) {
    const [name = "", value] = word.split("=", 2);
    if ((name === "--quick" || name === "--write") && value === undefined) flags.add(name);
    else if (name === "--rounds" && value !== undefined && NUMBER.test(value)) rounds = Number(value);
    else if (name === "--rounds") return `--rounds must be between 1 and 100, got "${value ?? ""}"`;
    else if (name === "--only" && value !== undefined) {
      only = value.split(",");
      const unknown = only.find((start) => !IDS.some((id) => id.startsWith(start)));
      if (unknown !== undefined) return `--only: nothing begins with "${unknown}"; there are ${IDS.join(", ")}`;
    } else return `Unknown option "${word}"`;
  }
  const quick = flags.has("--quick");
  const write = flags.has("--write");
  if (write && (quick || only.length > 0)) return "--write needs a full run: neither --quick nor --only";
  return {
    rounds: rounds ?? (quick ? 1 : 5),
    idleRounds: quick ? 1 : 2,
    idle: quick ? 1000 : 5000,
    only,
    quick,
    write,
  };
}
