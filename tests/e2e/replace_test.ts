/** A running Weir is replaced by another process of it, which listens beside it before it ends. @module */

import assert from "node:assert/strict";
import { backends, listener } from "../support/configs.ts";
import { assertEchoes, assertRefused, connect } from "../support/echo.ts";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { hasNewTls, RunningWeir, weir, weirCommand, weirCommandLine } from "../support/program.ts";
import { hasNetworks, replaceInside } from "../support/replacing.ts";
import { echoServer, holdServer, nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const isLong = Deno.env.get("WEIR_LONG") === "1";
const onLinux = { ignore: Deno.build.os !== "linux" };

Deno.test({
  name: "clients that connect as fast as they can lose nothing when Weir is replaced again and again" +
    (hasNetworks ? "" : " (skipped: needs root, unshare and ip)"),
  ignore: !hasNetworks,
  fn: async () => {
    const times = isLong ? 20 : 3;
    const outcome = await replaceInside({ times, wrkSeconds: isLong ? 60 : 0, migrate: true });
    assert.equal(outcome.migrates, true);
    for (const [kind, { served, lost }] of Object.entries(outcome.tallies)) {
      assert.ok(served > 0, kind);
      assert.deepEqual(lost, {}, `clients of listener "${kind}"`);
    }
    assert.equal(outcome.transfers, times);
    assert.equal(outcome.transfersWhole, times, "transfers under way go on in the process that was replaced");
    assert.deepEqual(outcome.codes, Array(times).fill(0));
    assert.deepEqual(outcome.faults, []);
    assert.doesNotMatch(outcome.wrk ?? "", /Socket errors|Non-2xx/);
  },
});

Deno.test(
  "run --replace: open connections stay, new ones go to the new process, drains are kept",
  onLinux,
  async () => {
    await using before = nameServer("before");
    await using after = nameServer("after");
    await using echo = echoServer();
    const [web, gone, added] = [freePort(), freePort(), freePort()];
    const group = (server: { port: number }) => ({ one: backends([server.port, 9]) });
    const user = { backends: undefined, backendGroup: "one" };
    const config = {
      shutdown: { drainTimeout: 60 },
      backendGroups: group(before),
      listeners: [
        listener(web, {}, user),
        listener(gone, backends([echo.port]), { name: "gone" }),
      ],
    };
    await using running = await RunningWeir.start(config);
    const path = "/v1/backend-groups/one/servers/127.0.0.1:9";
    assert.equal((await running.admin(path, patch({ drain: true }))).status, 200);
    assert.equal(await readName(web), "before");
    using held = await connect(gone);
    await assertEchoes(held, "to begin with");

    await running.write({
      ...config,
      backendGroups: group(after),
      listeners: [listener(web, {}, user), listener(added, backends([echo.port]), { name: "added", workers: 2 })],
    });
    const { pid, ended } = await running.replace();
    assert.notEqual(running.pid, pid);
    assert.equal(await readName(web), "after", "the file as it is now");
    using fresh = await connect(added);
    await assertEchoes(fresh, "a listener that was added");
    await until(
      "the old process has closed the port that is gone",
      () => assertRefused(gone).then(() => true, () => false),
    );
    await assertEchoes(held, "an old connection serves on");
    const { servers } = await running.listener("web");
    assert.deepEqual(servers.map(({ server, draining }) => [server === "127.0.0.1:9", draining]), [
      [false, false],
      [true, true],
    ]);
    held.close();
    assert.equal(await ended, 0, "it ends when its last connection has");

    // Its sockets can be listened beside by now, by those only that say so.
    const mistake = await weir(["run", "-c", running.file]);
    assert.equal(mistake.code, 1);
    assert.match(mistake.stderr, /Cannot listen on|cannot listen on/);
    assert.match(mistake.stderr, /in use by another program/);
    await assertEchoes(fresh, "it serves on");
    await running.replace();
    assert.equal(await readName(web), "after", "a second time");
  },
);

const patch = (body: unknown): RequestInit => ({
  method: "PATCH",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

Deno.test("run --replace: whatever is wrong leaves the running Weir as it is, and is said", onLinux, async () => {
  await using server = nameServer("served");
  await using other = holdServer();
  const web = freePort();
  const good = { listeners: [listener(web, backends([server.port]))] };
  await using running = await RunningWeir.start(good);
  const url = `http://127.0.0.1:${running.adminPort}`;
  const idle = freePort();
  const cases: [what: string, config: Record<string, unknown>, flags: string[], code: number, message: RegExp][] = [
    ["a bad configuration", { listeners: [{}] }, [], 3, /listeners\[0\]/],
    [
      "a port of another program",
      { listeners: [...good.listeners, listener(other.port, backends([server.port]), { name: "more" })] },
      [],
      1,
      /^weir: Listener "more": .*in use by another program.*; nothing was replaced: Weir \S+, process \d+ serves on/m,
    ],
    ["nobody there", { ...good, admin: { listen: `127.0.0.1:${idle}` } }, [], 1, /Cannot reach a running Weir at/],
    ["no admin API", { ...good, admin: { listen: "off" } }, [], 2, /--replace needs the admin API of the running Weir/],
    ["something else there", good, ["--admin", `127.0.0.1:${server.port}`], 1, /Cannot reach a running Weir/],
  ];
  for (const [what, config, flags, code, message] of cases) {
    await running.write(config);
    const ended = await weir(["run", "-c", running.file, "--replace", ...flags]);
    assert.equal(ended.code, code, `${what}: ${ended.stderr}`);
    assert.match(ended.stderr, message, what);
    assert.equal(await readName(web), "served", what);
  }
  await running.write(good);
  const misused = await weir(["run", "-c", running.file, "--admin", url]);
  assert.equal(misused.code, 2);
  assert.match(misused.stderr, /--admin goes with --replace only/);

  const offer = await (await fetch(`${url}/v1/replacement`, { method: "POST" })).json();
  const second = await weir(["run", "-c", running.file, "--replace"]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /Another process is getting ready to replace this one/);
  assert.equal((await fetch(`${url}/v1/replacement/${offer.id}`, { method: "DELETE" })).status, 204);
  const unknown = await fetch(`${url}/v1/replacement/${offer.id}`, { method: "DELETE" });
  assert.equal(unknown.status, 404);
  await unknown.body?.cancel();
  const { ended } = await running.replace();
  assert.equal(await ended, 0);
  assert.equal(await readName(web), "served");
});

Deno.test(
  "run --replace: the running Weir dies while the new one gets ready, which serves all the same",
  onLinux,
  async () => {
    await using server = nameServer("served");
    const web = freePort();
    await using running = await RunningWeir.start({ listeners: [listener(web, backends([server.port]))] });
    const { pid } = running;
    const replacing = running.replace();
    // The new one has its offer by then.
    await running.untilLogged(/ accepts TCP on [\s\S]* accepts TCP on /);
    try {
      Deno.kill(pid, "SIGKILL");
    } catch { /* it has given way and ended already */ }
    await replacing;
    assert.equal(await readName(web), "served");
    assert.equal((await running.admin("/v1/status")).status, 200);
  },
);

Deno.test("run --replace takes over from a Weir that is not heard of any more after its offer", onLinux, async () => {
  await using server = nameServer("served");
  const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
  const web = freePort();
  const own = freePort();
  // The address of that one and the new one's may be the same, or different ones.
  for (const admin of [own, freePort()]) {
    const offered = Promise.withResolvers<void>();
    const old = Deno.serve({ hostname: "127.0.0.1", port: admin, reusePort: true, onListen: () => {} }, () => {
      offered.resolve();
      const more = { listening: [], admin: `127.0.0.1:${admin}`, drained: [], watchdogMicroseconds: null };
      return Response.json({ id: crypto.randomUUID(), process: 1, version: "0.0.1", ...more });
    });
    const config = { admin: { listen: `127.0.0.1:${own}` }, listeners: [listener(web, backends([server.port]))] };
    await Deno.writeTextFile(`${folder}/weir.yaml`, JSON.stringify(config));
    const flags = ["run", "-c", `${folder}/weir.yaml`, "--replace", "--admin", `127.0.0.1:${admin}`];
    const process = weirCommand(flags, { stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
    const log = new Response(process.stderr).text();
    const said = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    try {
      await offered.promise;
      await old.shutdown();
      assert.equal((await said.read()).value, "Took over from Weir 0.0.1, process 1\n");
      assert.equal(await readName(web), "served");
    } finally {
      process.kill("SIGTERM");
      await process.status;
      await said.cancel();
    }
    assert.match(await log, /Took over from Weir 0\.0\.1, process 1, which does not listen any more/);
  }
  await Deno.remove(folder, { recursive: true });
});

peerTest(
  "run --replace: a running Weir that has no descriptor left by then hears of it all the same",
  ["prlimit"],
  async ({ prlimit }) => {
    await using before = nameServer("before");
    await using after = nameServer("after");
    await using echo = echoServer();
    const [web, old] = [freePort(), freePort()];
    const config = (server: { port: number }) => ({
      shutdown: { drainTimeout: 60 },
      listeners: [listener(web, backends([server.port])), listener(old, backends([echo.port]), { name: "old" })],
    });
    await using running = await RunningWeir.start(config(before));
    const { pid } = running;
    using held = await connect(old);
    await assertEchoes(held, "to begin with");
    await running.write(config(after));
    const replacing = running.replace();
    await running.untilLogged("gets ready to replace this one");
    // The new one waits while the old one runs out of descriptors: fewer than it has open already.
    Deno.kill(running.pid, "SIGSTOP");
    try {
      assert.equal((await run(prlimit, ["--pid", String(pid), "--nofile=10"])).code, 0);
      const stranger = await connect(running.adminPort).catch(() => undefined);
      // Deno 2.9 ends its server of the admin API then; 2.7 goes on trying. Or the new one was quicker than this test.
      if (hasNewTls) await running.untilLogged(/The admin API cannot take requests|has taken over/);
      stranger?.close();
    } finally {
      Deno.kill(running.pid, "SIGCONT");
    }
    const { ended } = await replacing;
    await running.untilLogged(`process ${pid}, which finishes what it has`);
    assert.equal(await readName(web), "after");
    await assertEchoes(held, "an old connection serves on");
    held.close();
    assert.equal(await ended, 0, "it ends when its last connection has");
  },
);

Deno.test("run --replace refuses an admin address that would hide the running Weir's", onLinux, async () => {
  await using server = nameServer("served");
  const web = freePort();
  const listeners = [listener(web, backends([server.port]))];
  await using running = await RunningWeir.start({ listeners });
  const port = freePort("0.0.0.0");
  assert.equal((await running.reload({ listeners, admin: { listen: `0.0.0.0:${port}`, token: "t" } })).status, 200);
  await running.write({ listeners, admin: { listen: `127.0.0.1:${port}`, token: "t" } });
  for (const round of [1, 2]) {
    const refused = await weir(["run", "-c", running.file, "--replace"]);
    assert.equal(refused.code, 1, `round ${round}: the offer was given back`);
    assert.match(
      refused.stderr,
      /on 0\.0\.0\.0:\d+, could not be reached any more beside 127\.0\.0\.1:\d+; restart Weir/,
    );
  }
  assert.equal(await readName(web), "served");
});

Deno.test("run --replace serves on when what it says of it cannot be written", onLinux, async () => {
  await using server = nameServer("served");
  const web = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(web, backends([server.port]))] });
  const [program, ...words] = weirCommandLine(["run", "-c", running.file, "--replace"]);
  const shell = ["-c", 'exec "$0" "$@" >/dev/full', program, ...words];
  const process = new Deno.Command("sh", { args: shell, stdin: "null", stderr: "piped" }).spawn();
  const log = new Response(process.stderr).text();
  await running.untilLogged('"message":"Stopped"');
  assert.equal(await readName(web), "served");
  assert.equal((await running.admin("/v1/status")).status, 200);
  process.kill("SIGTERM");
  assert.equal((await process.status).code, 0);
  assert.match(await log, /Cannot write to standard output: No space left on device/);
});

Deno.test("run --replace needs the token of the running Weir", onLinux, async () => {
  await using server = nameServer("served");
  const web = freePort();
  const config = { admin: { token: "first" }, listeners: [listener(web, backends([server.port]))] };
  await using running = await RunningWeir.start(config);
  await running.write({ ...config, admin: { token: "second" } });
  const refused = await weir(["run", "-c", running.file, "--replace"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /does not take this token/);
  const { ended } = await running.replace(["--token", "first"]);
  assert.equal(await ended, 0);
  assert.equal(await readName(web), "served");
  assert.equal((await running.admin("/v1/status")).status, 401);
  const headers = { authorization: "Bearer second" };
  assert.equal((await running.admin("/v1/status", { headers })).status, 200, "the token of the new configuration");
});

Deno.test(
  "run --replace hands the service on: MAINPID before the old process ends, which says nothing",
  onLinux,
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "weir-notify-" });
    const manager = Deno.listenDatagram({ transport: "unixpacket", path: `${folder}/socket` });
    const heard: string[] = [];
    const hearing = (async () => {
      try {
        for (;;) heard.push(new TextDecoder().decode((await manager.receive())[0]));
      } catch { /* it is closed */ }
    })();
    try {
      await using server = nameServer("served");
      const web = freePort();
      await using running = await RunningWeir.start({ listeners: [listener(web, backends([server.port]))] }, {
        env: { NOTIFY_SOCKET: `${folder}/socket`, WATCHDOG_USEC: "200000" },
      });
      await until("it says that it is ready", () => heard.includes("READY=1\nSTATUS=Serving"));
      const { ended } = await running.replace();
      assert.equal(await ended, 0);
      const ready = `MAINPID=${running.pid}\nREADY=1\nSTATUS=Serving`;
      assert.ok(heard.includes(ready), heard.join("; "));
      const from = heard.length;
      await until("the new one keeps the watchdog quiet", () => heard.slice(from).includes("WATCHDOG=1"));
      assert.deepEqual(heard.filter((text) => text.startsWith("STOPPING")), []);
    } finally {
      manager.close();
      await hearing;
      await Deno.remove(folder, { recursive: true });
    }
  },
);
