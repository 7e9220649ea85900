/** A load balancer that is set up, changed and taken down through the admin API alone, while clients use it. */

import assert from "node:assert/strict";
import { assertEchoes, assertRefused, connect } from "../support/echo.ts";
import { peerTest } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { startNginx } from "../support/processes.ts";
import { RunningWeir } from "../support/program.ts";
import { echoServer, nameServer, readName } from "../support/servers.ts";
import { wrkWithoutErrors } from "../support/wrk.ts";

// deno-lint-ignore no-explicit-any -- tests look at parts of it that they know
async function call(running: RunningWeir, method: string, path: string, sent?: unknown): Promise<any> {
  const { status, body } = await running.admin(path, {
    method,
    headers: { "content-type": "application/json" },
    ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
  });
  assert.ok(status < 300, `${method} ${path}: ${status} ${JSON.stringify(body)}`);
  return body;
}

async function namesOf(port: number, count: number): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  for (let client = 0; client < count; client++) {
    const name = await readName(port);
    seen[name] = (seen[name] ?? 0) + 1;
  }
  return seen;
}

Deno.test("from an empty file: a group, servers and a listener by the API, saved; a restart serves them", async () => {
  await using a = nameServer("a");
  await using b = nameServer("b");
  const port = freePort();
  await using running = await RunningWeir.start({});
  const healthCheck = { enabled: false };
  const local = { address: "127.0.0.1" };
  await call(running, "POST", "/v1/backend-groups?persist=true", { name: "web", healthCheck });
  await call(running, "POST", "/v1/listeners?persist=true", {
    name: "web",
    protocol: "TCP",
    port,
    backendGroup: "web",
  });
  const servers = "/v1/backend-groups/web/servers";
  await call(running, "POST", `${servers}?persist=true`, [{ ...local, port: a.port, weight: 1 }, {
    ...local,
    port: b.port,
    weight: 1,
  }]);
  assert.deepEqual(await namesOf(port, 8), { a: 4, b: 4 });
  await call(running, "PATCH", `${servers}/127.0.0.1:${a.port}?persist=true`, { weight: 3 });
  assert.deepEqual(await namesOf(port, 8), { a: 6, b: 2 });
  await call(running, "DELETE", `${servers}/127.0.0.1:${b.port}?persist=true`);
  assert.deepEqual(await namesOf(port, 4), { a: 4 });

  const before = await call(running, "GET", "/v1/config");
  const reload = await call(running, "POST", "/v1/reload");
  assert.deepEqual([reload.changes, reload.general, reload.warnings], [[], [], []]);
  await running.restart();
  assert.deepEqual(await call(running, "GET", "/v1/config"), before);
  assert.deepEqual(await namesOf(port, 4), { a: 4 });
  await call(running, "DELETE", "/v1/listeners/web?persist=true");
  await call(running, "DELETE", "/v1/backend-groups/web?persist=true");
  await assertRefused(port);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(running.file)).listeners, []);
});

Deno.test("what is not saved serves until the next reload; established connections of a listener that goes may end", async () => {
  await using server = echoServer();
  const [port, other] = [freePort(), freePort()];
  await using running = await RunningWeir.start({ shutdown: { drainTimeout: 30 } });
  const backends = { healthCheck: { enabled: false }, servers: [{ address: "127.0.0.1", port: server.port }] };
  await call(running, "PUT", "/v1/listeners/edge", { protocol: "TCP", port, backends });
  using connection = await connect(port);
  await assertEchoes(connection, "here");
  const { settings } = await call(running, "GET", "/v1/listeners/edge");
  await call(running, "PUT", "/v1/listeners/edge", { ...settings, idleTimeout: 60, description: "in place" });
  await assertEchoes(connection, "still here");
  await call(running, "PUT", "/v1/listeners/edge", { ...settings, port: other });
  await assertEchoes(connection, "here while it is replaced");
  using second = await connect(other);
  await assertEchoes(second, "there");
  assert.deepEqual((await call(running, "GET", "/v1/status")).unsaved, ["listeners.edge"]);
  const reload = await call(running, "POST", "/v1/reload");
  assert.deepEqual(reload.changes.map(({ action }: { action: string }) => action), ["stop"]);
  assert.equal(reload.warnings.at(-1).path, "listeners.edge");
  await assertRefused(other);
  await assertEchoes(second, "to the end");
});

peerTest("changes by the API under wrk, saved and not: no failed request", ["wrk", "nginx"], async (paths) => {
  await using server = await startNginx(paths.nginx, "ok");
  const port = freePort();
  const main = { address: "127.0.0.1", port: server.port };
  await using running = await RunningWeir.start({
    backendGroups: { web: { servers: [main], healthCheck: { enabled: false } } },
    listeners: [{ name: "web", protocol: "TCP", port, backendGroup: "web" }],
  });
  let isOver = false;
  const load = wrkWithoutErrors(paths.wrk, ["-t1", "-c10", "-d12s", `http://127.0.0.1:${port}/`])
    .finally(() => isOver = true);
  load.catch(() => {});
  let rounds = 0;
  for (let round = 0; !isOver && round < 20; round++) {
    const persist = `?persist=${round % 2 === 0}`;
    const side = freePort();
    await call(running, "PUT", `/v1/listeners/side${persist}`, { protocol: "TCP", port: side, backendGroup: "web" });
    await call(running, "POST", `/v1/backend-groups/web/servers${persist}`, { ...main, address: "localhost" });
    await call(running, "PUT", `/v1/backend-groups/web/servers/127.0.0.1:${server.port}${persist}`, {
      ...main,
      weight: 1 + round,
    });
    await call(running, "DELETE", `/v1/backend-groups/web/servers/localhost:${server.port}${persist}`);
    await call(running, "DELETE", `/v1/listeners/side${persist}`);
    if (!isOver) rounds++;
  }
  await load;
  assert.ok(rounds > 0, "changes were under load");
  const { restarts } = (await call(running, "GET", "/v1/status")).workers;
  assert.equal(restarts, 0);
});
