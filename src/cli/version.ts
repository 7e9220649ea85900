/** `weir version`: which one is this? @module */

import { VERSION } from "../version.ts";
import { type Command, EXIT, JSON_FLAG } from "./command.ts";
import { print, printJson } from "./output.ts";

/** The command. */
export const versionCommand: Command = {
  name: "version",
  summary: "Print the version.",
  usage: "[--json]",
  flags: [JSON_FLAG],
  maxRest: 0,
  run: (given) => {
    const { deno, v8 } = Deno.version;
    const platform = `${Deno.build.os}-${Deno.build.arch}`;
    if (given.switches.has("json")) printJson({ version: VERSION, deno, v8, platform });
    else print(`weir ${VERSION} (Deno ${deno}, ${platform})`);
    return EXIT.done;
  },
};
