/** `weir check`: is this configuration right? @module */

import { fileOrigin } from "../config/load.ts";
import { ConfigError, formatProblem } from "../errors.ts";
import { type Command, CONFIG_FLAG, EXIT, JSON_FLAG } from "./command.ts";
import { configFile } from "./config_file.ts";
import { print, printError, printJson } from "./output.ts";

/** The command. */
export const checkCommand: Command = {
  name: "check",
  summary: "Check a configuration and name every error in it, without serving.",
  usage: "[-c FILE] [--json]",
  flags: [CONFIG_FLAG, JSON_FLAG],
  maxRest: 0,
  run: (given) => {
    const file = configFile(given);
    const asJson = given.switches.has("json");
    try {
      const { config, warnings } = fileOrigin(file).load();
      if (asJson) printJson({ file, valid: true, errors: [], warnings });
      else {
        for (const warning of warnings) printError(`warning: ${formatProblem(warning)}`);
        const count = (number: number, word: string) => `${number} ${word}${number === 1 ? "" : "s"}`;
        const groups = Object.keys(config.backendGroups).length +
          config.listeners.filter((one) => one.backends !== undefined).length;
        print(`${file} is valid: ${count(config.listeners.length, "listener")}, ${count(groups, "backend group")}`);
      }
      return EXIT.done;
    } catch (error) {
      if (!asJson || !(error instanceof ConfigError)) throw error;
      printJson({ file, valid: false, errors: error.problems, warnings: [] });
      return EXIT.config;
    }
  },
};
