/** `weir health`: is it ready? For containers and scripts; needs no token. @module */

import { readySchema } from "../admin/schemas.ts";
import { WeirError } from "../errors.ts";
import { ADMIN_FLAGS, callAdmin } from "./admin_client.ts";
import { type Command, EXIT, JSON_FLAG } from "./command.ts";
import { print, printError, printJson } from "./output.ts";

/** The command. */
export const healthCommand: Command = {
  name: "health",
  summary: "Ask whether every listener of a running Weir is accepting; exit 1 when not.",
  usage: "[--admin URL] [--json]",
  flags: [...ADMIN_FLAGS.filter(({ name }) => name === "admin"), JSON_FLAG],
  maxRest: 0,
  run: async (given) => {
    const { body } = await callAdmin(given, "GET", "/readyz");
    const answer = readySchema.safeParse(body);
    if (!answer.success) throw new WeirError("admin_unreachable", "What answers is not a Weir of this version");
    const { ready, listeners } = answer.data;
    if (given.switches.has("json")) printJson(answer.data);
    else if (ready) print("ready");
    else {
      const states = Object.entries(listeners).map(([name, state]) => `"${name}" is ${state}`);
      printError(`weir: not ready${states.length === 0 ? "" : `: ${states.join(", ")}`}`);
    }
    return ready ? EXIT.done : EXIT.failed;
  },
};
