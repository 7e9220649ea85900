/** Real shells at the moment when somebody presses Tab. @module */

import { run } from "./peers.ts";
import { weirCommandLine } from "./program.ts";

/** A folder with the program in it under its own name, a completion script, and files to complete. */
export interface ShellFolder extends AsyncDisposable {
  readonly path: string;
  /** With `weir` first in PATH. */
  readonly env: Record<string, string>;
}

/** What files there are in the folder `files`, for the shells to find. */
export const FILES = ["a.yaml", "b.json", "c.txt", "with blank.yml", "folder/d.yaml"] as const;

/** Makes the folder. */
export async function shellFolder(): Promise<ShellFolder> {
  const path = await Deno.makeTempDir({ prefix: "weir-shell-" });
  await Deno.mkdir(`${path}/bin`);
  await Deno.mkdir(`${path}/files/folder`, { recursive: true });
  for (const file of FILES) await Deno.writeTextFile(`${path}/files/${file}`, "");
  const words = weirCommandLine([]).map((word) => `'${word}'`).join(" ");
  await Deno.writeTextFile(`${path}/bin/weir`, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  const cache = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME") ?? ""}/.cache/deno`;
  const env = {
    PATH: `${path}/bin:${Deno.env.get("PATH") ?? ""}`,
    HOME: path,
    ZDOTDIR: path,
    TERM: "dumb",
    // The program's packages are not to be fetched anew into the new home.
    DENO_DIR: cache,
  };
  return { path, env, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Keys that the start files below give a meaning to. */
const TAB = "\x07";

/** Types lines into a shell on a terminal, with a Tab after each. @returns what it left in `answers` */
async function type(script: string, shell: string, folder: ShellFolder, lines: readonly string[]): Promise<string> {
  const child = new Deno.Command(script, {
    args: ["--quiet", "--return", "--command", shell, "/dev/null"],
    cwd: `${folder.path}/files`,
    env: folder.env,
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`${lines.map((line) => line + TAB).join("")}exit\n`));
  await writer.close();
  await child.status;
  return await Deno.readTextFile(`${folder.path}/answers`);
}

/** The words that each line is completed with, sorted, by bash: the new last words of the line. */
export async function completeInBash(
  programs: { readonly script: string; readonly bash: string },
  folder: ShellFolder,
  lines: readonly string[],
): Promise<string[][]> {
  await Deno.writeTextFile(
    `${folder.path}/bashrc`,
    `set +o history
source <(weir completion bash)
bind '"\\C-xa": insert-completions'
answer() { printf '%s\\0' "$READLINE_LINE" >> ${folder.path}/answers; READLINE_LINE=; }
bind -x '"\\C-xq": answer'
bind '"\\C-g": "\\C-xa\\C-xq"'
`,
  );
  const answers = await type(programs.script, `${programs.bash} --rcfile ${folder.path}/bashrc -i`, folder, lines);
  return answers.split("\0").slice(0, -1).map((line, index) => {
    const before = lines[index] ?? "";
    // What was being written stands at the start of the first answer.
    const begun = /(?:[^\s=]|\\ )*$/.exec(before)?.[0] ?? "";
    const added = line.slice(before.length - begun.length).trimEnd();
    return added === begun && begun !== "" ? [] : splitWords(added);
  });
}

/** The same by zsh. */
export async function completeInZsh(
  programs: { readonly script: string; readonly zsh: string },
  folder: ShellFolder,
  lines: readonly string[],
): Promise<string[][]> {
  await Deno.writeTextFile(
    `${folder.path}/.zshrc`,
    `PROMPT= RPROMPT=
autoload -Uz compinit; compinit -u -D
source <(weir completion zsh)
compadd() {
  [[ -n \${(M)@[1,(i)(-|--)]:#-*[OAD]*} ]] || {
    local -a hits
    builtin compadd -A hits "$@"
    (( $#hits )) && printf '%s\\n' $hits >> ${folder.path}/answers
  }
  builtin compadd "$@"
}
answer() { zle list-choices; printf '\\0' >> ${folder.path}/answers; BUFFER= }
zle -N answer
bindkey '^G' answer
`,
  );
  const answers = await type(programs.script, `${programs.zsh} -d -i`, folder, lines);
  return answers.split("\0").slice(0, -1).map((part) =>
    part.split("\n").filter((word) => word !== "").map((word) => word.replaceAll("\\", "")).sort()
  );
}

/** The same by fish. */
export async function completeInFish(
  programs: { readonly fish: string },
  folder: ShellFolder,
  lines: readonly string[],
): Promise<string[][]> {
  const asked = lines.map((line) => `complete -C '${line}'; printf '\\0'`).join("; ");
  const { stdout, stderr } = await run(
    programs.fish,
    ["--no-config", "--command", `weir completion fish | source; ${asked}`],
    { cwd: `${folder.path}/files`, env: folder.env },
  );
  if (stderr !== "") throw new Error(stderr);
  return stdout.split("\0").slice(0, -1).map((part) =>
    part.split("\n").filter((word) => word !== "").map((word) => word.split("\t")[0] ?? "").sort()
  );
}

/** Words of a command line, without their backslashes. */
function splitWords(text: string): string[] {
  const words = text.match(/(?:\\.|[^\s\\])+/g) ?? [];
  return words.map((word) => word.replaceAll(/\\(.)/g, "$1")).sort();
}

/** Runs the commands of a page as in a terminal, in a folder, with the program as `weir`; the first that fails ends it. */
export async function runShown(
  bash: string,
  folder: ShellFolder,
  script: string,
  env: Record<string, string> = {},
): Promise<string> {
  // A request that is refused is a command that failed, and no proxy of this machine's stands in between.
  await Deno.writeTextFile(`${folder.path}/.curlrc`, 'fail-with-body\nnoproxy = "*"\n');
  const { code, stdout, stderr } = await run(bash, ["-euo", "pipefail", "-c", script], {
    cwd: folder.path,
    env: { ...folder.env, NO_COLOR: "1", ...env },
  });
  if (code !== 0) throw new Error(`exit ${code}\n${script}\n${stdout}\n${stderr}`);
  return stdout;
}
