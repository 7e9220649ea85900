/** `weir completion`: what a shell needs to complete Weir's command line. @module */

import { type Command, type Described, EXIT, usage } from "../command.ts";
import { suggestion } from "../../text/nearest.ts";
import { print } from "../output.ts";
import { bashCompletion } from "./bash.ts";
import { fishCompletion } from "./fish.ts";
import { zshCompletion } from "./zsh.ts";

const SHELLS: Readonly<Record<string, (commands: readonly Described[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** The command. @param commands what is to be completed; asked for when it runs, since this command is one of them */
export function completionCommand(commands: () => readonly Described[]): Command {
  const names = Object.keys(SHELLS);
  return {
    name: "completion",
    summary: "Print the completion script of a shell.",
    usage: names.join("|"),
    flags: [],
    maxRest: 1,
    words: [{ kind: "words", words: names }],
    run: ({ rest: [shell] }) => {
      if (shell === undefined) throw usage(`"weir completion" needs a shell: ${names.join(", ")}`);
      const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
      if (script === undefined) {
        throw usage(`"weir completion" knows ${names.join(", ")}, got "${shell}"${suggestion(shell, names)}`);
      }
      print(script(commands()).trimEnd());
      return EXIT.done;
    },
  };
}
