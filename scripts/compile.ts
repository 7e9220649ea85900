/**
 * Builds the executable: `deno task compile` into dist/weir for this machine, `deno task compile --all` the archives of
 * every release platform with SHA256SUMS, `deno task compile --target NAME` those of some. With
 * `--npm` and `--deb` packages for npm and Debian are made as well.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { print, printError } from "../src/cli/output.ts";
import { messageOf } from "../src/errors.ts";
import { compileTarget, targetsNamed } from "./release/compile_target.ts";
import { release } from "./release/release.ts";
import { TARGETS } from "./release/targets.ts";

async function main(args: string[]): Promise<number> {
  try {
    const { all, target, output, npm, deb } = parseArgs({
      args,
      options: {
        all: { type: "boolean", default: false },
        target: { type: "string", multiple: true, default: [] },
        npm: { type: "boolean", default: false },
        deb: { type: "boolean", default: false },
        output: { type: "string", default: "dist" },
      },
    }).values;
    const targets = all ? TARGETS : targetsNamed(target);
    if (targets.length > 0) {
      await release(targets, { folder: output, npm, deb });
      return 0;
    }
    await Deno.mkdir(output, { recursive: true });
    const file = `${output}/weir${Deno.build.os === "windows" ? ".exe" : ""}`;
    await compileTarget(file);
    print(`built ${file}`);
    return 0;
  } catch (error) {
    printError(messageOf(error));
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
