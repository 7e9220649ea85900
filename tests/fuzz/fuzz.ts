/**
 * `deno task fuzz`: damaged and generated inputs for everything that reads what comes from outside. `--target NAME` for one
 * of them (`--list` names all), `--seconds N` for each (60 by default) or `--runs N`, `--seed N` to have the same inputs
 * again. Ends with 1 at an input that breaks what must hold; the smallest such input is written into
 * `tests/corpus/NAME/`, where a test finds it from then on.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { print, printError } from "../../src/cli/output.ts";
import { addToCorpus } from "./corpus.ts";
import { fuzz } from "./fuzz_run.ts";
import { type FuzzTarget, textOf } from "./target.ts";
import { TARGETS } from "./targets.ts";
import { Watchdog } from "./watchdog.ts";

/** Milliseconds of processor time that an input may take, twice in a row. */
const PATIENCE = 3000;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    target: { type: "string" },
    seconds: { type: "string" },
    runs: { type: "string" },
    seed: { type: "string" },
    list: { type: "boolean", default: false },
  },
});

async function run(target: FuzzTarget, seed: number): Promise<boolean> {
  const startedAt = performance.now();
  using watchdog = new Watchdog(target);
  const { runs, outcomes, failure } = await fuzz(target, {
    seed,
    runs: Number(values.runs ?? Infinity),
    seconds: Number(values.seconds ?? (values.runs === undefined ? 60 : Infinity)),
    patience: PATIENCE,
    watch: (input) => watchdog.see(input),
  });
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  print(
    `${target.name}: ${runs} inputs in ${seconds} s, ${outcomes} outcomes, ${
      failure === undefined ? "all hold" : "one fails"
    }`,
  );
  if (failure === undefined) return true;
  const { input, error } = failure;
  const file = await addToCorpus(target, input);
  printError(`\n${target.name} must be: ${target.holds}\n\n${error.stack ?? error.message}\n`);
  printError(`${input.length} bytes, in ${file}:\n${target.isText ? textOf(input) : input.toHex()}\n`);
  printError(`The same inputs again: deno task fuzz --target ${target.name} --seed ${seed}`);
  return false;
}

if (values.list) {
  for (const { name, holds } of TARGETS) print(`${name}: ${holds}`);
  Deno.exit(0);
}
const chosen = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
if (chosen.length === 0) {
  printError(`There is no target "${values.target}"; there are ${TARGETS.map(({ name }) => name).join(", ")}`);
  Deno.exit(2);
}
const seed = values.seed === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0 : Number(values.seed);
print(`seed ${seed}`);
let good = true;
for (const target of chosen) good = await run(target, seed) && good;
Deno.exit(good ? 0 : 1);
