/**
 * What starting Weir and reloading it costs.
 *
 * @module
 */

import { RunningWeir } from "../../tests/support/program.ts";
import { cpuSeconds, residentBytes } from "../process_tree.ts";
import { spread } from "../statistics.ts";

/** A configuration that is reloaded, by what has changed in it since the one before. */
export type Versions = readonly { readonly what: string; readonly config: Record<string, unknown> }[];

/** CPU milliseconds of the whole process, and the time it took. */
export interface Cost {
  readonly cpu: number;
  readonly wall: number;
}

/** What one run showed. */
export interface Costs {
  readonly start: Cost;
  /** By what had changed. */
  readonly reloads: Readonly<Record<string, Cost>>;
  readonly residentBytes: number;
}

/** Starts Weir on the first version, and reloads the others. @throws {Error} when a reload is refused */
export async function startAndReload([first, ...others]: Versions): Promise<Costs> {
  if (first === undefined) throw new Error("There is nothing to start");
  const startedAt = performance.now();
  await using weir = await RunningWeir.start(first.config);
  const start = { wall: performance.now() - startedAt, cpu: cpuSeconds(weir.pid) * 1000 };
  const resident = residentBytes(weir.pid);
  const reloads: Record<string, Cost> = {};
  for (const { what, config } of others) {
    await weir.write(config);
    const [cpu, at] = [cpuSeconds(weir.pid), performance.now()];
    const { status, body } = await weir.reload();
    if (status !== 200) throw new Error(`The reload was refused: ${JSON.stringify(body)}`);
    reloads[what] = { wall: performance.now() - at, cpu: (cpuSeconds(weir.pid) - cpu) * 1000 };
  }
  return { start, reloads, residentBytes: resident };
}

/** Medians of several runs. */
export async function medianCosts(versions: Versions, rounds: number): Promise<Costs> {
  const all: Costs[] = [];
  for (let round = 0; round < rounds; round++) all.push(await startAndReload(versions));
  const middle = (pick: (costs: Costs) => number) => spread(all.map(pick))?.median ?? NaN;
  const cost = (pick: (costs: Costs) => Cost | undefined): Cost => ({
    wall: middle((costs) => pick(costs)?.wall ?? NaN),
    cpu: middle((costs) => pick(costs)?.cpu ?? NaN),
  });
  const [, ...others] = versions;
  return {
    start: cost(({ start }) => start),
    reloads: Object.fromEntries(others.map(({ what }) => [what, cost(({ reloads }) => reloads[what])])),
    residentBytes: middle((costs) => costs.residentBytes),
  };
}

/** Costs as cells of a table: CPU and time of the start, of each reload, and memory. */
export function costCells({ start, reloads, residentBytes }: Costs): string[] {
  const cell = ({ cpu, wall }: Cost) => `${Math.round(cpu)} / ${Math.round(wall)} ms`;
  return [cell(start), ...Object.values(reloads).map(cell), `${Math.round(residentBytes / 1e6)} MB`];
}
