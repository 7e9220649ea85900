/**
 * A worker thread that the system does not let go on: strace holds it where it waits for its sockets, as a machine does
 * that has no turn for it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { findProgram } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";
import { SupervisorBench, tcp } from "./bench.ts";

/**
 * A thread may accept until its next heartbeat would be due. Those of the last third of its silence come after that,
 * however slow the machine is.
 */
const LATE_SHARE = 1 / 3;

const WAITS = "epoll_wait,epoll_pwait,epoll_pwait2";

/** The ids of the worker threads of this process. */
function workerThreads(): string[] {
  return [...Deno.readDirSync("/proc/self/task")].map(({ name }) => name).filter((task) => {
    try {
      return Deno.readTextFileSync(`/proc/self/task/${task}/comm`).startsWith("worker-");
    } catch {
      return false; // it has ended
    }
  });
}

const canTrace = Deno.build.os === "linux" && Deno.uid() === 0 && findProgram("strace") !== undefined;

Deno.test({
  name: "of the clients that wait while a thread stalls and is replaced, it takes one with it at most" +
    (canTrace ? "" : " (skipped: needs root and strace)"),
  ignore: !canTrace,
  fn: async () => {
    await using server = nameServer("one");
    await using bench = new SupervisorBench();
    const plan = tcp("web", freePort(), [server.port]);
    const before = workerThreads();
    await bench.apply(plan);
    assert.equal(await readName(plan.port), "one");
    await bench.answers(bench.workers[0]); // a worker that has something to do may be silent for longer
    const [thread] = workerThreads().filter((task) => !before.includes(task));
    const strace = new Deno.Command("strace", {
      args: ["-qq", "-p", thread ?? "", "-e", `trace=${WAITS}`, "-e", `inject=${WAITS}:delay_enter=60000000`]
        .concat("-o", "/dev/null"),
      stdin: "null",
    }).spawn();
    const clients: { readonly begunAt: number; readonly isServed: Promise<boolean> }[] = [];
    let replacedAt = 0;
    try {
      await until("it is replaced", () => {
        replacedAt = performance.now();
        if (bench.supervisor.workers.restarts === 1) return true;
        const isServed = readName(plan.port).then((name) => name === "one", () => false);
        clients.push({ begunAt: replacedAt, isServed });
      });
    } finally {
      strace.kill("SIGINT");
      await strace.status;
    }
    const [, seconds] = /^Worker 1 died: no sign of life for (\S+) s/m.exec(bench.logged.join("\n")) ?? [];
    const lateFrom = replacedAt - Number(seconds) * 1000 * LATE_SHARE;
    const late = clients.filter(({ begunAt }) => begunAt > lateFrom);
    assert.ok(late.length > 0, `of ${clients.length} none came while it stood still, for ${seconds} s`);
    const served = (await Promise.all(late.map(({ isServed }) => isServed))).filter(Boolean).length;
    assert.ok(served >= late.length - 1, `${served} of ${late.length} were served`);
    assert.deepEqual([...bench.supervisor.deaths], [["error", 0], ["hung", 1]]);
    await Promise.all(clients.map(({ isServed }) => isServed));
  },
});
