/** A configuration that changes under a running program. @module */

import assert from "node:assert/strict";
import { CERTIFICATE_STORE, certificateFiles, connectTls, overTls, testCertificate } from "../support/certificates.ts";
import { backends, listener, QUICK_CHECKS } from "../support/configs.ts";
import { assertEchoes, assertRefused, connect } from "../support/echo.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { echoServer, holdServer, nameServer, readAll, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

interface Report {
  readonly changes: readonly { readonly listener: string; readonly action: string; readonly settings: string[] }[];
  readonly general: readonly string[];
}

/** Writes a configuration, reloads, and fails unless it was accepted. */
async function accepted(running: RunningWeir, config: Record<string, unknown> | string): Promise<Report> {
  const { status, body } = await running.reload(config);
  assert.equal(status, 200, JSON.stringify(body));
  return body as Report;
}

/** How many replaced or removed listeners still have connections. */
async function draining(running: RunningWeir): Promise<number> {
  const { body } = await running.admin("/v1/status");
  return (body as { workers: { draining: number } }).workers.draining;
}

Deno.test("weights, servers, health checks, timeouts and tags change in place and connections stay", async () => {
  await using echo = echoServer();
  await using a = nameServer("a");
  await using b = nameServer("b");
  const port = freePort();
  const one = (weights: readonly number[], settings = {}, group = {}) => ({
    listeners: [listener(
      port,
      backends(
        [echo, a, b].flatMap(({ port }, index) =>
          weights[index] === undefined ? [] : [{ port, weight: weights[index] }]
        ),
        group,
      ),
      settings,
    )],
  });
  await using running = await RunningWeir.start(one([1]));
  using held = await connect(port);
  await assertEchoes(held, "before");

  const report = await accepted(running, one([0, 2, 1]));
  assert.deepEqual(report.changes, [{ listener: "web", action: "update", settings: ["pool"] }]);
  assert.equal([await readName(port), await readName(port), await readName(port)].sort().join(""), "aab");
  await assertEchoes(held, "a server of weight 0 keeps what it has");

  await accepted(running, one([], {}, { servers: [{ address: "127.0.0.1", port: b.port }] }));
  assert.equal(await readName(port), "b");
  await assertEchoes(held, "so does one that is gone from the configuration");

  const settings = { idleTimeout: 60, connectTimeout: 2, tags: { env: "test" }, description: "changed" };
  const again = await accepted(running, one([1, 1], settings, { healthCheck: QUICK_CHECKS, algorithm: "wlc" }));
  assert.deepEqual(again.changes[0]?.settings.sort(), ["connectTimeout", "description", "idleTimeout", "pool", "tags"]);
  await until("probes have begun", async () => {
    return (await running.listener("web")).servers.every((server) => server.health === "Healthy");
  });
  await assertEchoes(held, "after all of it");
  const { body } = await running.admin("/v1/listeners/web");
  assert.deepEqual({ ...body as object, ...settings }, body, "the new settings are shown");
  await until("only that one is open", async () => (await running.listener("web")).connectionsActive === 1);
  assert.deepEqual((await accepted(running, await Deno.readTextFile(running.file))).changes, [], "nothing has changed");
});

Deno.test("listeners start and stop by reload; a removed one drains, and the others are not touched", async () => {
  await using echo = echoServer();
  const [kept, goes, comes] = [freePort(), freePort(), freePort()];
  const named = (name: string, port: number) => listener(port, backends([echo.port]), { name });
  await using running = await RunningWeir.start({ listeners: [named("kept", kept), named("goes", goes)] });
  using onKept = await connect(kept);
  const onGoing = await connect(goes);
  await assertEchoes(onKept, "kept");
  await assertEchoes(onGoing, "goes");
  const before = await running.listener("kept");

  const report = await accepted(running, { listeners: [named("kept", kept), named("comes", comes)] });
  assert.deepEqual(report.changes, [
    { listener: "goes", action: "stop", settings: [] },
    { listener: "comes", action: "start", settings: [] },
  ]);
  using onComing = await connect(comes);
  await assertEchoes(onComing, "comes");
  await until("the removed listener's port is closed", () => assertRefused(goes).then(() => true, () => false));
  assert.equal((await running.admin("/v1/listeners/goes")).status, 404);
  assert.equal(await draining(running), 1);
  await assertEchoes(onGoing, "stays until it ends itself");
  onGoing.close();
  await until("it has drained", async () => await draining(running) === 0);
  await assertEchoes(onKept, "not touched");
  const { state, connectionsActive, connectionsTotal, bytesIn, servers } = await running.listener("kept");
  assert.deepEqual([state, connectionsActive, connectionsTotal], ["accepting", 1, 1]);
  assert.equal(bytesIn, before.bytesIn + "not touched".length, "it goes on counting where it was");
  assert.equal(servers[0]?.connectionsActive, 1);
});

Deno.test("a changed port or protocol replaces the listener; what is established stays", async () => {
  await using echo = echoServer();
  const [first, second] = [freePort(), freePort()];
  const certificate = await testCertificate();
  const at = (port: number, settings = {}) => ({
    certificates: CERTIFICATE_STORE,
    listeners: [listener(port, backends([echo.port]), settings)],
  });
  await using running = await RunningWeir.start(at(first), { files: certificateFiles(certificate) });
  using onFirst = await connect(first);
  await assertEchoes(onFirst, "first");

  const moved = await accepted(running, at(second));
  assert.deepEqual(moved.changes, [{ listener: "web", action: "replace", settings: ["port"] }]);
  await until("the old port is closed", () => assertRefused(first).then(() => true, () => false));
  using onSecond = await connect(second);
  await assertEchoes(onSecond, "second");
  await assertEchoes(onFirst, "still first");

  const encrypted = await accepted(running, at(second, overTls()));
  assert.equal(encrypted.changes[0]?.action, "replace");
  using overTlsNow = await connectTls(second, certificate);
  await assertEchoes(overTlsNow, "the same port with TLS");
  await accepted(running, at(second, { address: "0.0.0.0" }));
  using wider = await connect(second);
  await assertEchoes(wider, "the same port on all addresses");
  for (const held of [onFirst, onSecond, overTlsNow]) await assertEchoes(held, "all of them stay");
  assert.equal((await running.listener("web")).connectionsActive, 4, "and are counted on");
});

