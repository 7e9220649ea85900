/** Servers that are new or back, and come to their full share over a while. @module */

import assert from "node:assert/strict";
import { backends, listener, QUICK_CHECKS, type Settings } from "../support/configs.ts";
import { familyTest } from "../support/families.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir, weir } from "../support/program.ts";
import { nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** So slow that the weight hardly rises while a test looks: 0.3 % of it a second. */
const SLOW = 300;

async function weights(running: RunningWeir): Promise<number[]> {
  return (await running.listener("web")).servers.map((server) => server.effectiveWeight);
}

/** How many of the next `count` connections get the answer `name`. */
async function share(name: string, count: number, [hostname, port]: readonly [string, number]): Promise<number> {
  let found = 0;
  for (let client = 0; client < count; client++) if (await readName(port, hostname) === name) found++;
  return found;
}

/** Round robin may be a pick off when a share begins, and one when it ends. */
const PICKS_OFF = 2;

/** Compares a server's share with its weight before and after: it rises meanwhile. */
async function assertShare(
  running: RunningWeir,
  index: number,
  { name, count, at }: { name: string; count: number; at: readonly [string, number] },
): Promise<void> {
  const due = async () => {
    const all = await weights(running);
    return count * (all[index] ?? 0) / all.reduce((sum, weight) => sum + weight, 0);
  };
  const least = await due();
  const found = await share(name, count, at);
  const most = await due();
  assert.ok(found >= least - PICKS_OFF && found <= most + PICKS_OFF, `${found}, not ${least} to ${most}`);
}

familyTest("a server that has recovered starts small and comes to its full share", async (hostname) => {
  await using stays = nameServer("s", { hostname });
  const goes = nameServer("g", { hostname });
  const port = freePort(hostname);
  const at = [hostname, port] as const;
  const servers = [{ address: hostname, port: stays.port }, { address: hostname, port: goes.port }];
  const config = (slowStart: number) => ({
    listeners: [
      listener(port, backends(servers, { healthCheck: QUICK_CHECKS, slowStart }), { address: hostname }),
    ],
  });
  await using running = await RunningWeir.start(config(SLOW));
  await until("both are Healthy", async () => {
    return (await running.listener("web")).servers.every((server) => server.health === "Healthy");
  });
  assert.deepEqual(await weights(running), [10, 10], "at the start nothing warms up");
  assert.equal(await share("g", 20, at), 10);

  await goes[Symbol.asyncDispose]();
  await until("it is Abnormal", async () => {
    assert.equal(await readName(port, hostname), "s");
    return (await running.listener("web")).servers[1]?.health === "Abnormal";
  });
  await using _back = nameServer("g", { hostname, port: goes.port });
  await until("it is back", async () => (await running.listener("web")).servers[1]?.health === "Healthy", 40);
  const [full, small = NaN] = await weights(running);
  assert.ok(full === 10 && small >= 1 && small < 5, `its weight is ${small}`);
  await assertShare(running, 1, { name: "g", count: 110, at });
  const metrics = String((await running.admin("/metrics")).body);
  assert.match(metrics, new RegExp(`^weir_server_effective_weight\\{[^}]*:${goes.port}"\\} [1-4](\\.\\d+)?$`, "m"));
  assert.match(metrics, new RegExp(`^weir_server_weight\\{[^}]*:${goes.port}"\\} 10$`, "m"));
  const status = await weir(["status", "--admin", `127.0.0.1:${running.adminPort}`]);
  assert.match(status.stdout, new RegExp(`:${goes.port} +[1-4]\\.\\d/10 `));

  // In place: the time has long gone by that it is given now.
  assert.equal((await running.reload(config(1))).status, 200);
  await until("it has its full weight", async () => (await weights(running))[1] === 10);
  await assertShare(running, 1, { name: "g", count: 40, at });
  assert.equal(await share("g", 20, at), 10);
});

familyTest(
  "a server that a reload adds starts small, and goes on from there after the next reloads",
  async (hostname) => {
    await using first = nameServer("f", { hostname });
    await using added = nameServer("a", { hostname });
    await using late = nameServer("l", { hostname });
    let port = freePort(hostname);
    const config = (servers: readonly { readonly port: number }[], settings: Settings = {}) => ({
      listeners: [
        listener(
          port,
          backends(servers.map((server) => ({ address: hostname, port: server.port })), {
            slowStart: SLOW,
            ...settings,
          }),
          { address: hostname },
        ),
      ],
    });
    await using running = await RunningWeir.start(config([first]));
    assert.deepEqual(await weights(running), [10]);
    assert.equal((await running.reload(config([first, added]))).status, 200);
    const [full, small = NaN] = await weights(running);
    assert.ok(full === 10 && small >= 1 && small < 5, `its weight is ${small}`);
    await assertShare(running, 1, { name: "a", count: 110, at: [hostname, port] });

    const rising = await until("its weight rises", async () => {
      const [, weight = 0] = await weights(running);
      return weight > small && weight;
    });
    assert.equal((await running.reload(config([first, added], { algorithm: "wlc" }))).status, 200);
    const [, kept = 0] = await weights(running);
    assert.ok(kept >= rising, "another reload starts nothing over");

    // A replaced listener goes on with the same board; who joins with it is new.
    port = freePort(hostname);
    assert.equal((await running.reload(config([first, added, late]))).status, 200);
    const [same, going = 0, newest = 0] = await weights(running);
    assert.ok(
      same === 10 && going >= kept && newest >= 1 && newest <= going && newest < 5,
      `${same}, ${going}, ${newest}`,
    );
    await assertShare(running, 2, { name: "l", count: 120, at: [hostname, port] });

    assert.equal((await running.reload(config([first, added, late], { slowStart: 0 }))).status, 200);
    assert.deepEqual(await weights(running), [10, 10, 10]);
    assert.equal((await running.reload(config([added], {}))).status, 200);
    assert.equal(await share("a", 5, [hostname, port]), 5, "one that is alone gets everything");
  },
);
