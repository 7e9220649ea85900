/** Health checks of a listener whose predecessor still has connections: one board, and nobody misled by the other. @module */

import assert from "node:assert/strict";
import type { HealthState } from "../../src/board/layout.ts";
import type { ListenerPlan } from "../../src/config/model.ts";
import { freePort } from "../support/ports.ts";
import { echoServer, nameServer, type TestServer, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";
import { healthPlan, poolPlan, serverPlan } from "../unit/plans.ts";
import { namesFrom, SupervisorBench, tcp } from "./bench.ts";

/** Servers that stop at once: whoever probes for a predecessor cannot be late for all of them. */
const GOING = 6;
const ROUND = GOING + 1;

function checked(port: number, servers: readonly number[]): ListenerPlan {
  const healthCheck = healthPlan({ interval: 0.3, timeout: 1, unhealthyThreshold: 2, healthyThreshold: 2 });
  const pool = poolPlan(servers.map((port) => serverPlan({ port, weight: 1 })), { healthCheck });
  return { ...tcp("web", port, []), pool };
}

Deno.test("supervisor takes servers that stop out of the rotation of a listener whose predecessor still drains", async () => {
  await using echo = echoServer();
  await using stays = nameServer("stays");
  await using cleanup = new AsyncDisposableStack();
  await using bench = new SupervisorBench({ drainTimeout: 60 });
  const going = Array.from({ length: GOING }, (_, index) => nameServer(`goes ${index}`));
  for (const server of going) cleanup.use(server);
  const [before, after] = [freePort(), freePort()];
  await bench.apply(checked(before, [echo.port]));
  using held = await Deno.connect({ port: before });
  await writeAll(held, new TextEncoder().encode("ping"));
  await held.read(new Uint8Array(10));

  const ports = [stays.port, ...going.map((server) => server.port)];
  await bench.apply(checked(before, ports));
  const counters = (port: number) => bench.supervisor.boards.server("web", `127.0.0.1:${port}`)?.read();
  const all = (wanted: HealthState) =>
    until(`those that go are ${wanted}`, () => going.every(({ port }) => counters(port)?.health === wanted));
  await all("Healthy");
  await bench.apply(checked(after, ports));
  assert.equal(bench.supervisor.draining, 1, "the predecessor has a connection");
  assert.equal(new Set(await namesFrom(after, ROUND)).size, ROUND, "all of them are in the rotation");

  await Promise.all(going.map((server) => server[Symbol.asyncDispose]()));
  await all("Abnormal");
  const failures = () => going.map(({ port }) => counters(port)?.connectFailures);
  const failed = failures();
  assert.deepEqual(await namesFrom(after, 2 * ROUND), new Array<string>(2 * ROUND).fill("stays"));
  assert.deepEqual(failures(), failed, "none of them is tried any more");

  const back = going.map(({ port }, index): TestServer => nameServer(`back ${index}`, { port }));
  for (const server of back) cleanup.use(server);
  await all("Healthy");
  assert.equal(new Set(await namesFrom(after, 2 * ROUND)).size, ROUND, "all of them are back");
  assert.equal(bench.supervisor.draining, 1, "and the predecessor is still there");
});
