/** The release archive of this machine: what is in it, that it runs, and that its bytes follow from the source. @module */

import assert from "node:assert/strict";
import { VERSION } from "../../src/version.ts";
import { peerTest, run } from "../support/peers.ts";
import { debName } from "../../scripts/release/deb.ts";
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
  assert.deepEqual(entries, [
    file("CHANGELOG.md"),
    file("LICENSE"),
    file("README.md"),
    file("completion/_weir"),
    file("completion/weir.bash"),
    file("completion/weir.fish"),
    file("weir", "-rwxr-xr-x"),
    file("weir.1"),
    file("weir.example.yaml"),
    file("weir.schema.json"),
  ]);
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
});

Deno.test("the executable in the archive has the bytes of the one that was built before", {
  ignore: Deno.env.get("WEIR_PROGRAM") === undefined,
}, async () => {
  await using folder = await temporaryFolder();
  await run("tar", ["-xzf", `${BUILT}/${ARCHIVE.name}`, "-C", folder.path]);
  const [packed, built] = await Promise.all(
    [`${folder.path}/${ARCHIVE.title}/weir`, Deno.env.get("WEIR_PROGRAM") ?? ""].map(async (path) =>
      new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path)))
    ),
  );
  assert.deepEqual(packed, built);
});
