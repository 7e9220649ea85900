/** Clients that have gone before they were accepted. @module */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { backends, listener } from "../support/configs.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const CLIENTS = 200;

/** Connects and resets at once. */
async function connectAndReset(port: number): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port });
  await once(socket, "connect");
  const closed = once(socket, "close");
  socket.resetAndDestroy();
  await closed;
}

Deno.test(`${CLIENTS} clients that reset while they wait to be accepted hold up nobody, and are no accept errors`, async () => {
  await using server = nameServer("served");
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  // While the program stands still, the kernel alone answers, and everybody waits in the queue.
  running.signal("SIGSTOP");
  const gone = Array.from({ length: CLIENTS }, () => connectAndReset(port));
  await Promise.all(gone);
  const honest = readName(port);
  const startedAt = performance.now();
  running.signal("SIGCONT");
  assert.equal(await honest, "served");
  const seconds = (performance.now() - startedAt) / 1000;
  // A pause of the accept loop after each of them would be 50 ms and more.
  assert.ok(seconds < 9, `the client after them was served after ${seconds} s`);
  const shown = await until("all that were accepted have ended", async () => {
    const { body } = await running.admin("/v1/listeners/web");
    const web = body as { readonly acceptErrors: number; readonly connectionsActive: number };
    return web.connectionsActive === 0 && web;
  });
  assert.equal(shown.acceptErrors, 0);
  assert.doesNotMatch(running.log, /cannot accept/);
});
