/** Servers that clients find dead before a probe does. @module */

import assert from "node:assert/strict";
import { backends, listener, QUICK_CHECKS } from "../support/configs.ts";
import { familyTest } from "../support/families.ts";
import { freePort } from "../support/ports.ts";
import { type ListenerBody, RunningWeir } from "../support/program.ts";
import { frozenServer, nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** After the first probe, which comes within a second, the next one comes when the test is over. */
const SELDOM = { interval: 300, healthyThreshold: 2 } as const;

type Server = ListenerBody["servers"][number];

const server = async (running: RunningWeir, index: number, name = "web"): Promise<Server | undefined> =>
  (await running.listener(name)).servers[index];

function health(running: RunningWeir, index: number, wanted: string, name = "web"): Promise<Server> {
  return until(`server ${index} of "${name}" is ${wanted}`, async () => {
    const found = await server(running, index, name);
    // The state is on the board; its reason comes with a message, a moment later.
    return found?.health === wanted && found.lastChange?.to === wanted && found;
  });
}

/** What was logged about a server's health. */
function transitions(running: RunningWeir, key: string): string[] {
  const lines = running.log.split("\n").filter((line) => line.includes(`Server ${key} of listener`));
  return lines.map((line) => (JSON.parse(line) as { message: string }).message);
}

familyTest(
  "a server that is killed is Abnormal after three failed connections, and its probes bring it back",
  async (hostname) => {
    await using stays = nameServer("s", { hostname });
    const goes = nameServer("g", { hostname });
    const key = hostname === "::1" ? `[::1]:${goes.port}` : `127.0.0.1:${goes.port}`;
    const port = freePort(hostname);
    const config = (healthCheck: object) => ({
      listeners: [
        listener(
          port,
          backends([{ address: hostname, port: goes.port }, { address: hostname, port: stays.port }], { healthCheck }),
          { address: hostname },
        ),
      ],
    });
    await using running = await RunningWeir.start(config(SELDOM));
    await health(running, 0, "Healthy");
    await health(running, 1, "Healthy");

    await goes[Symbol.asyncDispose]();
    await until("it is Abnormal", async () => {
      assert.equal(await readName(port, hostname), "s", "every client gets an answer");
      return (await server(running, 0))?.lastChange?.to === "Abnormal";
    });
    const down = await server(running, 0);
    assert.equal(down?.connectFailures, 3);
    const reason = `3 connections in a row failed, the last: connection to ${key} refused; is it running on that port?`;
    const { from, to } = down.lastChange ?? {};
    assert.deepEqual({ from, to, reason: down.lastChange?.reason }, { from: "Healthy", to: "Abnormal", reason });
    for (let client = 0; client < 10; client++) assert.equal(await readName(port, hostname), "s");
    assert.equal((await server(running, 0))?.connectFailures, 3, "it is not tried any more");
    const logged = await until("it is logged", () => {
      const lines = transitions(running, key).slice(1);
      return lines.length > 0 && lines;
    });
    assert.deepEqual(logged, [`Server ${key} of listener "web" is Abnormal: ${reason}`]);

    await using _back = nameServer("g", { hostname, port: goes.port });
    assert.equal((await running.reload(config({ ...SELDOM, interval: 5 }))).status, 200);
    const up = await health(running, 0, "Healthy");
    assert.equal(up.lastChange?.reason, "2 probes in a row succeeded");
    assert.deepEqual(new Set([await readName(port, hostname), await readName(port, hostname)]), new Set(["g", "s"]));
    await until("it is logged as well", () => transitions(running, key).length > 2);
    assert.equal(transitions(running, key).length, 3, "each change is logged once");
  },
);

familyTest("with passive: false a server stays as its probes say, however many connections fail", async (hostname) => {
  await using stays = nameServer("s", { hostname });
  const goes = nameServer("g", { hostname });
  const port = freePort(hostname);
  const servers = [{ address: hostname, port: goes.port }, { address: hostname, port: stays.port }];
  const config = (passive: boolean) => ({
    listeners: [
      listener(port, backends(servers, { healthCheck: { ...SELDOM, passive } }), { address: hostname }),
    ],
  });
  await using running = await RunningWeir.start(config(false));
  await health(running, 0, "Healthy");
  await goes[Symbol.asyncDispose]();
  for (let client = 0; client < 20; client++) assert.equal(await readName(port, hostname), "s");
  const shown = await server(running, 0);
  assert.equal(shown?.health, "Healthy");
  assert.ok(shown.connectFailures >= 9, `${shown.connectFailures} failures`);

  assert.equal((await running.reload(config(true))).status, 200);
  await until("it is Abnormal", async () => {
    assert.equal(await readName(port, hostname), "s");
    return (await server(running, 0))?.health === "Abnormal";
  });
});

Deno.test("connect timeouts count, and whenAllUnhealthy decides when nobody is left", async () => {
  using frozen = await frozenServer();
  const gone = freePort();
  const [slow, forward, reject] = [freePort(), freePort(), freePort()];
  await using running = await RunningWeir.start({
    listeners: [
      listener(slow, backends([frozen.port], { healthCheck: SELDOM }), { name: "slow", connectTimeout: 1 }),
      listener(forward, backends([gone], { healthCheck: SELDOM }), { name: "forward" }),
      listener(reject, backends([gone], { healthCheck: SELDOM, whenAllUnhealthy: "reject" }), { name: "reject" }),
    ],
  });
  for (const port of [slow, forward, reject]) {
    const answers = await Promise.all(Array.from({ length: 3 }, () => readName(port)));
    assert.deepEqual(answers, ["", "", ""]);
  }
  const shown = await health(running, 0, "Abnormal", "slow");
  assert.equal(
    shown.lastChange?.reason,
    `3 connections in a row failed, the last: no answer from 127.0.0.1:${frozen.port} within 1 s; is it up, and no firewall in between?`,
  );
  await health(running, 0, "Abnormal", "forward");
  await health(running, 0, "Abnormal", "reject");
  await using _back = nameServer("f", { port: gone });
  assert.equal(await readName(forward), "f", "all are treated as healthy");
  assert.equal(await readName(reject), "");
  await until("the refusal is counted", async () => {
    const { connectionsEnded } = await running.listener("reject");
    return connectionsEnded["connect_failed"] === 3 && connectionsEnded["no_server"] === 1;
  });
  assert.equal((await server(running, 0, "forward"))?.health, "Abnormal", "only its probes bring it back");
});

Deno.test("a server whose probes go to another port is taken out by clients and brought back by probes", async () => {
  await using probed = nameServer("");
  await using works = nameServer("w");
  const gone = freePort();
  const port = freePort();
  const group = backends([gone, works.port], { healthCheck: { ...QUICK_CHECKS, port: probed.port } });
  await using running = await RunningWeir.start({ listeners: [listener(port, group)] });
  await health(running, 0, "Healthy");
  const key = `127.0.0.1:${gone}`;
  await until("it is out, back, and out again", async () => {
    assert.equal(await readName(port), "w", "no client notices");
    return transitions(running, key).length >= 4;
  }, 60);
  assert.deepEqual(transitions(running, key).slice(0, 4).map((line) => /is (\w+):/.exec(line)?.[1]), [
    "Healthy",
    "Abnormal",
    "Healthy",
    "Abnormal",
  ]);
});
