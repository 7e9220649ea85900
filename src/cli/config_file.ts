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
 * @throws {WeirError} `config_unreadable` when there is none, with what to do about it
 */
export function configFile(given: Given): string {
  const named = given.values.get("config");
  if (named !== undefined) return existing(named);
  const file = findConfigFile();
  if (file !== undefined) return file;
  throw new WeirError(
    "config_unreadable",
    `There is no configuration: looked for ${
      DEFAULT_CONFIG_FILES.join(", ")
    }; write one with "weir init" or name one with -c FILE`,
  );
}

function existing(file: string): string {
  const fault = faultOf(file);
  if (fault === undefined) return file;
  throw new WeirError("config_unreadable", `Cannot read the configuration "${file}": ${fault}`);
}

/** Why there can be no configuration at a path; other faults show when it is read. */
function faultOf(file: string): string | undefined {
  try {
    return Deno.statSync(file).isDirectory ? "it is a directory; name the file in it" : undefined;
  } catch (error) {
    return error instanceof Deno.errors.NotFound
      ? `no such file; name another one with -c FILE, or write a first ${DEFAULT_CONFIG_FILES[0]} with "weir init"`
      : undefined;
  }
}
