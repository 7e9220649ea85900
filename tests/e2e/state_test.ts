/** What a reload does not forget, by name; and which changes no open connection may notice. @module */

import assert from "node:assert/strict";
import { backends, listener, QUICK_CHECKS } from "../support/configs.ts";
import { assertEchoes, connect } from "../support/echo.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { echoServer, nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** Settings that go to and fro and mean nothing for servers. */
const tagged = (round: number) => ({ tags: { round: String(round) }, maxConnections: 1000 + round });

async function reloaded(running: RunningWeir, config: Record<string, unknown>): Promise<void> {
  const { status, body } = await running.reload(config);
  assert.equal(status, 200, JSON.stringify(body));
}

Deno.test("round-robin position survives a reload: the order goes on where it was, over settings and weights of others", async () => {
  await using a = nameServer("a");
  await using b = nameServer("b");
  await using c = nameServer("c");
  const port = freePort();
  const config = (round: number) => ({
    listeners: [listener(port, backends([a.port, b.port, c.port]), tagged(round))],
  });
  await using running = await RunningWeir.start(config(0));
  const order: string[] = [];
  for (let round = 1; round <= 30; round++) {
    order.push(await readName(port));
    await reloaded(running, config(round));
  }
  const cycle = order.slice(0, 3);
  assert.deepEqual([...cycle].sort(), ["a", "b", "c"]);
  assert.deepEqual(order, Array.from({ length: 30 }, (_, index) => cycle[index % 3]));
});

Deno.test("active counts survive a reload: least connections goes on with what is open", async () => {
  await using a = echoServer();
  await using b = echoServer();
  const port = freePort();
  const config = (round: number) => ({
    listeners: [listener(port, backends([a.port, b.port], { algorithm: "wlc" }), tagged(round))],
  });
  await using running = await RunningWeir.start(config(0));
  await using held = new AsyncDisposableStack();
  for (let round = 1; round <= 20; round++) {
    await assertEchoes(held.use(await connect(port)), "here");
    await reloaded(running, config(round));
    assert.ok(Math.abs(a.open - b.open) <= 1, `${a.open} and ${b.open} after ${round} reloads`);
  }
  const { servers, connectionsActive } = await running.listener("web");
  assert.deepEqual(servers.map((server) => server.connectionsActive), [10, 10]);
  assert.equal(connectionsActive, 20);
});

Deno.test("health survives a reload: an Abnormal server gets nobody, not even at the moment of the reload", async () => {
  await using good = nameServer("good");
  const [port, gone] = [freePort(), freePort()];
  const config = (round: number) => ({
    listeners: [
      listener(port, backends([good.port, gone], { healthCheck: { ...QUICK_CHECKS, passive: false } }), tagged(round)),
    ],
  });
  await using running = await RunningWeir.start(config(0));
  const dead = async () => (await running.listener("web")).servers.find(({ server }) => server.endsWith(`:${gone}`));
  // The state is on the board; its reason comes with a message, a moment later.
  const { connectFailures: failuresBefore, lastChange } = await until("it is Abnormal, and why", async () => {
    const found = await dead();
    return found?.health === "Abnormal" && found.lastChange?.to === "Abnormal" && found;
  });
  for (let round = 1; round <= 10; round++) {
    await reloaded(running, config(round));
    assert.equal((await dead())?.health, "Abnormal");
    assert.equal(await readName(port), "good");
  }
  assert.deepEqual([(await dead())?.connectFailures, (await dead())?.lastChange], [failuresBefore, lastChange]);
});

/** Changes that are about the program, or about connections to come. */
const HARMLESS: readonly (readonly [what: string, general: Record<string, unknown>, own: Record<string, unknown>])[] = [
  ["log.level", { log: { level: "debug" } }, {}],
  ["the access log", { log: { access: "on" } }, {}],
  ["tags", {}, { tags: { env: "other" } }],
  ["description", {}, { description: "other" }],
  ["maxConnections below what is open", {}, { maxConnections: 1 }],
  ["maxNewConnections", {}, { maxNewConnections: 1 }],
  ["an access list that keeps the client out", { ipGroups: { nobody: ["192.0.2.1"] } }, {
    accessControl: { mode: "whitelist", groups: ["nobody"] },
  }],
  ["shutdown", { shutdown: { drainTimeout: 1, graceTime: 1 } }, {}],
  ["connectTimeout", {}, { connectTimeout: 1 }],
  ["proxyProtocol", {}, { proxyProtocol: "v2" }],
  ["backlog", {}, { backlog: 100 }],
];

for (const workers of [1, 2]) {
  Deno.test(`a log, tag or limit change never touches an open connection, one after the other, with workers: ${workers}`, async () => {
    await using server = echoServer();
    const port = freePort();
    const group = backends([server.port]);
    await using running = await RunningWeir.start({ listeners: [listener(port, group, { workers })] });
    await using held = new AsyncDisposableStack();
    const connections: Deno.TcpConn[] = [];
    for (let client = 0; client < 10; client++) {
      const connection = held.use(await connect(port));
      await assertEchoes(connection, "before");
      connections.push(connection);
    }
    for (const [what, general, own] of HARMLESS) {
      await reloaded(running, { ...general, listeners: [listener(port, group, { workers, ...own })] });
      for (const connection of connections) await assertEchoes(connection, `after a change of ${what}`);
    }
    const { connectionsTotal, connectionsActive, state } = await running.listener("web");
    assert.deepEqual([connectionsTotal, connectionsActive, state], [10, 10, "accepting"]);
    assert.equal(server.accepted, 10, "and none was made anew behind its back");
  });
}
