/**
 * Which configuration file a command works on.
 *
 * @module
 */

import { DEFAULT_CONFIG_FILES, findConfigFile } from "../config/load.ts";
import { WeirError } from "../errors.ts";
import type { Given } from "./command.ts";

/**
 * The file of `-c`, or the first default file that exists.
 *
 * @throws {WeirError} `config_unreadable` when there is none
 */
export function configFile(given: Given): string {
  const file = given.values.get("config") ?? findConfigFile();
  if (file !== undefined) return file;
  throw new WeirError(
    "config_unreadable",
    `There is no configuration: looked for ${
      DEFAULT_CONFIG_FILES.join(", ")
    }; write one with "weir init" or name one with -c FILE`,
  );
}
