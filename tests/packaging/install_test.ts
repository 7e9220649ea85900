/** The install script, against a release served on loopback. @module */

import assert from "node:assert/strict";
import { VERSION } from "../../src/version.ts";
import { shown } from "../support/documentation.ts";
import { findProgram, peerTest, run } from "../support/peers.ts";
import { projectPath } from "../support/program.ts";
import { ARCHIVE, BUILT, OWN, serveHttp, temporaryFolder } from "./built.ts";

const SCRIPT = projectPath("scripts/install.sh");
const archive = await Deno.readFile(`${BUILT}/${ARCHIVE.name}`);
const sums = await Deno.readTextFile(`${BUILT}/SHA256SUMS`);

/** A release: its files by name. */
type Files = Readonly<Record<string, BodyInit | undefined>>;
const RIGHT: Files = { [ARCHIVE.name]: archive, SHA256SUMS: sums };

/** Serves it as a forge does: by version, and as the newest. */
function serveRelease(files: Files) {
  return serveHttp(({ pathname }) => {
    const name = /^\/(?:latest\/download|download\/v[^/]+)\/([^/]+)$/.exec(pathname)?.[1] ?? "";
    const wanted = pathname.startsWith("/latest/") || pathname.startsWith(`/download/v${VERSION}/`);
    const body = wanted ? files[name] : undefined;
    return body === undefined ? new Response("not found", { status: 404 }) : new Response(body);
  });
}

async function install(origin: string, folder: string, args: readonly string[] = [], env: Record<string, string> = {}) {
  return await run("sh", [SCRIPT, "--from", origin, "--to", `${folder}/bin`, ...args], {
    env: { TMPDIR: folder, HOME: folder, ...env },
  });
}

/** What is in a folder, and in its folders. */
function contents(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? contents(`${folder}/${name}`).map((path) => `${name}/${path}`) : [name]
  ).sort();
}

peerTest("install.sh draws no warning", ["shellcheck"], async ({ shellcheck }) => {
  assert.deepEqual(await run(shellcheck, [SCRIPT]), { code: 0, stdout: "", stderr: "" });
});

for (const [title, args] of [["the newest", []], ["a version", ["--version", `v${VERSION}`]]] as const) {
  Deno.test(`install.sh installs ${title}, and leaves nothing else behind`, async () => {
    await using folder = await temporaryFolder();
    await using server = serveRelease(RIGHT);
    const { code, stdout, stderr } = await install(server.origin, folder.path, args);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /Installed weir \S+ .* as .*\/bin\/weir\n.*is not in PATH/);
    assert.deepEqual(contents(folder.path), ["bin/weir"]);
    assert.equal((await run(`${folder.path}/bin/weir`, ["version"])).code, 0);
  });
}

peerTest("docs/installation.md: what is shown of install.sh, for somebody who is not root", ["setpriv"], async ({
  setpriv,
}) => {
  await using folder = await temporaryFolder();
  await using server = serveRelease(RIGHT);
  await Deno.chmod(folder.path, 0o777);
  await Deno.copyFile(SCRIPT, `${folder.path}/install.sh`);
  // /opt/weir is root's.
  const text = shown("docs/installation.md", "sh install.sh ").replace("/opt/weir", `${folder.path}/opt`);
  const nobody = Deno.uid() === 0 ? ["--reuid=65534", "--regid=65534", "--clear-groups"] : [];
  const { code, stdout, stderr } = await run(setpriv, [...nobody, "sh", "-euc", text], {
    cwd: folder.path,
    env: { HOME: folder.path, TMPDIR: folder.path, WEIR_RELEASES: server.origin },
  });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout.match(/^Installed weir /gm)?.length, 2, stdout);
  assert.deepEqual(contents(folder.path), [
    ".local/bin/weir",
    "install.sh",
    "opt/weir",
  ]);
});

peerTest("install.sh works with wget where there is no curl", ["wget"], async () => {
  await using folder = await temporaryFolder();
  await using server = serveRelease(RIGHT);
  await Deno.mkdir(`${folder.path}/tools`);
  const needed = "sh uname wget sha256sum sed grep mktemp rm tar gzip mkdir cp mv chmod cat".split(" ");
  for (const name of needed) await Deno.symlink(findProgram(name) ?? "", `${folder.path}/tools/${name}`);
  const { code, stderr } = await install(server.origin, folder.path, [], { PATH: `${folder.path}/tools` });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal((await run(`${folder.path}/bin/weir`, ["version"])).code, 0);
});

Deno.test("install.sh replaces an executable while that is running", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(`${folder.path}/bin`);
  const sleep = findProgram("sleep") ?? "";
  await Deno.copyFile(sleep, `${folder.path}/bin/weir`);
  const running = new Deno.Command(`${folder.path}/bin/weir`, { args: ["600"] }).spawn();
  try {
    await using server = serveRelease(RIGHT);
    assert.equal((await install(server.origin, folder.path)).code, 0);
    assert.match((await run(`${folder.path}/bin/weir`, ["version"])).stdout, /^weir /);
  } finally {
    running.kill();
    await running.status;
  }
});

const tampered = archive.slice();
tampered[tampered.length >> 1] = (tampered[tampered.length >> 1] ?? 0) ^ 1;

const REFUSED: readonly (readonly [title: string, files: Files, args: readonly string[], wanted: RegExp])[] = [
  [
    "an archive of which one bit is another",
    { ...RIGHT, [ARCHIVE.name]: tampered },
    [],
    /not what SHA256SUMS says.*Nothing was installed/,
  ],
  [
    "half an archive",
    { ...RIGHT, [ARCHIVE.name]: archive.slice(0, archive.length >> 1) },
    [],
    /not what SHA256SUMS says/,
  ],
  [
    "sums of another archive",
    { ...RIGHT, SHA256SUMS: sums.replace(/^[0-9a-f]{64}/, "0".repeat(64)) },
    [],
    /not what SHA256SUMS says/,
  ],
  [
    "a release without this platform",
    { ...RIGHT, SHA256SUMS: sums.replaceAll(OWN.name, "plan9-mips") },
    [],
    /does not name one archive/,
  ],
  [
    "sums that name a path",
    { ...RIGHT, SHA256SUMS: sums.replace("weir-", "../weir-") },
    [],
    /does not name one archive/,
  ],
  ["a release without sums", { [ARCHIVE.name]: archive }, [], /cannot get .*SHA256SUMS/],
  ["sums without their archive", { SHA256SUMS: sums }, [], /cannot get .*\.tar\.gz/],
  ["a version that is not there", RIGHT, ["--version", "99.0.0"], /cannot get .*v99\.0\.0\/SHA256SUMS/],
  ["an argument that it does not know", RIGHT, ["--force"], /unknown argument "--force"/],
  ["a value that is missing", RIGHT, ["--version"], /--version needs a value/],
  ["a folder that cannot be made", RIGHT, ["--to", "/dev/null/bin"], /cannot make \/dev\/null\/bin; say another one/],
];

for (const [title, files, args, wanted] of REFUSED) {
  Deno.test(`install.sh refuses ${title}, and the old executable stays`, async () => {
    await using folder = await temporaryFolder();
    await Deno.mkdir(`${folder.path}/bin`);
    await Deno.writeTextFile(`${folder.path}/bin/weir`, "the old one");
    await using server = serveRelease(files);
    const { code, stderr } = await install(server.origin, folder.path, args);
    assert.equal(code, 1);
    assert.match(stderr, wanted);
    assert.deepEqual(contents(folder.path), ["bin/weir"]);
    assert.equal(await Deno.readTextFile(`${folder.path}/bin/weir`), "the old one");
  });
}
