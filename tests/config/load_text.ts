/** A configuration from a text, in the world that the golden cases live in. @module */

import { parseSource } from "../../src/config/source.ts";
import { validateConfig, type ValidConfig } from "../../src/config/validate.ts";
import { ConfigError } from "../../src/errors.ts";
import { CASE_ENVIRONMENT, CASE_NOW } from "./cases.ts";

/** What a text is read as, and in which world. */
export interface LoadTextOptions {
  /** What the file is called; its ending is its format. */
  readonly file?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Files that the configuration may name, by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Permission bits by path; 0o600 where nothing is given. */
  readonly modes?: Readonly<Record<string, number>>;
  readonly now?: Date;
}

/** Reads and validates a configuration. @throws {ConfigError} with everything that is wrong with it */
export function loadText(text: string, options: LoadTextOptions = {}): ValidConfig {
  const { file = "weir.yaml", environment = CASE_ENVIRONMENT, files = {}, modes = {}, now = CASE_NOW } = options;
  return validateConfig(parseSource(file, text, file.endsWith(".json") ? "json" : "yaml"), {
    environment: (name) => environment[name],
    readFile: (path) => {
      const content = files[path];
      if (content === undefined) throw new Deno.errors.NotFound(path);
      return content;
    },
    fileMode: (path) => modes[path] ?? 0o600,
    kindOf: (path) => {
      if (files[path] !== undefined) return "file";
      return path === "." || Object.keys(files).some((file) => file.startsWith(`${path}/`)) ? "folder" : null;
    },
    now,
  });
}

/** The lines of the errors that a configuration gets; none when it is valid. */
export function errorsIn(text: string, options: LoadTextOptions = {}): string[] {
  try {
    loadText(text, options);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
}
