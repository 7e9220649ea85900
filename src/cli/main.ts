/**
 * The command line: finds the command, runs it, turns errors into one clear message and an exit code.
 *
 * @module
 */

import { ConfigError, messageOf, WeirError } from "../errors.ts";
import { flushLog } from "../log.ts";
import { suggestion } from "../text/nearest.ts";
import { type Command, EXIT, helpText, readCommandLine, usage } from "./command.ts";
import { COMMANDS, HELP } from "./commands.ts";
import { offer, OFFER_WORD } from "./completion/offer.ts";
import { print, printError } from "./output.ts";
import { runCommand } from "./run.ts";
import { versionCommand } from "./version.ts";

/** Runs the program. @param words the command line without the program's name @returns the exit code */
export async function main(words: readonly string[]): Promise<number> {
  try {
    return await dispatch(words);
  } catch (error) {
    await flushLog();
    printError(error instanceof WeirError ? describe(error) : `weir: unexpected error: ${stackOf(error)}`);
    return exitCodeOf(error);
  }
}

function describe(error: WeirError): string {
  return error instanceof ConfigError ? error.message : `weir: ${error.message}`;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : messageOf(error);
}

function exitCodeOf(error: unknown): number {
  if (!(error instanceof WeirError)) return EXIT.failed;
  if (error.kind === "usage") return EXIT.usage;
  return error.kind === "config_invalid" ? EXIT.config : EXIT.failed;
}

async function dispatch([first, ...rest]: readonly string[]): Promise<number> {
  if (first === undefined) return await runCommand.run(readCommandLine(runCommand, []));
  if (first === "help" || first === "--help" || first === "-h") return help(rest.map(asCommand));
  if (first === "--version" || first === "-V") return await versionCommand.run(readCommandLine(versionCommand, rest));
  if (first === OFFER_WORD) return await offer(rest);
  // `weir -c FILE` is `weir run -c FILE`
  if (first.startsWith("-")) return await execute(runCommand, [first, ...rest]);
  const command = COMMANDS.find((one) => one.name === first);
  if (command === undefined) throw unknownCommand(first);
  return await execute(command, rest);
}

async function execute(command: Command, words: readonly string[]): Promise<number> {
  if (words.includes("--help") || words.includes("-h")) return help([command.name]);
  return await command.run(readCommandLine(command, words));
}

/** `weir help --help` asks what `weir help help` does. */
function asCommand(word: string): string {
  return word === "--help" || word === "-h" ? HELP.name : word;
}

function help([name, extra]: readonly string[]): number {
  if (extra !== undefined) throw usage(`"weir help" takes one command, got "${extra}" as well`);
  if (name === undefined) {
    print(overview());
    return EXIT.done;
  }
  const described = [...COMMANDS, HELP].find((one) => one.name === name);
  if (described === undefined) throw unknownCommand(name);
  print(helpText(described).trimEnd());
  return EXIT.done;
}

function unknownCommand(name: string): WeirError {
  const hint = suggestion(name, [...COMMANDS, HELP].map((one) => one.name)) || '; "weir help" lists the commands';
  return usage(`Unknown command "${name}"${hint}`);
}

function overview(): string {
  const width = Math.max(...COMMANDS.map((one) => one.name.length));
  const rows = COMMANDS.map((one) => `  ${one.name.padEnd(width)}  ${one.summary}`);
  return [
    "Weir, a load balancer for TCP and TCP-SSL.",
    "",
    "Usage: weir [COMMAND] [FLAGS]",
    "",
    "Commands (run is the default):",
    ...rows,
    `  ${HELP.name.padEnd(width)}  ${HELP.summary}`,
    "",
    'Exit codes: 0 done, 1 failed, 2 wrong usage, 3 configuration not valid. Try "weir demo" first.',
  ].join("\n");
}
