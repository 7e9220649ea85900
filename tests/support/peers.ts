/**
 * Real programs as servers and clients. Where one is not installed its tests are skipped and say so; with
 * WEIR_REQUIRE_PEERS=1 (as in CI) nothing may be skipped.
 *
 * @module
 */

/** Whether a program that is not installed fails its tests. */
export const PEERS_REQUIRED = Deno.env.get("WEIR_REQUIRE_PEERS") === "1";

/** Folders beside PATH where Debian keeps servers. */
const EXTRA_FOLDERS = ["/usr/sbin", "/sbin", "/usr/lib/postgresql/15/bin"];

/** Where a program is; `undefined` when it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), ...EXTRA_FOLDERS];
  return folders.map((folder) => `${folder}/${name}`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** Defines a test that needs programs; its function gets their paths by name. */
export function peerTest<Name extends string>(
  title: string,
  programs: readonly Name[],
  run: (paths: Readonly<Record<Name, string>>) => Promise<void>,
): void {
  const missing = programs.filter((name) => findProgram(name) === undefined);
  if (missing.length > 0 && PEERS_REQUIRED) {
    Deno.test(title, () => {
      throw new Error(`Not installed: ${missing.join(", ")}`);
    });
    return;
  }
  const paths = Object.fromEntries(programs.map((name) => [name, findProgram(name) ?? ""])) as Record<Name, string>;
  const note = missing.length > 0 ? ` (skipped: ${missing.join(", ")} not installed)` : "";
  Deno.test({ name: title + note, ignore: missing.length > 0, fn: () => run(paths) });
}

/** Runs a program to its end. */
export async function run(path: string, args: readonly string[], options: Deno.CommandOptions = {}) {
  const output = await new Deno.Command(path, { stdin: "null", ...options, args: [...args] }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
}
