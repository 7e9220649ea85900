/**
 * `deno task gate`: fails when something on the way of traffic has become much more expensive than it was when
 * `bench/gate/ratios.json` was written. Needs nothing but Deno, on Linux.
 *
 * `deno task gate --only=NAME,…` watches some, `deno task gate --store` writes the ratios of now.
 *
 * @module
 */

import { print, printError } from "../../src/cli/output.ts";
import { shortNumber } from "../statistics.ts";
import { startGauges } from "./gauges.ts";
import { judge, LIMIT, measure } from "./judge.ts";

const FILE = new URL("./ratios.json", import.meta.url);

async function main(args: readonly string[]): Promise<number> {
  const only = args.find((word) => word.startsWith("--only="))?.slice("--only=".length).split(",");
  const unknown = args.find((word) => word !== "--store" && !word.startsWith("--only="));
  if (unknown !== undefined) {
    printError(`Unknown option "${unknown}"; there are --only=NAME,… and --store`);
    return 2;
  }
  const stored: Record<string, number> = JSON.parse(await Deno.readTextFile(FILE));
  await using gauges = await startGauges();
  const stranger = only?.find((name) => !gauges.all.some((gauge) => gauge.name === name));
  if (stranger !== undefined) {
    printError(`There is no "${stranger}" to watch; there are ${gauges.all.map(({ name }) => name).join(", ")}`);
    return 2;
  }
  const watched = gauges.all.filter(({ name }) => only?.includes(name) ?? true);
  if (args.includes("--store")) {
    for (const gauge of watched) {
      const ratio = Number((await measure(gauge)).toFixed(3));
      stored[gauge.name] = ratio;
      print(`${gauge.name} ${ratio}`);
    }
    await Deno.writeTextFile(FILE, `${JSON.stringify(stored, null, 2)}\n`);
    return 0;
  }
  let failed = 0;
  for (const gauge of watched) {
    const { name, ratio, stored: before, again, isFine } = await judge(gauge, stored[gauge.name]);
    if (!isFine) failed++;
    const compared = before === undefined
      ? "nothing is stored to compare it with"
      : `stored ${shortNumber(before)}, ${(ratio / before).toFixed(2)}x of it`;
    print(
      `${isFine ? "ok  " : "FAIL"} ${name}: ${shortNumber(ratio)}x the reference (${compared}${
        again ? ", measured twice" : ""
      })`,
    );
  }
  if (failed > 0) {
    printError(
      `${failed} of ${watched.length} cost more than ${LIMIT}x what they did. Find out why, or, if it is meant to be: deno task gate --store`,
    );
  }
  return failed === 0 ? 0 : 1;
}

Deno.exitCode = await main(Deno.args);
