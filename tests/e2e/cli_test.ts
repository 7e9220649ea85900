/** The commands. @module */

import assert from "node:assert/strict";
import { backends, listener } from "../support/configs.ts";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir, weir, weirCommandLine } from "../support/program.ts";
import { until } from "../support/wait.ts";
import { nameServer, readName } from "../support/servers.ts";

async function temporaryFolder() {
  const path = await Deno.makeTempDir({ prefix: "weir-test-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("wrong usage: one line on stderr with the nearest match, nothing on stdout, exit 2", async () => {
  const cases: [args: string[], wanted: RegExp][] = [
    [["chekc"], /^weir: Unknown command "chekc".*check/],
    [["run", "--confg", "x.yaml"], /^weir: Unknown flag "--confg" for "weir run".*--config/],
    [["status", "--jsn"], /^weir: Unknown flag "--jsn" for "weir status".*--json/],
    [["run", "-c"], /^weir: --config needs a value/],
    [["version", "please"], /^weir: "weir version" does not take "please"/],
    [["help", "statsu"], /^weir: Unknown command "statsu".*status/],
    [["status", "--admin", "http://"], /^weir: --admin must be a URL/],
  ];
  for (const [args, wanted] of cases) {
    const { code, stdout, stderr } = await weir(args);
    assert.deepEqual([code, stdout], [2, ""], `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, wanted);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  }
});

Deno.test("weir help knows every command, and each command its flags", async () => {
  const overview = await weir(["help"]);
  assert.deepEqual([overview.code, overview.stderr], [0, ""]);
  assert.deepEqual(await weir(["--help"]), overview);
  const list = overview.stdout.split(/^Commands.*:$/m)[1]?.split("\n\n")[0] ?? "";
  const commands = [...list.matchAll(/^ {2}(\w+) /gm)].map((match) => match[1] ?? "");
  for (
    const name of [
      "run",
      "check",
      "status",
      "top",
      "reload",
      "drain",
      "init",
      "demo",
      "schema",
      "completion",
      "version",
      "help",
    ]
  ) {
    assert.ok(commands.includes(name), `${name} is missing`);
  }
  for (const name of commands) {
    const help = await weir(["help", name]);
    assert.deepEqual([help.code, help.stderr], [0, ""]);
    assert.match(help.stdout, new RegExp(`^Usage: weir ${name}\\b`, "m"));
    assert.deepEqual(await weir([name, "--help"]), help);
  }
});

Deno.test("weir init writes a valid configuration and leaves one that is there alone", async () => {
  await using folder = await temporaryFolder();
  const options = { cwd: folder.path };
  assert.equal((await weir(["init"], options)).code, 0);
  const written = await Deno.readTextFile(`${folder.path}/weir.yaml`);
  const check = await weir(["check"], options);
  assert.deepEqual([check.code, check.stderr], [0, ""]);
  assert.match(check.stdout, /^weir\.yaml is valid/);

  await Deno.writeTextFile(`${folder.path}/weir.yaml`, "listeners: [] # mine\n");
  const again = await weir(["init"], options);
  assert.deepEqual([again.code, again.stdout], [1, ""]);
  assert.match(again.stderr, /weir\.yaml: it is there already/);
  assert.equal(await Deno.readTextFile(`${folder.path}/weir.yaml`), "listeners: [] # mine\n");
  assert.equal((await weir(["init", "--stdout"], options)).stdout, written);

  await Deno.remove(`${folder.path}/weir.yaml`);
  await Deno.writeTextFile(`${folder.path}/weir.json`, "{}");
  const beside = await weir(["init"], options);
  assert.deepEqual([beside.code, beside.stdout], [1, ""]);
  assert.match(beside.stderr, /^weir: Cannot write weir\.yaml: weir\.json is there already, and would not be read/);
  await assert.rejects(Deno.stat(`${folder.path}/weir.yaml`), Deno.errors.NotFound);
});

Deno.test({
  name: "what cannot be written to standard output is one line and exit 1",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const [program, ...words] = weirCommandLine(["version"]);
    const args = ["-c", 'exec "$@" > /dev/full', "sh", program, ...words];
    const { code, stderr } = await new Deno.Command("sh", { args, stdout: "null", stderr: "piped" }).output();
    assert.equal(code, 1);
    assert.match(new TextDecoder().decode(stderr), /^weir: Cannot write to standard output: [^\n]+\n$/);
  },
});

Deno.test("weir schema prints a JSON Schema of the configuration", async () => {
  const { code, stdout, stderr } = await weir(["schema"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const schema = JSON.parse(stdout) as { $schema: string; properties: Record<string, unknown> };
  assert.match(schema.$schema, /json-schema\.org/);
  for (const key of ["listeners", "backendGroups", "admin"]) assert.ok(key in schema.properties, key);
});

Deno.test("weir version --json is for programs", async () => {
  const { code, stdout } = await weir(["version", "--json"]);
  assert.equal(code, 0);
  assert.match((JSON.parse(stdout) as { version: string }).version, /^\d+\.\d+\.\d+$/);
});

Deno.test("weir status shows a running one as tables and as JSON", async () => {
  await using server = nameServer("served");
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  assert.equal(await readName(port), "served");
  const admin = ["--admin", `http://127.0.0.1:${running.adminPort}`];
  const table = await weir(["status", ...admin]);
  assert.deepEqual([table.code, table.stderr], [0, ""]);
  assert.match(table.stdout, /^Weir \d+\.\d+\.\d+, up .*, ready, configuration .*weir\.yaml$/m);
  assert.match(table.stdout, /^LISTENER +PROTOCOL +ADDRESS +STATE /m);
  assert.match(table.stdout, new RegExp(`^web +TCP +127\\.0\\.0\\.1:${port} +accepting +1/1 +\\d+ +1 `, "m"));
  assert.match(table.stdout, new RegExp(`^web +127\\.0\\.0\\.1:${server.port} +10 +Disabled `, "m"));

  // Without http:// and from the environment it works as well.
  const json = await weir(["status", "--json"], { env: { WEIR_ADMIN: `127.0.0.1:${running.adminPort}` } });
  assert.deepEqual([json.code, json.stderr], [0, ""]);
  const status = JSON.parse(json.stdout) as { ready: boolean; listeners: { name: string; connectionsTotal: number }[] };
  assert.equal(status.ready, true);
  assert.deepEqual(status.listeners.map((one) => [one.name, one.connectionsTotal]), [["web", 1]]);
});

Deno.test("weir reload names what changed, and on errors each with its place, exit 3", async () => {
  await using server = nameServer("served");
  const port = freePort();
  const weight = (value: number) => ({ listeners: [listener(port, backends([{ port: server.port, weight: value }]))] });
  await using running = await RunningWeir.start(weight(1));
  const reload = ["reload", "--admin", `http://127.0.0.1:${running.adminPort}`];
  assert.equal((await weir(reload)).stdout, "Nothing has changed\n");
  await running.write(weight(2));
  assert.deepEqual(await weir(reload), { code: 0, stdout: 'update listener "web" (pool)\n', stderr: "" });

  await running.write(weight(101));
  const refused = await weir(reload);
  assert.deepEqual([refused.code, refused.stdout], [3, ""]);
  assert.match(
    refused.stderr,
    /^\S*weir\.yaml:\d+:\d+ listeners\[0\]\.backends\.servers\[0\]\.weight: must be between 0 and 100, got 101$/m,
  );
  assert.match(refused.stderr, /the old one serves on/);
  const json = await weir([...reload, "--json"]);
  assert.equal(json.code, 3);
  assert.equal((JSON.parse(json.stdout) as { errors: unknown[] }).errors.length, 1);
  assert.equal((await running.listener("web")).servers[0]?.weight, 2);
  assert.match((await weir(["status", ...reload.slice(1)])).stdout, /The last reload failed/);
});

Deno.test("a wrong or missing token, and nobody at home: one line, exit 1", async () => {
  const config = { admin: { token: "secret" }, listeners: [] };
  await using running = await RunningWeir.start(config);
  const admin = ["--admin", `http://127.0.0.1:${running.adminPort}`];
  for (const command of ["status", "reload", "top"]) {
    for (const token of [[], ["--token", "wrong"]]) {
      const { code, stdout, stderr } = await weir([command, ...admin, ...token]);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /^weir: .*token.*WEIR_ADMIN_TOKEN\n$/);
    }
    assert.equal((await weir([command, ...admin, "--token", "secret"])).code, 0);
    assert.equal((await weir([command, ...admin], { env: { WEIR_ADMIN_TOKEN: "secret" } })).code, 0);
    const nobody = await weir([command, "--admin", `http://127.0.0.1:${freePort()}`]);
    assert.deepEqual([nobody.code, nobody.stdout], [1, ""]);
    assert.match(
      nobody.stderr,
      /^weir: Cannot reach a running Weir at http:\/\/127\.0\.0\.1:\d+: connection refused;.*\n$/,
    );
  }
});

Deno.test("weir health says ready without a token, and exit 1 when it is not, or not there", async () => {
  const config = { admin: { token: "secret" }, shutdown: { graceTime: 120 }, listeners: [] };
  await using running = await RunningWeir.start(config);
  const health = ["health", "--admin", `127.0.0.1:${running.adminPort}`];
  assert.deepEqual(await weir(health), { code: 0, stdout: "ready\n", stderr: "" });
  assert.deepEqual(JSON.parse((await weir([...health, "--json"])).stdout), { ready: true, listeners: {} });
  // Stopping: it is not ready any more, and answers still.
  running.signal("SIGTERM");
  await until("it is not ready", async () => (await running.admin("/readyz")).status === 503);
  assert.deepEqual(await weir(health), { code: 1, stdout: "", stderr: "weir: not ready\n" });
  const nobody = await weir(["health", "--admin", `127.0.0.1:${freePort()}`]);
  assert.deepEqual([nobody.code, nobody.stdout], [1, ""]);
  assert.match(nobody.stderr, /^weir: Cannot reach a running Weir/);
});

peerTest("colours are for terminals, and NO_COLOR turns them off there", ["script"], async ({ script }) => {
  await using running = await RunningWeir.start({ listeners: [] });
  const words = weirCommandLine(["status", "--admin", `http://127.0.0.1:${running.adminPort}`]);
  const onTerminal = (env: Record<string, string>) => {
    const command = words.map((word) => `'${word}'`).join(" ");
    return run(script, ["--quiet", "--return", "--command", command, "/dev/null"], { env });
  };
  const coloured = await onTerminal({ NO_COLOR: "", TERM: "xterm" });
  assert.equal(coloured.code, 0, coloured.stdout);
  assert.ok(coloured.stdout.includes("\x1b["), coloured.stdout);
  const plain = await onTerminal({ NO_COLOR: "1", TERM: "xterm" });
  assert.match(plain.stdout, /^Weir .*ready/m);
  assert.equal(plain.stdout.includes("\x1b["), false);
  const [program, ...args] = words;
  assert.equal((await run(program, args, { env: { NO_COLOR: "" } })).stdout.includes("\x1b["), false, "not a terminal");
});
