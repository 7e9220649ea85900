/**
 * The Debian package before lintian; and installed, started by its unit's commands, reloaded, stopped and removed. This
 * changes the machine, so it is done where nothing may be skipped (WEIR_REQUIRE_PEERS=1), as root, and where no Weir is.
 *
 * @module
 */

import assert from "node:assert/strict";
import { debName } from "../../scripts/release/deb.ts";
import { shown } from "../support/documentation.ts";
import { findProgram, PEERS_REQUIRED, peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";
import { BUILT, OWN, temporaryFolder } from "./built.ts";

const PACKAGE = `${BUILT}/${debName(OWN)}`;

/** What a unit of systemd may cost: its tool says 0 (nothing is open) to 10; "OK" is below 5. */
const EXPOSURE_AT_MOST = 2;

peerTest("lintian finds nothing in the package", ["lintian"], async ({ lintian }) => {
  // Reading the words of a runtime's 100 MB takes longer than all the rest, and they are not ours.
  const left = ["--dont-check-part", "binaries/spelling"];
  const judged = await run(lintian, [
    "--no-cfg",
    "--pedantic",
    "--allow-root",
    "--tag-display-limit",
    "0",
    ...left,
    PACKAGE,
  ]);
  assert.deepEqual(judged, { code: 0, stdout: "", stderr: "" });
});

peerTest("the unit is hardened", ["systemd-analyze"], async (programs) => {
  const unit = "packaging/systemd/weir.service";
  const { code, stdout } = await run(programs["systemd-analyze"], ["security", "--offline=true", unit]);
  assert.equal(code, 0);
  const exposure = Number(/Overall exposure level for weir\.service: ([\d.]+)/.exec(stdout)?.[1]);
  assert.ok(exposure <= EXPOSURE_AT_MOST, stdout);
});

peerTest(
  "the drop-in that docs/deployment.md shows is one that systemd takes",
  ["systemd-analyze"],
  async (programs) => {
    await using folder = await temporaryFolder();
    const unit = `${folder.path}/weir.service`;
    // Without the package there is no Weir to be started.
    const text = await Deno.readTextFile("packaging/systemd/weir.service");
    await Deno.writeTextFile(unit, text.replaceAll("=/usr/bin/weir", "=/bin/true"));
    await Deno.mkdir(`${unit}.d`);
    const verify = async (dropIn: string) => {
      await Deno.writeTextFile(`${unit}.d/override.conf`, dropIn);
      return await run(programs["systemd-analyze"], ["verify", "--man=no", unit]);
    };
    const shownDropIn = shown("docs/deployment.md", "# systemctl edit weir");
    assert.deepEqual(await verify(shownDropIn), { code: 0, stdout: "", stderr: "" });
    assert.match((await verify(shownDropIn.replace("Groups", "Grups"))).stderr, /Unknown key/);
  },
);

/** The commands of a unit file's key, in order. */
async function commands(unit: string, key: string): Promise<string[]> {
  const text = await Deno.readTextFile(unit);
  return [...text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map((match) => match[1] ?? "");
}

const NAMES = ["apt", "dpkg", "systemd-analyze", "strace", "man"] as const;
const mayInstall = PEERS_REQUIRED && Deno.uid() === 0 && findProgram("weir") === undefined;

if (mayInstall) {
  peerTest("the package is installed, serves by its unit's commands, and is removed again", NAMES, async (programs) => {
    await using folder = await temporaryFolder();
    // Nobody is there to be asked, and nothing beside it is needed.
    await Deno.writeTextFile(
      `${folder.path}/apt.conf`,
      'APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\n',
    );
    const command = shown("docs/installation.md", "apt install").trim().replace(/weir_\S+/, debName(OWN) ?? "");
    const [program, ...words] = command.split(" ");
    assert.equal(program, "apt");
    const installed = await run(programs.apt, words, {
      cwd: BUILT,
      env: { APT_CONFIG: `${folder.path}/apt.conf`, DEBIAN_FRONTEND: "noninteractive" },
    });
    try {
      assert.equal(installed.code, 0, installed.stderr);
      const unit = "/lib/systemd/system/weir.service";
      assert.deepEqual(await run(programs["systemd-analyze"], ["verify", "--man=no", unit]), {
        code: 0,
        stdout: "",
        stderr: "",
      });
      // The configuration that comes with it is valid, and serves nothing.
      const check = await run("/usr/bin/weir", ["check", "-c", "/etc/weir/weir.yaml"]);
      assert.equal(check.code, 0, check.stderr);
      await serveByUnit(unit, programs);
    } finally {
      const removed = await run(programs.dpkg, ["--purge", "weir"]);
      assert.equal(removed.code, 0, removed.stderr);
    }
    for (const path of ["/usr/bin/weir", "/etc/weir", "/lib/systemd/system/weir.service", "/usr/share/doc/weir"]) {
      await assert.rejects(Deno.stat(path), Deno.errors.NotFound, path);
    }
  });
}

async function serveByUnit(unit: string, programs: Readonly<Record<(typeof NAMES)[number], string>>): Promise<void> {
  await using folder = await temporaryFolder();
  await using server = nameServer("served");
  const [port, admin, other] = [freePort(), freePort(), freePort()];
  const configuration = (ports: readonly number[]) =>
    JSON.stringify({
      admin: { listen: `127.0.0.1:${admin}` },
      shutdown: { drainTimeout: 7 },
      backendGroups: { web: { servers: [{ address: "127.0.0.1", port: server.port }] } },
      listeners: ports.map((port) => ({
        name: `web-${port}`,
        protocol: "TCP",
        address: "127.0.0.1",
        port,
        backendGroup: "web",
      })),
    });
  await Deno.writeTextFile("/etc/weir/weir.yaml", configuration([port]));
  const notify = Deno.listenDatagram({ transport: "unixpacket", path: `${folder.path}/notify` });
  const heard = async () => new TextDecoder().decode((await notify.receive())[0]);
  const start = (await commands(unit, "ExecStart"))[0]?.split(" ") ?? [];
  const trace = `${folder.path}/trace`;
  let main = "";
  const child = new Deno.Command(programs.strace, {
    args: ["-f", "-qq", "-o", trace, ...start],
    env: { NOTIFY_SOCKET: `${folder.path}/notify`, WATCHDOG_USEC: "1000000" },
    stderr: "null",
  }).spawn();
  try {
    assert.match(await heard(), /^READY=1\n/);
    assert.equal(await heard(), "WATCHDOG=1");
    assert.equal(await readName(port), "served");
    main = (await run("ps", ["--ppid", String(child.pid), "-o", "pid="])).stdout.trim();
    const reload = async () => {
      for (const line of await commands(unit, "ExecReload")) {
        // The words of these lines are quoted as a shell does it.
        const { code } = await new Deno.Command("sh", {
          args: ["-c", line],
          env: { MAINPID: main, NOTIFY_SOCKET: `${folder.path}/notify` },
          stdin: "null",
          stdout: "null",
          // What it starts lives on; waiting for the end of its output would be waiting for that.
          stderr: "null",
        }).spawn().status;
        if (code !== 0) return code;
      }
      return 0;
    };
    await Deno.writeTextFile("/etc/weir/weir.yaml", configuration([port, other]));
    assert.equal(await reload(), 0);
    await until("the new listener serves", async () => await readName(other).catch(() => "") === "served");
    await Deno.writeTextFile("/etc/weir/weir.yaml", configuration([port, 0]));
    assert.equal(await reload(), 3, "a wrong configuration fails the reload");
    assert.equal(await readName(other), "served");
    await Deno.writeTextFile("/etc/weir/weir.yaml", configuration([port, other]));
    // As dpkg does it: another file of the same name.
    await Deno.copyFile("/usr/bin/weir", "/usr/bin/weir.dpkg-new");
    await Deno.rename("/usr/bin/weir.dpkg-new", "/usr/bin/weir");
    const replaced = main;
    assert.equal(await reload(), 0);
    let text = await heard();
    for (; !text.startsWith("MAINPID="); text = await heard()) assert.equal(text, "WATCHDOG=1");
    main = /^MAINPID=(\d+)$/m.exec(text)?.[1] ?? "";
    assert.notEqual(main, replaced);
    assert.equal((await child.status).code, 0, "the old process has ended");
    assert.equal(await readName(port), "served");
    await run("kill", ["-TERM", main]);
    for (text = await heard(); !text.startsWith("STOPPING=1"); text = await heard()) assert.equal(text, "WATCHDOG=1");
    await until("it has ended", async () => (await run("kill", ["-0", main])).code !== 0);
  } finally {
    notify.close();
    await run("kill", ["-KILL", main]);
    try {
      child.kill("SIGKILL");
    } catch { /* it has ended */ }
  }
  await checkSystemCalls(unit, trace, programs["systemd-analyze"]);
}

/** Every system call that was made is one that the unit allows. */
async function checkSystemCalls(unit: string, trace: string, analyze: string): Promise<void> {
  const sets = new Map<string, string[]>();
  const { stdout } = await run(analyze, ["syscall-filter"]);
  let set = "";
  for (const line of stdout.split("\n")) {
    if (line.startsWith("@")) sets.set(set = line.trim(), []);
    else if (/^ +[@a-z_]/.test(line)) sets.get(set)?.push(line.trim());
  }
  const flat = (name: string): string[] => name.startsWith("@") ? (sets.get(name) ?? []).flatMap(flat) : [name];
  const allowed = new Set<string>();
  for (const filter of await commands(unit, "SystemCallFilter")) {
    for (const name of filter.replace("~", "").split(" ").flatMap(flat)) {
      if (filter.startsWith("~")) allowed.delete(name);
      else allowed.add(name);
    }
  }
  const text = await Deno.readTextFile(trace);
  const made = new Set([...text.matchAll(/^\d+ +([a-z_0-9]+)\(/gm)].map((match) => match[1] ?? ""));
  assert.ok(made.size > 30, "something was traced");
  assert.deepEqual([...made].filter((name) => !allowed.has(name)), []);
}
