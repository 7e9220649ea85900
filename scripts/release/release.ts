/**
 * The archives of a release: for each platform one with the executable and what belongs to it, and the sums of them
 * all. Names and bytes follow from the source alone, as far as the compiler's do.
 *
 * @module
 */

import { print } from "../../src/cli/output.ts";
import { COMMANDS, HELP } from "../../src/cli/commands.ts";
import { bashCompletion } from "../../src/cli/completion/bash.ts";
import { fishCompletion } from "../../src/cli/completion/fish.ts";
import { zshCompletion } from "../../src/cli/completion/zsh.ts";
import { VERSION } from "../../src/version.ts";
import { type ArchivedFile, tarGz, zip } from "./archive.ts";
import { compileTarget } from "./compile_target.ts";
import { buildDeb } from "./deb.ts";
import { launcherPackage, type NpmPackage, platformPackage } from "./npm_packages.ts";
import type { Target } from "./targets.ts";

/** Files of the project that belong to the executable, and what they are called beside it. */
const FILES: readonly (readonly [path: string, name: string])[] = [
  ["LICENSE", "LICENSE"],
  ["README.md", "README.md"],
  ["CHANGELOG.md", "CHANGELOG.md"],
  ["SECURITY.md", "SECURITY.md"],
  ["config/weir.example.yaml", "weir.example.yaml"],
  ["config/weir.schema.json", "weir.schema.json"],
  ["docs/weir.1", "weir.1"],
];

/** What the README leads to, so that its links hold beside the executable as well. */
const FOLDERS = ["docs", "config", "packaging"] as const;

/** The folder that an archive unpacks to, and its name without the ending. */
export function archiveTitle(target: Target): string {
  return `weir-${VERSION}-${target.name}`;
}

/** An archive's file name. */
export function archiveName(target: Target): string {
  return `${archiveTitle(target)}.${target.node.os === "win32" ? "zip" : "tar.gz"}`;
}

/** What is made beside the archives. */
export interface ReleaseOptions {
  /** Where to; made when it is not there. */
  readonly folder: string;
  /** Whether packages for npm go into its folder `npm`. */
  readonly npm: boolean;
  /** Whether Debian packages are made, by dpkg-deb. */
  readonly deb: boolean;
}

/**
 * Builds, packs and sums. All or nothing: SHA256SUMS is written last, and only when every archive is there.
 *
 * @throws {Error} one line for each platform that cannot be built
 */
export async function release(targets: readonly Target[], { folder, npm, deb }: ReleaseOptions): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.remove(`${folder}/SHA256SUMS`).catch(() => {});
  const sums: string[] = [];
  const failures: string[] = [];
  for (const target of targets) {
    const executable = `${folder}/${archiveTitle(target)}/${target.executable}`;
    try {
      await Deno.mkdir(`${folder}/${archiveTitle(target)}`, { recursive: true });
      await compileTarget(executable, target);
      const program = await Deno.readFile(executable);
      const bytes = pack(target, program);
      await Deno.writeFile(`${folder}/${archiveName(target)}`, bytes);
      sums.push(`${await sha256(bytes)}  ${archiveName(target)}\n`);
      print(`wrote ${folder}/${archiveName(target)}`);
      const debian = deb ? await buildDeb(target, program, folder) : undefined;
      if (debian !== undefined) {
        sums.push(`${await sha256(await Deno.readFile(`${folder}/${debian}`))}  ${debian}\n`);
        print(`wrote ${folder}/${debian}`);
      }
      if (npm) await writePackage(`${folder}/npm`, platformPackage(target, program));
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    } finally {
      await Deno.remove(`${folder}/${archiveTitle(target)}`, { recursive: true });
    }
  }
  if (failures.length > 0) throw new Error(failures.join("\n"));
  if (npm) await writePackage(`${folder}/npm`, launcherPackage());
  await Deno.writeTextFile(`${folder}/SHA256SUMS`, sums.join(""));
  print(`wrote ${folder}/SHA256SUMS`);
}

async function writePackage(folder: string, { file, bytes }: NpmPackage): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeFile(`${folder}/${file}`, bytes);
  print(`wrote ${folder}/${file}`);
}

function pack(target: Target, executable: Uint8Array): Uint8Array {
  const text = (content: string) => new TextEncoder().encode(content);
  const commands = [...COMMANDS, HELP];
  const files: readonly (readonly [name: string, content: Uint8Array])[] = [
    [target.executable, executable],
    ...FILES.map(([path, name]) => [name, Deno.readFileSync(path)] as const),
    ...FOLDERS.flatMap(filesIn).map((path) => [path, Deno.readFileSync(path)] as const),
    ["completion/weir.bash", text(bashCompletion(commands))],
    ["completion/_weir", text(zshCompletion(commands))],
    ["completion/weir.fish", text(fishCompletion(commands))],
  ];
  const archived: ArchivedFile[] = files.map(([name, content]) => ({
    path: `${archiveTitle(target)}/${name}`,
    content,
    isExecutable: name === target.executable,
  }));
  return target.node.os === "win32" ? zip(archived) : tarGz(archived);
}

/** The files in a folder and in its folders. */
function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(bytes));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
