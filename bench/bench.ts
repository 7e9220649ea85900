/**
 * `deno task bench`: Weir beside HAProxy and nginx `stream` where they are installed, with the same back end, the same
 * certificate and one thread each, in turn, round after round. What counts is the CPU time of the proxy for a unit of
 * work, as a ratio: throughput on a machine that the load generator runs on as well says little.
 *
 * @module
 */

import { print, printError } from "../src/cli/output.ts";
import { projectPath } from "../tests/support/program.ts";
import { compare, SLICE_SECONDS } from "./compare.ts";
import { aboutRun, writeDocuments } from "./documents.ts";
import { layGround } from "./ground.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { lookAround } from "./prerequisites.ts";
import { describeMachine, type Results } from "./results.ts";
import { chart } from "./chart.ts";
import { costTable, failures, fairnessTable, mutualTable, speedTable, threadTable } from "./tables.ts";
import { compareThreads } from "./threads.ts";
import { isAsked } from "./works.ts";

/** @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    print(USAGE);
    return 0;
  }
  const options = parseOptions(args);
  if (typeof options === "string") {
    printError(`${options}\n\n${USAGE}`);
    return 2;
  }
  const { contenders, missing, fatal, idle, openssl } = await lookAround(options.idle);
  if (fatal !== null) {
    printError(fatal);
    return 1;
  }
  for (const line of missing) print(line);
  if (options.write && missing.length > 0) {
    printError("--write needs all of it");
    return 1;
  }
  const machine = describeMachine();
  const startedAt = performance.now();
  await using ground = await layGround();
  const rows = await compare(contenders, ground, { ...options, idle, openssl });
  const threads = isAsked("threads", options.only) && !options.quick && openssl
    ? await compareThreads(contenders, ground, options.rounds)
    : null;
  const results: Results = {
    at: new Date().toISOString(),
    machine,
    versions: Object.fromEntries(contenders.map(({ program, version }) => [program, version])),
    how: { rounds: options.rounds, idleRounds: options.idleRounds, idle, seconds: SLICE_SECONDS },
    rows,
    threads,
  };
  await save(results, options);
  show(results);
  print(`\nIt took ${Math.round((performance.now() - startedAt) / 1000)} s.`);
  return failures(results).length === 0 ? 0 : 1;
}

/** Results of a part of it do not take the place of those of the whole. */
async function save(results: Results, { quick, only, write }: Options): Promise<void> {
  const folder = projectPath(quick || only.length > 0 ? "bench/out" : "bench");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/results.json`, `${JSON.stringify(results, null, 2)}\n`);
  await Deno.mkdir(projectPath("bench/out"), { recursive: true });
  await Deno.writeTextFile(projectPath("bench/out/chart.svg"), chart(results));
  if (write) await writeDocuments(results);
}

function show(results: Results): void {
  const { rows, threads } = results;
  if (rows.length > 0) print(`\n${costTable(results)}\n\n${speedTable(results)}`);
  if (rows.some(({ id }) => id.startsWith("mutual"))) print(`\n${mutualTable(results)}`);
  if (threads !== null) print(`\n${threadTable(threads)}\n\n${fairnessTable(threads)}`);
  print(`\n${aboutRun(results)}`);
}

Deno.exitCode = await main(Deno.args);
