/** The release archive of this machine: what is in it, that it runs, and that its bytes follow from the source. @module */

import assert from "node:assert/strict";
import { VERSION } from "../../src/version.ts";
import { peerTest, run } from "../support/peers.ts";
import { debName } from "../../scripts/release/deb.ts";
import { projectPath } from "../support/program.ts";
import { ARCHIVE, BUILT, OWN, temporaryFolder } from "./built.ts";

peerTest("the archive is what SHA256SUMS says, and unpacks into one folder", ["sha256sum", "tar"], async (programs) => {
  const sums = await run(programs.sha256sum, ["--check", "--strict", "SHA256SUMS"], { cwd: BUILT });
  assert.deepEqual(sums, { code: 0, stdout: `${ARCHIVE.name}: OK\n${debName(OWN)}: OK\n`, stderr: "" });
  const list = await run(programs.tar, [
    "--list",
    "--verbose",
    "--full-time",
    "--utc",
    "-zf",
    `${BUILT}/${ARCHIVE.name}`,
  ]);
  const entries = list.stdout.trimEnd().split("\n").map((line) => {
    const [mode, owner, , day, time, path] = line.split(/\s+/);
    return [mode, owner, day, time, path].join(" ");
  });
  const file = (name: string, mode = "-rw-r--r--") => `${mode} 0/0 1970-01-01 00:00:00 ${ARCHIVE.title}/${name}`;
  // What the README leads to is there as it is in the project.
  const folders = ["docs", "config", "packaging"].map((folder) => `${ARCHIVE.title}/${folder}/`);
  const inFolders = (entry: string) => folders.some((folder) => entry.includes(` ${folder}`));
  assert.deepEqual(entries.filter((entry) => !inFolders(entry)), [
    file("CHANGELOG.md"),
    file("LICENSE"),
    file("README.md"),
    file("SECURITY.md"),
    file("completion/_weir"),
    file("completion/weir.bash"),
    file("completion/weir.fish"),
    file("weir", "-rwxr-xr-x"),
    file("weir.1"),
    file("weir.example.yaml"),
    file("weir.schema.json"),
  ]);
  const { stdout: tracked } = await run("find", ["docs", "config", "packaging", "-type", "f"], {
    cwd: projectPath("."),
  });
  assert.deepEqual(entries.filter(inFolders), tracked.trimEnd().split("\n").sort().map((name) => file(name)));
});

peerTest("what is unpacked runs where nothing else is", ["tar"], async ({ tar }) => {
  await using folder = await temporaryFolder();
  assert.equal((await run(tar, ["-xzf", `${BUILT}/${ARCHIVE.name}`, "-C", folder.path])).code, 0);
  const at = `${folder.path}/${ARCHIVE.title}`;
  const bare = { cwd: at, clearEnv: true, env: { HOME: folder.path } };
  const version = await run(`${at}/weir`, ["version"], bare);
  assert.match(version.stdout, new RegExp(`^weir ${VERSION.replaceAll(".", "\\.")} `));
  assert.equal((await run(`${at}/weir`, ["init"], bare)).code, 0);
  const check = await run(`${at}/weir`, ["check"], bare);
  assert.deepEqual([check.code, check.stderr], [0, ""]);
  for (const [, link = ""] of (await Deno.readTextFile(`${at}/README.md`)).matchAll(/\]\((?![a-z]+:)([^)#]+)/g)) {
    assert.ok(await Deno.stat(`${at}/${link}`).then(() => true, () => false), `README.md links to ${link}`);
  }
});

Deno.test("the executable in the archive has the bytes of the one that was built before", {
  ignore: Deno.env.get("WEIR_PROGRAM") === undefined,
}, async () => {
  await using folder = await temporaryFolder();
  await run("tar", ["-xzf", `${BUILT}/${ARCHIVE.name}`, "-C", folder.path]);
  const files = [`${folder.path}/${ARCHIVE.title}/weir`, Deno.env.get("WEIR_PROGRAM") ?? ""];
  assert.deepEqual(await run("cmp", files), { code: 0, stdout: "", stderr: "" });
});

/** What `deno info --json` says of the npm packages that a module leads to. */
interface ModuleGraph {
  readonly modules: readonly { readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<Record<string, { readonly name: string; readonly dependencies: readonly string[] }>>;
}

/** The names of all packages of deno.lock, and of those that these modules import, over however many others. */
async function npmPackages(
  modules: readonly string[],
): Promise<{ readonly all: string[]; readonly imported: string[] }> {
  const graphs = await Promise.all(
    modules.map(async (module) =>
      JSON.parse((await run(Deno.execPath(), ["info", "--json", projectPath(module)])).stdout) as ModuleGraph
    ),
  );
  const packages = Object.assign({}, ...graphs.map((graph) => graph.npmPackages)) as ModuleGraph["npmPackages"];
  const reached = new Set<string>();
  const reach = (id: string) => {
    if (reached.has(id)) return;
    reached.add(id);
    packages[id]?.dependencies.forEach(reach);
  };
  for (const { npmPackage } of graphs.flatMap((graph) => graph.modules)) {
    if (npmPackage !== undefined) reach(npmPackage);
  }
  const names = (ids: Iterable<string>) => [...new Set([...ids].map((id) => packages[id]?.name ?? id))].sort();
  return { all: names(Object.keys(packages)), imported: names(reached) };
}

peerTest(
  "the executable holds the npm packages that Weir imports, and none of those of its tests",
  ["tar", "grep"],
  async (
    { tar, grep },
  ) => {
    await using folder = await temporaryFolder();
    assert.equal((await run(tar, ["-xzf", `${BUILT}/${ARCHIVE.name}`, "-C", folder.path])).code, 0);
    // A package is embedded with its package.json, as it is.
    const names = await run(grep, ["-aoE", '"name": "[^"]+"', `${folder.path}/${ARCHIVE.title}/weir`]);
    const { all, imported } = await npmPackages(["main.ts", "src/worker/entry.ts"]);
    assert.ok(all.includes("fast-check") && !imported.includes("fast-check"), "there is something to leave out");
    assert.deepEqual(all.filter((name) => names.stdout.includes(`"name": ${JSON.stringify(name)}\n`)), imported);
  },
);
