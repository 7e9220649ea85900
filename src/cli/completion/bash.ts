/**
 * Completion for bash, from 3.2 (macOS) on, with or without the bash-completion package.
 *
 * @module
 */

import type { Described, Takes } from "../command.ts";
import { DEFAULT_COMMAND, flagsOf, spellings } from "./flags.ts";
import { OFFER_WORD } from "./offer.ts";

/** The script. */
export function bashCompletion(commands: readonly Described[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const flags = commands.filter((one) => flagsOf(one).length > 0)
    .map((one) => `    ${one.name}) printf '%s\\n' ${flagsOf(one).flatMap(spellings).join(" ")} ;;`);
  const valued = commands.flatMap((one) =>
    flagsOf(one).filter((flag) => flag.value !== undefined).map((flag) => ({
      pattern: spellings(flag).map((form) => `"${one.name} ${form}"`).join("|"),
      action: flag.takes === undefined ? ":" : action(flag.takes, names),
    }))
  );
  const words = commands.flatMap((one) =>
    (one.words ?? []).map((takes, index) => `    "${one.name} ${index}") ${action(takes, names)} ;;`)
  );
  return `# Completion of weir's command line for bash.
#   source <(weir completion bash)
# or, for every session: weir completion bash > /etc/bash_completion.d/weir

# Offers words that begin as the one that is being written does.
_weir_words() {
  local word
  while IFS= read -r word; do
    [[ -n $word && $word == "$_weir_current"* ]] && COMPREPLY+=("$word")
  done
}

# Offers folders, and files with one of the endings given.
_weir_files() {
  local path ending
  compopt -o filenames 2>/dev/null
  while IFS= read -r path; do
    if [[ -d $path || $# -eq 0 ]]; then COMPREPLY+=("$path"); continue; fi
    for ending in "$@"; do
      [[ $path == *."$ending" ]] && COMPREPLY+=("$path")
    done
  done < <(compgen -f -- "$_weir_current")
}

# Offers what the running Weir has.
_weir_ask() {
  _weir_words < <("$_weir_program" ${OFFER_WORD} "$@" \${_weir_admin[@]+"\${_weir_admin[@]}"} 2>/dev/null)
}

_weir_flags() {
  case $1 in
${flags.join("\n")}
  esac
}

_weir_takes_value() {
  case $1 in
    ${valued.map(({ pattern }) => pattern).join("|")}) return 0 ;;
  esac
  return 1
}

_weir_value() {
  case $1 in
${valued.map(({ pattern, action }) => `    ${pattern}) ${action} ;;`).join("\n")}
  esac
}

_weir_word() {
  case $1 in
${words.join("\n")}
  esac
}

_weir() {
  local _weir_program=$1 _weir_current="" _weir_admin=() _weir_rest=() line=() word flag="" command="" index
  COMPREPLY=()
  # Taken apart again where bash has taken it apart: an equals sign and a colon stand alone in COMP_WORDS.
  local whole=\${COMP_LINE:0:COMP_POINT}
  for ((index = 1; index <= COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    # What stands behind the cursor is not part of the word.
    [[ $index -eq $COMP_CWORD ]] && while [[ -n $word && $whole != *"$word" ]]; do word=\${word%?}; done
    line+=("$word")
  done
  local words=() glue=""
  for word in \${line[@]+"\${line[@]}"}; do
    if [[ $word == : || $word == = ]] && [[ \${#words[@]} -gt 0 ]]; then
      words[\${#words[@]}-1]+=$word glue=1
    elif [[ -n $glue ]]; then
      words[\${#words[@]}-1]+=$word glue=""
    else
      words+=("$word")
    fi
  done
  _weir_current=\${words[\${#words[@]}-1]}
  for ((index = 0; index < \${#words[@]} - 1; index++)); do
    # As it is meant: bash gives words with their quotes.
    word=\${words[index]//[\\"\\'\\\\]/}
    if [[ -n $flag ]]; then
      [[ $flag == --admin || $flag == --token ]] && _weir_admin+=("$flag=$word")
      flag=""
    elif [[ -z $command && $word != -* ]]; then
      command=$word
    else
      [[ -z $command ]] && command=${DEFAULT_COMMAND}
      if [[ $word == --admin=* || $word == --token=* ]]; then _weir_admin+=("$word")
      elif _weir_takes_value "$command $word"; then flag=$word
      elif [[ $word != -* ]]; then _weir_rest+=("$word")
      fi
    fi
  done
  local glued=""
  if [[ -n $flag ]]; then
    _weir_value "$command $flag"
  elif [[ -z $command && $_weir_current != -* ]]; then
    _weir_words <<< "${commands.map(({ name }) => name).join("\n")}"
  elif [[ $_weir_current == --*=* ]]; then
    glued=\${_weir_current%%=*}=
    _weir_current=\${_weir_current#*=}
    _weir_value "\${command:-${DEFAULT_COMMAND}} \${glued%=}"
  elif [[ $_weir_current == -* ]]; then
    _weir_words < <(_weir_flags "\${command:-${DEFAULT_COMMAND}}")
  else
    _weir_word "$command \${#_weir_rest[@]}"
  fi
  # bash puts an answer in the place of what follows the last colon.
  if [[ $_weir_current == *:* && $COMP_WORDBREAKS == *:* ]]; then
    local before=\${_weir_current%"\${_weir_current##*:}"}
    for index in "\${!COMPREPLY[@]}"; do COMPREPLY[index]=\${COMPREPLY[index]#"$before"}; done
  fi
}
complete -F _weir weir
`;
}

/** The command that offers what may stand in a place. */
function action(takes: Takes, commands: string): string {
  switch (takes.kind) {
    case "file":
      return ["_weir_files", ...takes.endings].join(" ");
    case "words":
      return `_weir_words < <(printf '%s\\n' ${takes.words.join(" ")})`;
    case "command":
      return `_weir_words < <(printf '%s\\n' ${commands})`;
    case "listener":
      return "_weir_ask listener";
    case "server":
      return '_weir_ask server "${_weir_rest[0]}"';
  }
}