Deno.test("a change of ipTranslation disconnects that listener's connections, and no others", async () => {
  await using echo = echoServer();
  const [one, other] = [freePort(), freePort()];
  const config = (ipTranslation: boolean) => ({
    listeners: [
      listener(one, backends([echo.port]), { ipTranslation }),
      listener(other, backends([echo.port]), { name: "other" }),
    ],
  });
  await using running = await RunningWeir.start(config(false));
  using onOne = await connect(one);
  using onOther = await connect(other);
  await assertEchoes(onOne, "one");
  await assertEchoes(onOther, "other");
  const report = await accepted(running, config(true));
  assert.deepEqual(report.changes, [{ listener: "web", action: "replace", settings: ["ipTranslation"] }]);
  await readAll(onOne).catch(() => {}); // the end, or a reset
  await assertEchoes(onOther, "not touched");
  using again = await connect(one);
  await assertEchoes(again, "at once");
});

Deno.test("admin.listen moves the admin API and log.level changes what is logged", async () => {
  await using echo = echoServer();
  const port = freePort();
  const listeners = [listener(port, backends([echo.port]))];
  await using running = await RunningWeir.start({ listeners });
  const adminPort = freePort();
  const quiet = { listeners, log: { level: "error" }, admin: { listen: `127.0.0.1:${adminPort}` } };
  const report = await accepted(running, quiet);
  assert.deepEqual([report.changes, [...report.general].sort()], [[], ["admin", "log"]]);
  const status = await fetch(`http://127.0.0.1:${adminPort}/v1/status`);
  assert.equal(status.status, 200);
  await status.body?.cancel();
  await until("the old address is closed", () => assertRefused(running.adminPort).then(() => true, () => false));

  // By their times: what was logged before may arrive later than this.
  const from = Date.now();
  const lines = () =>
    running.log.trimEnd().split("\n").filter((line) => Date.parse((JSON.parse(line) as { time: string }).time) >= from);
  const reload = async () => {
    const response = await fetch(`http://127.0.0.1:${adminPort}/v1/reload`, { method: "POST" });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await reload(), 200);
  await running.write("nonsense: [");
  assert.equal(await reload(), 422);
  await until("the error is logged", () => lines().length > 0);
  assert.match(lines()[0] ?? "", /^{.*"level":"error".*the old one serves on/);
  assert.equal(lines().length, 1, "and the reload that went well is not");
});

Deno.test("reloads that are asked for at once happen one after the other", async () => {
  await using hold = holdServer();
  const port = freePort();
  const config = (weight: number) => ({ listeners: [listener(port, backends([{ port: hold.port, weight }]))] });
  await using running = await RunningWeir.start(config(1));
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => running.reload(config(index + 2))));
  for (const { status, body } of answers) assert.equal(status, 200, JSON.stringify(body));
  await accepted(running, config(50));
  assert.equal((await running.listener("web")).servers[0]?.weight, 50);
  running.signal("SIGHUP");
  await running.write(config(60));
  running.signal("SIGHUP");
  await until("the signal has reloaded", async () => (await running.listener("web")).servers[0]?.weight === 60);
});

Deno.test("a reload that needs a port in use changes nothing at all, and names the listener and the port", async () => {
  await using echo = echoServer();
  await using squatter = nameServer("squatter");
  const [port, free] = [freePort(), freePort()];
  const serving = listener(port, backends([{ port: echo.port, weight: 10 }]));
  await using running = await RunningWeir.start({ listeners: [serving] });
  using held = await connect(port);
  await assertEchoes(held, "before");

  const { status, body } = await running.reload({
    listeners: [
      listener(port, backends([{ port: echo.port, weight: 99 }])),
      listener(free, backends([echo.port]), { name: "fine" }),
      listener(squatter.port, backends([echo.port]), { name: "clash" }),
    ],
  });
  assert.equal(status, 422);
  const { detail } = body as { detail: string };
  assert.match(detail, /"clash"/);
  assert.ok(detail.includes(`127.0.0.1:${squatter.port}`), detail);
  assert.match(detail, /in use/);
  await assertRefused(free, "the other new listener is not there either");
  assert.equal((await running.listener("web")).servers[0]?.weight, 10, "nor is the new weight");
  await assertEchoes(held, "still here");
  using another = await connect(port);
  await assertEchoes(another, "and still accepting");
  const { body: state } = await running.admin("/v1/status");
  assert.equal((state as { lastReload: { ok: boolean } }).lastReload.ok, false);
  assert.equal((await running.admin("/readyz")).status, 200);
});

Deno.test("a configuration file that was emptied is refused: it would stop every listener", async () => {
  await using echo = echoServer();
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([echo.port]))] });
  for (const text of ["", "\n", "# all lines are comments\n"]) {
    assert.equal((await running.reload(text)).status, 422);
    using connection = await connect(port);
    await assertEchoes(connection, "still accepting");
  }
});
