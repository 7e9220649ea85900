/**
 * What a command is: its flags, its help and its work; and reading a command line against it.
 *
 * @module
 */

import { WeirError } from "../errors.ts";
import { suggestion } from "../text/nearest.ts";

/** Exit codes: done; could not be done; a wrong command line; a configuration with errors. */
export const EXIT = { done: 0, failed: 1, usage: 2, config: 3 } as const;

/** What may stand in a place of a command line; shell completion offers it. */
export type Takes =
  /** A file with one of these endings, without the dot; any file when there are none. */
  | { readonly kind: "file"; readonly endings: readonly string[] }
  /** One of these words. */
  | { readonly kind: "words"; readonly words: readonly string[] }
  /** The name of a command. */
  | { readonly kind: "command" }
  /** A listener of the running Weir. */
  | { readonly kind: "listener" }
  /** A server of the listener that is named before it. */
  | { readonly kind: "server" };

/** One flag of a command. */
export interface Flag {
  /** The long name, without the dashes. */
  readonly name: string;
  /** The one-letter form. */
  readonly short?: string;
  /** What its value is called in the help; without it the flag is a switch. */
  readonly value?: string;
  /** What the value may be, where that can be offered. */
  readonly takes?: Takes;
  readonly help: string;
}

/** What was given on a command line. */
export interface Given {
  /** Values by flag name. */
  readonly values: ReadonlyMap<string, string>;
  /** Switches that are on. */
  readonly switches: ReadonlySet<string>;
  /** What is not a flag. */
  readonly rest: readonly string[];
}

/** One command. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** What follows the command's name in the help. */
  readonly usage: string;
  readonly flags: readonly Flag[];
  /** Words that may be given beside flags, at most. */
  readonly maxRest: number;
  /** What these words may be, in their order, where that can be offered. */
  readonly words?: readonly Takes[];
  /** Does the work. @returns the exit code */
  run(given: Given): number | Promise<number>;
}

/** What can be told about a command without running it. */
export type Described = Pick<Command, "name" | "summary" | "usage" | "flags" | "words">;

/** `-c FILE` */
export const CONFIG_FLAG: Flag = {
  name: "config",
  short: "c",
  value: "FILE",
  takes: { kind: "file", endings: ["yaml", "yml", "json"] },
  help: "the configuration (default: ./weir.yaml, ./weir.json, /etc/weir/weir.yaml)",
};

/** `--json` */
export const JSON_FLAG: Flag = { name: "json", help: "print JSON, for programs" };

/**
 * Reads the words after a command's name.
 *
 * @throws {WeirError} `usage`, one line with the nearest match
 */
export function readCommandLine(command: Command, words: readonly string[]): Given {
  const values = new Map<string, string>();
  const switches = new Set<string>();
  const rest: string[] = [];
  const queue = [...words];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === "--") {
      rest.push(...queue);
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      rest.push(word);
      continue;
    }
    const [given = "", attached] = splitOnce(word);
    const flag = command.flags.find((flag) =>
      given === `--${flag.name}` || (flag.short !== undefined && given === `-${flag.short}`)
    );
    if (flag === undefined) throw unknownFlag(command, given);
    if (flag.value === undefined) {
      if (attached !== undefined) throw usage(`--${flag.name} takes no value, got "${attached}"`);
      switches.add(flag.name);
      continue;
    }
    const value = attached ?? queue.shift();
    if (value === undefined || value === "") throw usage(`--${flag.name} needs a value: --${flag.name} ${flag.value}`);
    values.set(flag.name, value);
  }
  if (rest.length > command.maxRest) throw usage(`"weir ${command.name}" does not take "${rest[command.maxRest]}"`);
  return { values, switches, rest };
}

function splitOnce(word: string): [string, string | undefined] {
  const at = word.startsWith("--") ? word.indexOf("=") : -1;
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function unknownFlag(command: Command, given: string): WeirError {
  const known = ["--help", ...command.flags.map((flag) => `--${flag.name}`)];
  const hint = suggestion(given, known) || `; "weir help ${command.name}" lists its flags`;
  return usage(`Unknown flag "${given}" for "weir ${command.name}"${hint}`);
}

/** A wrong command line: one line, exit 2. */
export function usage(message: string): WeirError {
  return new WeirError("usage", message);
}

/** `--help`, which every command has */
export const HELP_FLAG: Flag = { name: "help", short: "h", help: "show this help" };

/** A command's help text. */
export function helpText(command: Described): string {
  const flags: readonly Flag[] = [...command.flags, HELP_FLAG];
  const left = flags.map((flag) =>
    `${flag.short === undefined ? "    " : `-${flag.short}, `}--${flag.name}${
      flag.value === undefined ? "" : ` ${flag.value}`
    }`
  );
  const width = Math.max(...left.map((text) => text.length));
  const rows = flags.map((flag, index) => `  ${(left[index] ?? "").padEnd(width)}  ${flag.help}`);
  const usageLine = `weir ${command.name}${command.usage === "" ? "" : ` ${command.usage}`}`;
  return `${command.summary}\n\nUsage: ${usageLine}\n\nFlags:\n${rows.join("\n")}\n`;
}
