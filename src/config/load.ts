/**
 * From a file on disk to a configuration: find it, read it, parse it, validate it.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";
import { ConfigError, WeirError } from "../errors.ts";
import type { Upload } from "./certificate_store.ts";
import type { Environment } from "./environment.ts";
import { type NamedPaths, type PathKind, readAdvice, readReason } from "./read_file.ts";
import { type Renewal, renewCertificates } from "./renew.ts";
import { type ConfigFormat, parseSource } from "./source.ts";
import { removeOwn } from "./own_files.ts";
import { type FileWrite, SECRET_MODE, type Undo, writeFiles } from "./write_files.ts";
import { validateConfig, type ValidConfig } from "./validate.ts";

/** Where a configuration is looked for when none is named, in this order. */
export const DEFAULT_CONFIG_FILES = ["weir.yaml", "weir.json", "/etc/weir/weir.yaml"] as const;

/** Where a configuration comes from: a file, or (in the demo) something built in. */
export interface ConfigOrigin {
  /** The name shown to people. */
  readonly file: string;
  /** Reads and validates. Throws {@link ConfigError} or {@link WeirError}. */
  load(): ValidConfig;
  /**
   * Validates a text as if the file held it. What the configuration that serves has read from other files is not read
   * again, unless the change touches it. Throws {@link ConfigError}.
   */
  validate(text: string, change: CandidateChange): ValidConfig;
  /** A configuration loaded before, with its certificate files read again and nothing else. */
  renew(valid: ValidConfig): Renewal;
  /** The absolute path of a file that the configuration names. */
  locate(path: string): string;
  /** Where changes can be saved; `undefined` where they cannot. */
  readonly storage: ConfigStorage | undefined;
}

/** What a text that is to serve changes beside itself. */
export interface CandidateChange {
  /** The configuration that serves. */
  readonly serving: ValidConfig;
  /** A certificate that serves from memory. */
  readonly upload?: Upload | undefined;
  /** Files that are to hold something else, by the path that the configuration names. */
  readonly files?: ReadonlyMap<string, string>;
}

/** The disk, as far as changes are saved on it. */
export interface ConfigStorage {
  /** The absolute path of the configuration. */
  readonly path: string;
  /** Writes all of the files or none. Throws {@link WeirError}. */
  write(writes: readonly FileWrite[]): Undo;
  /** Deletes a file that Weir has written for a certificate, and that nobody has changed since. @returns whether it did */
  removeOwn(path: string): boolean;
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
  const formatOrThrow = () => {
    const format = formatOf(file);
    if (format === undefined) throw problemWithFile(file, "the file's ending must be .yaml, .yml or .json");
    return format;
  };
  const files: NamedPaths = {
    readFile: (path) => readNamed(locate(path)),
    fileMode: (path) => Deno.statSync(locate(path)).mode,
    kindOf: (path) => kindOf(locate(path)),
  };
  return {
    file,
    locate,
    load: () => {
      const format = formatOrThrow();
      return validateConfig(parseSource(file, readText(file), format), { environment, ...files, now: new Date() });
    },
    validate: (text, { serving, upload, files: changed = new Map() }) => {
      const pending = new Map([...changed].map(([path, content]) => [realPath(locate(path)), content]));
      const pendingAt = (path: string) => pending.get(realPath(locate(path)));
      return validateConfig(parseSource(file, text, formatOrThrow()), {
        environment,
        readFile: (path) => pendingAt(path) ?? files.readFile(path),
        fileMode: (path) => pendingAt(path) === undefined ? files.fileMode(path) : SECRET_MODE,
        kindOf: files.kindOf,
        now: new Date(),
        base: {
          valid: serving,
          upload,
          isStale: ({ certFile, keyFile }) =>
            [certFile, keyFile ?? certFile].some((path) => pendingAt(path) !== undefined),
        },
      });
    },
    renew: (valid) => renewCertificates(valid, files, new Date()),
    storage: { path: resolve(file), write: writeFiles, removeOwn },
  };
}

/** Where a path leads in the end; also when nothing is there yet. */
function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : join(realPath(folder), basename(path));
  }
}

function kindOf(path: string): PathKind | null {
  try {
    const { isFile, isDirectory } = Deno.statSync(path);
    return isFile ? "file" : isDirectory ? "folder" : "other";
  } catch {
    return null;
  }
}

/** A file that the configuration names. Anything else may never come to an end, or never begin. */
function readNamed(file: string): string {
  const { isFile, isDirectory } = Deno.statSync(file);
  if (!isFile && !isDirectory) throw new Error("it is a device or a pipe, and no file");
  return Deno.readTextFileSync(file);
}

function readText(file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(file));
  } catch (error) {
    if (error instanceof TypeError) throw problemWithFile(file, "must be UTF-8 text");
    throw new WeirError(
      "config_unreadable",
      `Cannot read the configuration "${file}": ${readReason(error)}${readAdvice(error)}`,
      { cause: error },
    );
  }
}

function problemWithFile(file: string, message: string): ConfigError {
  return new ConfigError([{ file, line: 0, column: 0, path: "", message }]);
}
