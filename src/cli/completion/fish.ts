/** Completion for fish. @module */

import type { Described, Takes } from "../command.ts";
import { DEFAULT_COMMAND, flagsOf } from "./flags.ts";
import { OFFER_WORD } from "./offer.ts";

/** The script. */
export function fishCompletion(commands: readonly Described[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const lines = commands.flatMap((one) => {
    const started = `__weir_in ${one.name}`;
    return [
      `complete -c weir -n '__weir_in' -a ${one.name} -d ${quote(one.summary)}`,
      ...flagsOf(one).map((flag) =>
        [
          `complete -c weir -n ${quote(one.name === DEFAULT_COMMAND ? `__weir_in; or ${started}` : started)}`,
          ...(flag.short === undefined ? [] : [`-s ${flag.short}`]),
          `-l ${flag.name}`,
          ...(flag.value === undefined ? [] : ["-x"]),
          ...(flag.takes === undefined ? [] : [`-k -a ${quote(action(flag.takes, names))}`]),
          `-d ${quote(flag.help)}`,
        ].join(" ")
      ),
      ...(one.words ?? []).map((takes, index) =>
        `complete -c weir -n ${quote(`${started}; and __weir_rest ${index}`)} -k -a ${quote(action(takes, names))}`
      ),
    ];
  });
  const valued = [
    ...new Set(commands.flatMap((one) =>
      flagsOf(one).filter((flag) => flag.value !== undefined).flatMap((flag) => [
        ...(flag.short === undefined ? [] : [`-${flag.short}`]),
        `--${flag.name}`,
      ])
    )),
  ];
  return `# Completion of weir's command line for fish.
#   weir completion fish | source
# or, for every session: weir completion fish > ~/.config/fish/completions/weir.fish

# The words that are no flags and no values of flags: the command, then what it is given.
function __weir_words
    set -l tokens (commandline -xpc 2>/dev/null; or commandline -opc)
    set -l value no
    for token in $tokens[2..]
        if test $value = yes
            set value no
        else if contains -- $token ${valued.join(" ")}
            set value yes
        else if not string match -q -- '-*' $token
            printf '%s\\n' $token
        end
    end
end

# Whether this command is being written; without an argument: whether no command is there yet.
function __weir_in
    set -l words (__weir_words)
    if test (count $argv) -eq 0
        test (count $words) -eq 0
    else
        test "$words[1]" = "$argv[1]"
    end
end

# Whether as many words stand behind the command.
function __weir_rest
    test (count (__weir_words)) -eq (math $argv[1] + 1)
end

# Folders, and files with one of the endings given.
function __weir_files
    set -l current (string replace -r -- '^-[^=]*=' '' (commandline -ct))
    for path in (__fish_complete_path $current)
        set -l name (string split -f1 -- \\t $path)
        if test (count $argv) -eq 0; or string match -q -- '*/' $name
            printf '%s\\n' $path
            continue
        end
        for ending in $argv
            string match -q -- "*.$ending" $name; and printf '%s\\n' $path
        end
    end
end

# What the running Weir has.
function __weir_ask
    set -l tokens (commandline -xpc 2>/dev/null; or commandline -opc)
    set -l admin
    set -l flag
    for token in $tokens[2..]
        if test -n "$flag"
            set -a admin "$flag=$token"
            set flag
        else if contains -- $token --admin --token
            set flag $token
        else if string match -q -- '--admin=*' $token; or string match -q -- '--token=*' $token
            set -a admin $token
        end
    end
    set -l words (__weir_words)
    $tokens[1] ${OFFER_WORD} $argv[1] $words[2] $admin 2>/dev/null
end

complete -c weir -f
${lines.join("\n")}
`;
}

function action(takes: Takes, commands: string): string {
  switch (takes.kind) {
    case "file":
      return `(${["__weir_files", ...takes.endings].join(" ")})`;
    case "words":
      return takes.words.join(" ");
    case "command":
      return commands;
    case "listener":
      return "(__weir_ask listener)";
    case "server":
      return "(__weir_ask server)";
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
