/** `weir schema`: the configuration's JSON Schema. @module */

import { configJsonSchema } from "../config/json_schema.ts";
import { type Command, EXIT } from "./command.ts";
import { printJson } from "./output.ts";

/** The command. */
export const schemaCommand: Command = {
  name: "schema",
  summary: "Print the JSON Schema of the configuration, for editors.",
  usage: "",
  flags: [],
  maxRest: 0,
  run: () => {
    printJson(configJsonSchema());
    return EXIT.done;
  },
};
