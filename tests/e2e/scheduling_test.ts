/** Which server gets a connection. @module */

import assert from "node:assert/strict";
import { backends, listener, QUICK_CHECKS } from "../support/configs.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { holdServer, nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** Connects `count` times, one after the other. */
async function names(port: number, count: number): Promise<string> {
  let order = "";
  for (let index = 0; index < count; index++) order += await readName(port);
  return order;
}

/** How often each letter occurs. */
function tally(text: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const letter of text) counts[letter] = (counts[letter] ?? 0) + 1;
  return counts;
}

Deno.test("wrr with weights 5, 1, 1 spreads 7,000 connections exactly, interleaved in every window of seven", async () => {
  await using a = nameServer("a");
  await using b = nameServer("b");
  await using c = nameServer("c");
  const port = freePort();
  const group = backends([{ port: a.port, weight: 5 }, { port: b.port, weight: 1 }, { port: c.port, weight: 1 }]);
  await using running = await RunningWeir.start({ listeners: [listener(port, group)] });

  const order = await names(port, 7000);
  assert.deepEqual(tally(order), { a: 5000, b: 1000, c: 1000 });
  for (let start = 0; start < order.length; start += 7) {
    const window = order.slice(start, start + 7);
    assert.deepEqual(tally(window), { a: 5, b: 1, c: 1 }, `window at ${start}: ${window}`);
  }
  assert.equal(order.includes("aaaaa"), false, "five in a row went to one server");
  assert.deepEqual([a.accepted, b.accepted, c.accepted], [5000, 1000, 1000]);
  const { servers } = await running.listener("web");
  assert.deepEqual(servers.map((server) => server.connectionsTotal), [5000, 1000, 1000]);
});

Deno.test("wlc with weights 3 and 1 holds 400 connections as 300 and 100", async () => {
  await using a = holdServer();
  await using b = holdServer();
  const port = freePort();
  const group = backends([{ port: a.port, weight: 3 }, { port: b.port, weight: 1 }], { algorithm: "wlc" });
  await using running = await RunningWeir.start({ listeners: [listener(port, group)] });

  await using held = new AsyncDisposableStack();
  for (let index = 0; index < 400; index++) held.use(await Deno.connect({ hostname: "127.0.0.1", port }));
  await until("400 connections have arrived", () => a.open + b.open === 400);
  assert.deepEqual([a.open, b.open], [300, 100]);
  const { servers } = await running.listener("web");
  assert.deepEqual(servers.map((server) => server.connectionsActive), [300, 100]);

  await held.disposeAsync();
  await until("all connections are over", async () => (await running.listener("web")).connectionsActive === 0);
  const after = await running.listener("web");
  assert.deepEqual(after.servers.map((server) => server.connectionsActive), [0, 0]);
});

Deno.test("a server with weight 0 gets nothing; a group of only such servers refuses connections", async () => {
  await using a = nameServer("a");
  await using b = nameServer("b");
  const [port, closed] = [freePort(), freePort()];
  await using running = await RunningWeir.start({
    listeners: [
      listener(port, backends([{ port: a.port, weight: 0 }, { port: b.port, weight: 1 }])),
      listener(closed, backends([{ port: a.port, weight: 0 }]), { name: "closed" }),
    ],
  });
  assert.equal(await names(port, 10), "b".repeat(10));
  assert.equal(await readName(closed), "");
  assert.equal(a.accepted, 0);
  await until("the refusal is counted", async () => {
    return (await running.listener("closed")).connectionsEnded["no_server"] === 1;
  });
});

Deno.test("several ports on one server and the group's default port are each servers of their own", async () => {
  await using a = nameServer("a");
  await using b = nameServer("b");
  await using c = nameServer("c");
  const port = freePort();
  const group = backends([{ ports: [a.port, b.port], weight: 2 }, { weight: 1 }], { defaultPort: c.port });
  await using running = await RunningWeir.start({ listeners: [listener(port, group)] });
  assert.deepEqual(tally(await names(port, 50)), { a: 20, b: 20, c: 10 });
  const { servers } = await running.listener("web");
  assert.deepEqual(
    servers.map(({ server, weight }) => [server, weight]),
    [[`127.0.0.1:${a.port}`, 2], [`127.0.0.1:${b.port}`, 2], [`127.0.0.1:${c.port}`, 1]],
  );
});

Deno.test("backups wait for the primaries to fail, and whenAllUnhealthy forwards or rejects", async () => {
  const gone = freePort();
  await using primary = nameServer("p");
  await using backup = nameServer("b");
  const [useBackup, forward, reject] = [freePort(), freePort(), freePort()];
  const healthCheck = { ...QUICK_CHECKS, healthyThreshold: 10 };
  await using running = await RunningWeir.start({
    listeners: [
      listener(
        useBackup,
        backends([primary.port, { port: backup.port, backup: true }], { healthCheck }),
        { name: "backup", connectTimeout: 1 },
      ),
      listener(forward, backends([gone], { healthCheck }), { name: "forward" }),
      listener(reject, backends([gone], { healthCheck, whenAllUnhealthy: "reject" }), { name: "reject" }),
    ],
  });
  assert.equal(await names(useBackup, 5), "ppppp");
  assert.equal((await running.listener("backup")).servers[1]?.connectionsTotal, 0, "the backup had nothing to do");

  await primary[Symbol.asyncDispose]();
  assert.equal(await names(useBackup, 3), "bbb", "a primary that cannot be reached makes way at once");
  for (const name of ["backup", "forward", "reject"]) {
    await until(`the server of "${name}" is Abnormal`, async () => {
      return (await running.listener(name)).servers[0]?.health === "Abnormal";
    }, 30);
  }
  const failures = (await running.listener("backup")).servers[0]?.connectFailures;
  assert.equal(await names(useBackup, 3), "bbb");
  assert.equal((await running.listener("backup")).servers[0]?.connectFailures, failures, "it is not even tried");

  // It answers again, but counts as Abnormal until ten probes have succeeded.
  await using _back = nameServer("f", { port: gone });
  assert.equal(await names(forward, 3), "fff");
  assert.equal(await names(reject, 3), "");
  await until("the refusals are counted", async () => {
    return (await running.listener("reject")).connectionsEnded["no_server"] === 3;
  });
});
