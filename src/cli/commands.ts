/**
 * Every command of the program, in the order of the help. Help, shell completion and the manual page are made from
 * this table.
 *
 * @module
 */

import { checkCommand } from "./check.ts";
import type { Command, Described } from "./command.ts";
import { completionCommand } from "./completion/command.ts";
import { convertCommand } from "./convert/command.ts";
import { demoCommand } from "./demo.ts";
import { drainCommand } from "./drain.ts";
import { healthCommand } from "./health.ts";
import { initCommand } from "./init/command.ts";
import { reloadCommand } from "./reload.ts";
import { runCommand } from "./run.ts";
import { schemaCommand } from "./schema.ts";
import { statusCommand } from "./status.ts";
import { topCommand } from "./top.ts";
import { versionCommand } from "./version.ts";

/** The commands. */
export const COMMANDS: readonly Command[] = [
  runCommand,
  checkCommand,
  statusCommand,
  topCommand,
  healthCommand,
  reloadCommand,
  drainCommand,
  initCommand,
  convertCommand,
  demoCommand,
  schemaCommand,
  completionCommand(() => [...COMMANDS, HELP]),
  versionCommand,
];

/** `weir help`, as far as it can be described like the others; the command line answers it itself. */
export const HELP = {
  name: "help",
  summary: "Show the commands, or a command's flags: weir help COMMAND",
  usage: "[COMMAND]",
  flags: [],
  words: [{ kind: "command" }],
} as const satisfies Described;
