/**
 * From a file on disk to a configuration: find it, read it, parse it, validate it.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import { ConfigError, messageOf, WeirError } from "../errors.ts";
import type { Environment } from "./environment.ts";
import type { NamedFiles, PathKind } from "./read_file.ts";
import { type Renewal, renewCertificates } from "./renew.ts";
import { type ConfigFormat, parseSource } from "./source.ts";
import { validateConfig, type ValidConfig } from "./validate.ts";

/** Where a configuration is looked for when none is named, in this order. */
export const DEFAULT_CONFIG_FILES = ["weir.yaml", "weir.json", "/etc/weir/weir.yaml"] as const;

/** Where a configuration comes from: a file, or (in the demo) something built in. */
export interface ConfigOrigin {
  /** The name shown to people. */
  readonly file: string;
  /** Reads and validates. Throws {@link ConfigError} or {@link WeirError}. */
  load(): ValidConfig;
  /** A configuration loaded before, with its certificate files read again and nothing else. */
  renew(valid: ValidConfig): Renewal;
  /** The absolute path of a file that the configuration names. */
  locate(path: string): string;
}

/** The first of the default files that exists; `undefined` when none does. */
export function findConfigFile(candidates: readonly string[] = DEFAULT_CONFIG_FILES): string | undefined {
  return candidates.find((file) => {
    try {
      return Deno.statSync(file).isFile;
    } catch {
      return false;
    }
  });
}

/** The format that a file's ending stands for. */
export function formatOf(file: string): ConfigFormat | undefined {
  if (/\.ya?ml$/i.test(file)) return "yaml";
  return /\.json$/i.test(file) ? "json" : undefined;
}

/** A configuration file as an origin that can be loaded again and again. */
export function fileOrigin(file: string, environment: Environment = (name) => Deno.env.get(name)): ConfigOrigin {
  const folder = dirname(file);
  const locate = (path: string) => resolve(folder, path);
  const files: NamedFiles = {
    readFile: (path) => Deno.readTextFileSync(locate(path)),
    fileMode: (path) => Deno.statSync(locate(path)).mode,
    kindOf: (path) => kindOf(locate(path)),
  };
  return {
    file,
    locate,
    load: () => {
      const format = formatOf(file);
      if (format === undefined) {
        throw problemWithFile(file, "the file's ending must be .yaml, .yml or .json");
      }
      return validateConfig(parseSource(file, readText(file), format), { environment, ...files, now: new Date() });
    },
    renew: (valid) => renewCertificates(valid, files, new Date()),
  };
}

function kindOf(path: string): PathKind | null {
  try {
    const { isFile, isDirectory } = Deno.statSync(path);
    return isFile ? "file" : isDirectory ? "folder" : "other";
  } catch {
    return null;
  }
}

function readText(file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(file));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new WeirError("config_unreadable", `Cannot read the configuration "${file}": no such file`);
    }
    if (error instanceof TypeError) throw problemWithFile(file, "must be UTF-8 text");
    throw new WeirError("config_unreadable", `Cannot read the configuration "${file}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function problemWithFile(file: string, message: string): ConfigError {
  return new ConfigError([{ file, line: 0, column: 0, path: "", message }]);
}
