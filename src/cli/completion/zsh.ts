/** Completion for zsh. @module */

import type { Described, Flag, Takes } from "../command.ts";
import { DEFAULT_COMMAND, flagsOf, spellings } from "./flags.ts";
import { OFFER_WORD } from "./offer.ts";

/** The script. */
export function zshCompletion(commands: readonly Described[]): string {
  const described = commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`);
  const cases = commands.map((one) => {
    const specs = [...flagsOf(one).map(flagSpec), ...(one.words ?? []).map((takes, index) => wordSpec(takes, index))];
    return `        ${one.name})\n          _arguments -S${
      specs.map((spec) => ` \\\n            ${spec}`).join("")
    }\n          ;;`;
  });
  const start = commands.find(({ name }) => name === DEFAULT_COMMAND);
  const startSpecs = start === undefined ? [] : flagsOf(start).map(flagSpec);
  return `#compdef weir
# Completion of weir's command line for zsh.
#   source <(weir completion zsh)
# or, for every session: weir completion zsh > "\${fpath[1]}/_weir"

# What the running Weir has.
_weir_ask() {
  local -a admin found
  local flag
  for flag in --admin --token; do
    [[ -n \${opt_args[$flag]} ]] && admin+=("$flag=\${(Q)opt_args[$flag]}")
  done
  found=(\${(f)"$("\${_weir_program:-weir}" ${OFFER_WORD} "$@" $admin 2>/dev/null)"})
  compadd -a found
}

_weir_listeners() { _weir_ask listener }
_weir_servers() { _weir_ask server "\${(Q)line[1]}" }

_weir_commands() {
  local -a commands=(
${described.join("\n")}
  )
  _describe -t commands command commands
}

_weir() {
  local curcontext=$curcontext state state_descr _weir_program=\${(Q)words[1]}
  local -a line
  local -A opt_args
  # The flags of "weir" alone end at the first word: a command may have some of the same name.
  _arguments -C -S -A '-*'${startSpecs.map((spec) => ` \\\n    ${spec}`).join("")} \\
    '1: :_weir_commands' \\
    '*:: :->rest'
  case $state in
    rest)
      curcontext=\${curcontext%:*}-$line[1]:
      case $line[1] in
${cases.join("\n")}
      esac
      ;;
  esac
}

# Both ways work: read as it is, and as a file in $fpath.
if [[ $funcstack[1] == _weir ]]; then _weir "$@"; else compdef _weir weir; fi
`;
}

/** `'(-c --config)'{-c+,--config=}'[the file]:FILE:_files'` */
function flagSpec(flag: Flag): string {
  const forms = spellings(flag);
  const others = `(${forms.join(" ")})`;
  const written = flag.value === undefined
    ? forms
    : forms.map((form) => form.startsWith("--") ? `${form}=` : `${form}+`);
  const value = flag.value === undefined ? "" : `:${flag.value}:${flag.takes === undefined ? " " : action(flag.takes)}`;
  const rest = quote(`[${flag.help.replaceAll(/[\\[\]:]/g, "\\$&")}]${value}`);
  return `${quote(others)}${written.length === 1 ? quote(written[0] ?? "") : `{${written.join(",")}}`}${rest}`;
}

function wordSpec(takes: Takes, index: number): string {
  return quote(`${index + 1}:${takes.kind}:${action(takes)}`);
}

function action(takes: Takes): string {
  switch (takes.kind) {
    case "file":
      return takes.endings.length === 0 ? "_files" : `_files -g "*.(${takes.endings.join("|")})(-.)"`;
    case "words":
      return `(${takes.words.join(" ")})`;
    case "command":
      return "_weir_commands";
    case "listener":
      return "_weir_listeners";
    case "server":
      return "_weir_servers";
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
