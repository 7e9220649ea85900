/** Reloads under load: no client notices, no worker dies, no memory is lost. @module */

import assert from "node:assert/strict";
import { backends, listener } from "../support/configs.ts";
import { peerTest } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { startNginx } from "../support/processes.ts";
import { RunningWeir } from "../support/program.ts";
import { wrkDuring } from "../support/wrk.ts";

const RELOADS = 200;
/** Where the machine is quick enough. */
const SECONDS = 20;
const CLIENTS = 20;

interface Status {
  readonly workers: { readonly running: number; readonly restarts: number; readonly draining: number };
  readonly memory: { readonly rss: number };
}

peerTest(
  "200 reloads in 20 seconds under wrk: no failed request, no new worker, flat memory",
  ["wrk", "nginx"],
  async (paths) => {
    await using first = await startNginx(paths.nginx, "first");
    await using second = await startNginx(paths.nginx, "second");
    const port = freePort();
    // Weights go to and fro, and every second round takes the second server out.
    const config = (round: number) => ({
      listeners: [listener(
        port,
        backends([
          { port: first.port, weight: 1 + round % 5 },
          ...(round % 2 === 0 ? [{ port: second.port, weight: 3 }] : []),
        ]),
      )],
    });
    await using running = await RunningWeir.start(config(0));
    const status = async () => (await running.admin("/v1/status")).body as Status;

    let warm: Status | undefined;
    let half: Status | undefined;
    await wrkDuring(paths.wrk, ["-t1", `-c${CLIENTS}`, `http://127.0.0.1:${port}/`], async () => {
      const startedAt = performance.now();
      for (let round = 1; round <= RELOADS; round++) {
        const wait = startedAt + round * SECONDS * 1000 / RELOADS - performance.now();
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        const { status: code, body } = await running.reload(config(round));
        assert.equal(code, 200, JSON.stringify(body));
        if (round === RELOADS / 5) warm = await status();
        if (round === RELOADS / 2) half = await status();
      }
    });

    const end = await status();
    assert.deepEqual(end.workers, { running: 1, restarts: 0, draining: 0 });
    assert.deepEqual(end.workers, warm?.workers);
    const growth = end.memory.rss / (half?.memory.rss ?? 0);
    assert.ok(growth < 1.25, `memory grew to ${growth} times what it was after ${RELOADS / 2} reloads`);
    const { connectionsEnded, servers } = await running.listener("web");
    // In the end wrk hangs up in the middle of an answer, each of its connections once.
    assert.ok((connectionsEnded["reset"] ?? 0) <= CLIENTS, `${connectionsEnded["reset"]} resets`);
    for (const reason of ["connect_failed", "no_server", "internal_error", "idle_timeout", "drain"]) {
      assert.equal(connectionsEnded[reason] ?? 0, 0, reason);
    }
    assert.ok(servers.every((server) => server.connectionsTotal > 0));
  },
);
