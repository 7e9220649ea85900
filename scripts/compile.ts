/**
 * Builds the executable: `deno task compile` for this machine, `deno task compile --all` for every release target.
 *
 * With COMPILE_DENO (and DENORT_BIN) in the environment that Deno and runtime are used, for machines that cannot reach
 * Deno's download site.
 *
 * @module
 */

import { print } from "../src/cli/output.ts";
import project from "../deno.json" with { type: "json" };

/** Release targets, as Deno names them, and what the archives are called. */
const TARGETS = [
  { triple: "x86_64-unknown-linux-gnu", name: "linux-x64" },
  { triple: "aarch64-unknown-linux-gnu", name: "linux-arm64" },
  { triple: "x86_64-apple-darwin", name: "macos-x64" },
  { triple: "aarch64-apple-darwin", name: "macos-arm64" },
  { triple: "x86_64-pc-windows-msvc", name: "windows-x64" },
] as const;

/** The least that works: see "Permissions" in the README. */
const PERMISSIONS = ["--allow-net", "--allow-read", "--allow-env", "--allow-write", "--no-prompt"];

const deno = Deno.env.get("COMPILE_DENO") ?? Deno.execPath();

async function run(command: string, args: readonly string[], cwd?: string): Promise<void> {
  const { code } = await new Deno.Command(command, { args: [...args], ...(cwd === undefined ? {} : { cwd }) }).output()
    .then((output) => {
      if (output.code !== 0) Deno.stderr.writeSync(output.stderr);
      return output;
    });
  if (code !== 0) throw new Error(`"${command} ${args.join(" ")}" failed with exit code ${code}`);
}

async function compile(output: string, triple?: string): Promise<void> {
  await run(deno, [
    "compile",
    ...PERMISSIONS,
    // A worker is entered by its URL, which the compiler does not follow by itself.
    "--include",
    "src/worker/entry.ts",
    // What the browser gets.
    "--include",
    "src/console/assets",
    ...(triple === undefined ? [] : ["--target", triple]),
    "--output",
    output,
    "main.ts",
  ]);
  print(`built ${output}`);
}

async function archive(folder: string, name: string, windows: boolean): Promise<string> {
  const file = `${name}.${windows ? "zip" : "tar.gz"}`;
  // Sorted names and fixed times, owners and modes: the same input gives the same archive.
  const tar = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-czf", file, name];
  if (windows) await run("zip", ["-qrX", file, name], folder);
  else await run("tar", tar, folder);
  return file;
}

async function release(): Promise<void> {
  const sums: string[] = [];
  for (const { triple, name } of TARGETS) {
    const windows = name.startsWith("windows");
    const title = `weir-${project.version}-${name}`;
    const folder = `dist/${title}`;
    await Deno.mkdir(folder, { recursive: true });
    await compile(`${folder}/weir${windows ? ".exe" : ""}`, triple);
    for (const file of ["LICENSE", "README.md", "config/weir.example.yaml"]) {
      await Deno.copyFile(file, `${folder}/${file.replace("config/", "")}`);
    }
    const file = await archive("dist", title, windows);
    const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(`dist/${file}`));
    const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
    sums.push(`${hex}  ${file}`);
  }
  await Deno.writeTextFile("dist/SHA256SUMS", `${sums.join("\n")}\n`);
  print("wrote dist/SHA256SUMS");
}

await Deno.mkdir("dist", { recursive: true });
if (Deno.args.includes("--all")) await release();
else await compile(Deno.build.os === "windows" ? "dist/weir.exe" : "dist/weir");
