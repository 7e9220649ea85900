/** The npm packages, installed by the real npm from a registry on loopback. @module */

import assert from "node:assert/strict";
import { VERSION } from "../../src/version.ts";
import { shown } from "../support/documentation.ts";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { until } from "../support/wait.ts";
import { BUILT, OWN, serveHttp, temporaryFolder } from "./built.ts";

const LAUNCHER = "weir-lb";
const PLATFORM = `weir-lb-${OWN.node.os}-${OWN.node.cpu}`;

/** A registry that has these packages, and says of all others that they are not there. */
async function registry(names: readonly string[]) {
  const packages = new Map<string, { readonly manifest: unknown; readonly tarball: Uint8Array<ArrayBuffer> }>();
  for (const name of names) {
    const path = `${BUILT}/npm/${name}-${VERSION}.tgz`;
    const { stdout } = await run("tar", ["-xzOf", path, "package/package.json"]);
    packages.set(name, { manifest: JSON.parse(stdout), tarball: await Deno.readFile(path) });
  }
  const server = serveHttp(({ pathname, origin }) => {
    const [, name = "", file] = pathname.split("/");
    const found = packages.get(name);
    if (found === undefined) return Response.json({ error: "not found" }, { status: 404 });
    if (file !== undefined) return new Response(found.tarball);
    const version = { ...(found.manifest as object), dist: { tarball: `${origin}/${name}/${name}.tgz` } };
    return Response.json({ name, "dist-tags": { latest: VERSION }, versions: { [VERSION]: version } });
  });
  return server;
}

function npm(program: string, args: readonly string[], { cwd, origin }: { cwd: string; origin: string }) {
  return run(program, args, { cwd, env: npmEnvironment(cwd, origin) });
}

function npmEnvironment(cwd: string, origin: string): Record<string, string> {
  return {
    HOME: cwd,
    npm_config_cache: `${cwd}/cache`,
    npm_config_registry: origin,
    npm_config_update_notifier: "false",
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_loglevel: "error",
  };
}

peerTest("npx weir-lb runs Weir, with its exit codes", ["node", "npx"], async ({ npx }) => {
  await using folder = await temporaryFolder();
  await using server = await registry([LAUNCHER, PLATFORM]);
  const options = { cwd: folder.path, origin: server.origin };
  const version = await npm(npx, ["--yes", LAUNCHER, "version"], options);
  assert.deepEqual([version.code, version.stderr], [0, ""]);
  assert.match(version.stdout, new RegExp(`^weir ${VERSION.replaceAll(".", "\\.")} `));
  const wrong = await npm(npx, ["--yes", LAUNCHER, "chekc"], options);
  assert.equal(wrong.code, 2, wrong.stderr);
  assert.match(wrong.stderr, /Unknown command "chekc"/);
});

/** Runs a program that serves until it is told to stop: waits until it has said so, and stops it as Ctrl-C does. */
const serving = (command: string, said: string) =>
  `${command} > told 2>&1 &
for _ in $(seq 600); do grep -q '${said}' told && break; sleep 0.1; done
grep '${said}' told
kill -INT -- -$!; wait $! || :
`;

/** Whatever happens, nothing goes on when the shell has ended. */
const TIDY = `trap 'for job in $(jobs -p); do kill -- -$job; done' EXIT`;

const SHOWN: readonly (readonly [page: string, text: string])[] = [
  ["docs/installation.md", shown("docs/installation.md", "npx weir-lb demo")],
  ["packaging/npm/README.md", shown("packaging/npm/README.md", "npx weir-lb demo")],
];

peerTest("what the pages show of npx and npm works as it stands", ["bash", "node", "npm"], async ({ bash }) => {
  await using folder = await temporaryFolder();
  await using server = await registry([LAUNCHER, PLATFORM]);
  for (const [page, text] of SHOWN) {
    const [port, admin] = [freePort(), freePort()];
    const script = text.replace(/^npx weir-lb demo.*$/m, serving("npx weir-lb demo", "Ctrl-C stops it"))
      .replace(/^weir init$/m, `$&\nsed -i 's/\\b8000\\b/${port}/; s/\\b9900\\b/${admin}/' weir.yaml`)
      .replace(/^weir run$/m, serving("weir run", "accepts TCP"));
    const { code, stdout, stderr } = await run(bash, ["-c", `set -em\n${TIDY}\n${script}\nweir version`], {
      cwd: folder.path,
      env: {
        ...npmEnvironment(folder.path, server.origin),
        npm_config_yes: "true",
        npm_config_prefix: folder.path,
        PATH: `${folder.path}/bin:${Deno.env.get("PATH") ?? ""}`,
      },
    });
    assert.equal(code, 0, `${page}: ${stdout}\n${stderr}`);
    assert.match(stdout, /^Ctrl-C stops it[\s\S]*\nweir \d+\.\d+\.\d+ /, page);
  }
});

peerTest("installed with npm, Weir serves, and ends in order on SIGTERM", ["node", "npm"], async ({ npm: program }) => {
  await using folder = await temporaryFolder();
  await using server = await registry([LAUNCHER, PLATFORM]);
  const options = { cwd: folder.path, origin: server.origin };
  const installed = await npm(program, ["install", LAUNCHER], options);
  assert.deepEqual([installed.code, installed.stderr], [0, ""]);
  const packages = [...Deno.readDirSync(`${folder.path}/node_modules`)].map(({ name }) => name);
  assert.deepEqual(packages.filter((name) => name.startsWith("weir")).sort(), [LAUNCHER, PLATFORM]);
  const port = freePort();
  await Deno.writeTextFile(
    `${folder.path}/weir.json`,
    JSON.stringify({ admin: { listen: `127.0.0.1:${port}` }, listeners: [] }),
  );
  const child = new Deno.Command(`${folder.path}/node_modules/.bin/weir`, { cwd: folder.path, stderr: "null" }).spawn();
  await until("Weir is ready", async () => {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    await response?.body?.cancel();
    return response?.status === 200;
  });
  child.kill("SIGTERM");
  const { code, signal } = await child.status;
  assert.deepEqual([code, signal], [0, null]);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/readyz`));
});

peerTest(
  "without the package of its platform the launcher says what to do",
  ["node", "npm"],
  async ({ npm: program }) => {
    await using folder = await temporaryFolder();
    await using server = await registry([LAUNCHER]);
    const installed = await npm(program, ["install", LAUNCHER], { cwd: folder.path, origin: server.origin });
    assert.equal(installed.code, 0, installed.stderr);
    const { code, stdout, stderr } = await run(`${folder.path}/node_modules/.bin/weir`, ["version"]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.equal(
      stderr,
      `weir: The package "${PLATFORM}" is not installed; install "weir-lb" again, without --omit=optional or --no-optional\n`,
    );
  },
);
