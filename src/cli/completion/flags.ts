/** What the scripts of all shells need to know of a command's flags. @module */

import { type Described, type Flag, HELP_FLAG } from "../command.ts";

/** The command that a line without one means. */
export const DEFAULT_COMMAND = "run";

/** The flags of a command; `weir help` has none. */
export function flagsOf(command: Described): readonly Flag[] {
  return command.name === "help" ? [] : [...command.flags, HELP_FLAG];
}

/** `-c` and `--config` */
export function spellings(flag: Flag): string[] {
  return [...(flag.short === undefined ? [] : [`-${flag.short}`]), `--${flag.name}`];
}
