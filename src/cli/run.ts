/** `weir run`: serve until told to stop. @module */

import { App } from "../app.ts";
import { fileOrigin } from "../config/load.ts";
import { type Command, CONFIG_FLAG } from "./command.ts";
import { configFile } from "./config_file.ts";
import { serveUntilSignal } from "./signals.ts";

/** The command. */
export const runCommand: Command = {
  name: "run",
  summary: "Serve as the configuration says, until SIGTERM or SIGINT. SIGHUP reads it again.",
  usage: "[-c FILE]",
  flags: [CONFIG_FLAG],
  maxRest: 0,
  run: async (given) => {
    return await serveUntilSignal(new App(fileOrigin(configFile(given))));
  },
};
