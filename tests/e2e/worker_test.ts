/** Listeners and the threads they run in. @module */

import assert from "node:assert/strict";
import { backends, listener } from "../support/configs.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { nameServer, readName } from "../support/servers.ts";

/** Starts `count` listeners and counts the workers that they run in, once all of them have served. */
async function workersFor(count: number, settings: Record<string, unknown>): Promise<unknown> {
  await using server = nameServer("served");
  const ports = Array.from({ length: count }, () => freePort());
  const listeners = ports.map((port, index) =>
    listener(port, backends([server.port]), { name: `number-${index + 1}` })
  );
  await using running = await RunningWeir.start({ ...settings, listeners });
  assert.deepEqual(await Promise.all(ports.map((port) => readName(port))), ports.map(() => "served"));
  const { body } = await running.admin("/v1/listeners");
  for (const one of (body as { listeners: { state: string; connectionsTotal: number }[] }).listeners) {
    assert.deepEqual([one.state, one.connectionsTotal], ["accepting", 1]);
  }
  return ((await running.admin("/v1/status")).body as { workers: unknown }).workers;
}

Deno.test("each listener has a worker of its own as long as there are enough", async () => {
  assert.deepEqual(await workersFor(3, {}), { running: 3, restarts: 0, draining: 0 });
});

Deno.test("40 listeners with maxWorkers 4 run in four workers, and all of them serve", async () => {
  assert.deepEqual(await workersFor(40, { maxWorkers: 4 }), { running: 4, restarts: 0, draining: 0 });
});
