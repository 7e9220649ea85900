/** `weir init`: a first configuration to edit. @module */

import { messageOf, WeirError } from "../errors.ts";
import { type Command, EXIT } from "./command.ts";
import { print } from "./output.ts";
import { STARTER_CONFIG } from "./starter_config.ts";

const FILE = "weir.yaml";

/** The command. */
export const initCommand: Command = {
  name: "init",
  summary: `Write a commented ${FILE} into this folder. A file that is there is left alone.`,
  usage: "[--stdout]",
  flags: [{ name: "stdout", help: "print it instead" }],
  maxRest: 0,
  run: (given) => {
    if (given.switches.has("stdout")) {
      print(STARTER_CONFIG.trimEnd());
      return EXIT.done;
    }
    try {
      Deno.writeTextFileSync(FILE, STARTER_CONFIG, { createNew: true });
    } catch (error) {
      const reason = error instanceof Deno.errors.AlreadyExists ? "it is there already" : messageOf(error);
      throw new WeirError("config_unreadable", `Cannot write ${FILE}: ${reason}`, { cause: error });
    }
    print(`Wrote ${FILE}. Set your servers in it, then:\n  weir check\n  weir run`);
    return EXIT.done;
  },
};
