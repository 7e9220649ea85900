/** What the runtime of a worker is told. @module */

import assert from "node:assert/strict";
import { EVENTS_AT_ONCE } from "../../src/control/events_at_once.ts";
import { backends, listener } from "../support/configs.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { echoServer } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** epoll_wait and epoll_pwait, by their numbers on x86-64, and the latter's on arm64. */
const EPOLL_WAITS = new Set(Deno.build.arch === "x86_64" ? ["232", "281"] : ["22"]);

/** How many events each thread of a process would take that waits for some. */
async function eventsAsked(pid: number): Promise<{ readonly thread: string; readonly events: number }[]> {
  const asked = [];
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const [call = "", , , most] = (await Deno.readTextFile(`/proc/${pid}/task/${name}/syscall`)).split(" ");
    const thread = (await Deno.readTextFile(`/proc/${pid}/task/${name}/comm`)).trim();
    if (EPOLL_WAITS.has(call)) asked.push({ thread, events: Number(most) });
  }
  return asked;
}

Deno.test({
  name: "a worker's runtime looks at a few sockets at a time",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using server = echoServer();
    await using running = await RunningWeir.start({
      listeners: [listener(freePort(), backends([server.port]), { workers: 2 })],
    });
    await until("both workers wait for events, a few at a time", async () => {
      const workers = (await eventsAsked(running.pid)).filter(({ thread }) => thread.startsWith("worker-"));
      assert.ok(workers.every(({ events }) => events === EVENTS_AT_ONCE), JSON.stringify(workers));
      return workers.length === 2;
    });
  },
});
