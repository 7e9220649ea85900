/**
 * One executable, made by `deno compile`.
 *
 * With COMPILE_DENO in the environment that Deno is used, and with DENORT_BIN that runtime, for machines that cannot
 * reach Deno's download site; it is the runtime of this machine, so other platforms are built without it.
 *
 * @module
 */

import { PERMISSIONS, V8_FLAGS } from "./runtime_flags.ts";
import { type Target, targetOf, TARGETS } from "./targets.ts";

/**
 * Embeds the npm packages that Weir's modules lead to, and not all of deno.lock, which has those of the tests as well.
 * `--exclude-unused-npm` says the same, but Deno 2.7 does not know it.
 */
const IMPORTED_PACKAGES_ONLY = "--unstable-npm-lazy-caching";

/** Enough for the headers of every executable format. */
const HEAD_BYTES = 4096;

/**
 * Builds for a platform.
 *
 * @param target without it for this machine, whatever it is
 * @throws {Error} in one line, when it cannot
 */
export async function compileTarget(output: string, target?: Target): Promise<void> {
  const isOwn = target === undefined || target.triple === Deno.build.target;
  const command = new Deno.Command(Deno.env.get("COMPILE_DENO") ?? Deno.execPath(), {
    args: [
      "compile",
      ...PERMISSIONS,
      "--no-prompt",
      V8_FLAGS,
      // Types are the business of the task check: fifty times as quick, and the same bytes.
      "--no-check",
      IMPORTED_PACKAGES_ONLY,
      // A worker is entered by its URL, which the compiler does not follow by itself.
      "--include",
      "src/worker/entry.ts",
      // What the browser gets.
      "--include",
      "src/console/assets",
      ...(isOwn ? [] : ["--target", target.triple]),
      "--output",
      output,
      "main.ts",
    ],
    clearEnv: true,
    env: { ...environmentWithout(isOwn ? [] : ["DENORT_BIN"]), NO_COLOR: "1" },
    stdin: "null",
  });
  const { code, stderr } = await command.output();
  const what = target === undefined ? "the executable" : `the executable for ${target.name}`;
  if (code !== 0) {
    const hint = isOwn ? "" : "; deno compile takes the runtime of another platform from https://dl.deno.land";
    throw new Error(`Cannot build ${what}: ${reasonIn(new TextDecoder().decode(stderr))}${hint}`);
  }
  if (target === undefined) return;
  const found = targetOf(await headOf(output));
  if (found === target) return;
  throw new Error(`Cannot build ${what}: ${output} is one for ${found?.name ?? "no platform that is known"}`);
}

/** The platforms that these names stand for; `own` is that of this machine. @throws {Error} naming those that there are */
export function targetsNamed(names: readonly string[]): Target[] {
  return names.map((name) => {
    const triple = name === "own" ? Deno.build.target : name;
    const target = TARGETS.find((one) => one.name === name || one.triple === triple);
    if (target !== undefined) return target;
    throw new Error(`--target must be one of own, ${TARGETS.map((one) => one.name).join(", ")}, got "${name}"`);
  });
}

function environmentWithout(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(Deno.env.toObject()).filter(([name]) => !names.includes(name)));
}

async function headOf(path: string): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const head = new Uint8Array(HEAD_BYTES);
  return head.subarray(0, await file.read(head) ?? 0);
}

/** What the compiler says is wrong, with the first two of its causes, the second of which names the address asked. */
function reasonIn(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  const start = Math.max(0, lines.findIndex((line) => /^error:|\[ERROR\]/.test(line)));
  const told = lines.slice(start);
  const end = told.indexOf("");
  const first = told.slice(0, end < 0 ? undefined : end).join(" ").replace(/^error: /, "");
  const caused = told.indexOf("Caused by:");
  const causes = caused < 0 ? [] : told.slice(caused + 1).slice(0, 2).filter((line) => line !== "");
  return [first, ...causes.map((line) => line.replace(/^\d+: /, "").replace(/\.$/, ""))].join(": ") ||
    "no reason given";
}
