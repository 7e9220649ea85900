/** `weir init`: a first configuration to edit. @module */

import { DEFAULT_CONFIG_FILES } from "../../config/load.ts";
import { parseSource } from "../../config/source.ts";
import { validateConfig } from "../../config/validate.ts";
import { ConfigError, messageOf, WeirError } from "../../errors.ts";
import { type Command, EXIT } from "../command.ts";
import { print, printError } from "../output.ts";
import { askForAnswers } from "./dialogue.ts";
import { DEFAULT_ANSWERS, type StarterAnswers, starterConfig } from "./starter_config.ts";

const FILE = "weir.yaml";

const NEW_LINE = 10;

/** The command. */
export const initCommand: Command = {
  name: "init",
  summary: `Write a commented ${FILE} into this folder, after a few questions on a terminal.`,
  usage: "[--yes] [--stdout]",
  flags: [
    { name: "yes", short: "y", help: "ask nothing, as where standard input is no terminal" },
    { name: "stdout", help: "print it instead, and ask nothing" },
  ],
  maxRest: 0,
  run: ({ switches }) => {
    if (switches.has("stdout")) {
      print(starterConfig(DEFAULT_ANSWERS).trimEnd());
      return EXIT.done;
    }
    if (isThere(FILE)) throw cannotWrite("it is there already");
    const shadowed = DEFAULT_CONFIG_FILES.find((file) => !file.startsWith("/") && isThere(file));
    if (shadowed !== undefined) {
      throw cannotWrite(`${shadowed} is there already, and would not be read any more`);
    }
    const isAsked = !switches.has("yes") && Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
    const answers = isAsked ? converse() : DEFAULT_ANSWERS;
    if (answers === undefined) {
      printError(`weir: ${FILE} was not written, because the questions were not all answered`);
      return EXIT.failed;
    }
    write(starterConfig(answers));
    print(`Wrote ${FILE}. ${isAsked ? "Look it over" : "Set your servers in it"}, then:\n  weir check\n  weir run`);
    return EXIT.done;
  },
};

function converse(): StarterAnswers | undefined {
  print(`This writes ${FILE}. Enter alone takes what stands in brackets; Ctrl-C writes nothing.\n`);
  return askForAnswers({ ask, say: print, problemsIn });
}

/** The terminal's own line: what is typed can be changed until Enter. */
function ask(question: string, fallback: string): string | null {
  print(`${question} [${fallback}]: `, "");
  const line = readLine();
  if (line === null) print("");
  return line === null ? null : line.trim() === "" ? fallback : line;
}

/** One line of standard input; `null` at its end. */
function readLine(): string | null {
  const bytes: number[] = [];
  const one = new Uint8Array(1);
  for (;;) {
    const count = Deno.stdin.readSync(one);
    if (count === null || count === 0) return bytes.length === 0 ? null : decode(bytes);
    if (one[0] === NEW_LINE) return decode(bytes);
    bytes.push(...one);
  }
}

function decode(bytes: readonly number[]): string {
  return new TextDecoder().decode(new Uint8Array(bytes));
}

function problemsIn(answers: StarterAnswers): readonly string[] {
  try {
    validateConfig(parseSource(FILE, starterConfig(answers), "yaml"), {
      environment: () => undefined,
      readFile: (path) => Deno.readTextFileSync(path),
      fileMode: (path) => Deno.statSync(path).mode,
      // For the access log, of which nothing is asked.
      kindOf: () => null,
      now: new Date(),
    });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ message }) => message);
    throw error;
  }
}

function isThere(file: string): boolean {
  try {
    Deno.lstatSync(file);
    return true;
  } catch {
    return false;
  }
}

function write(text: string): void {
  try {
    Deno.writeTextFileSync(FILE, text, { createNew: true });
  } catch (error) {
    throw cannotWrite(error instanceof Deno.errors.AlreadyExists ? "it is there already" : messageOf(error), error);
  }
}

function cannotWrite(reason: string, cause?: unknown): WeirError {
  const advice = '; edit it, or see what would be written with "weir init --stdout"';
  const hint = reason.includes("is there already") ? advice : "";
  return new WeirError("config_unreadable", `Cannot write ${FILE}: ${reason}${hint}`, { cause });
}
