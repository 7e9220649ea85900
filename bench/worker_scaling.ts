/**
 * What a second worker thread brings where processors are to be had: throughput of `workers: 2` over `workers: 1`, in
 * turn. A machine with two processors has none to spare beside the load generator and the back end, so every worker
 * thread is held to a fifth of one (by the kernel's bandwidth control); then the processors are idle most of the time,
 * and a second thread finds a fifth of its own. It shows what the threads have in common and wait for, not what caches
 * and memory of a larger machine do.
 *
 * `deno run -A bench/worker_scaling.ts [rounds]`, as root, on Linux with the cgroup v1 controller `cpu`
 *
 * @module
 */

import { print } from "../src/cli/output.ts";
import { layGround } from "./ground.ts";
import { wrk, type WrkOptions } from "./load/wrk.ts";
import { workerThreadSeconds } from "./process_tree.ts";
import type { Proxy } from "./proxies/proxy.ts";
import { findWeir } from "./proxies/weir.ts";
import { median } from "./statistics.ts";
import type { Front } from "./works.ts";

/** Microseconds of a period, and those of it that a thread may run. */
const [PERIOD, QUOTA] = [10_000, 2_000];

const CONTROLLER = "/sys/fs/cgroup/cpu";
const SECONDS = 4;

const WORKS: readonly { readonly title: string; readonly front: Front; readonly load: Partial<WrkOptions> }[] = [
  { title: "TCP, requests, kept open", front: "tcp", load: {} },
  { title: "TCP, new connection each", front: "tcp", load: { close: true } },
  { title: "TLS, requests, kept open", front: "tls", load: {} },
  { title: "TLS, new connection each, resumed", front: "tls", load: { close: true } },
];

/** Holds every worker thread of a process to its quota, each by itself, until it is disposed. */
function throttle(pid: number): Disposable {
  const groups = [...workerThreadSeconds(pid).keys()].map((thread) => {
    const group = `${CONTROLLER}/weir-bench-${thread}`;
    Deno.mkdirSync(group);
    Deno.writeTextFileSync(`${group}/cpu.cfs_period_us`, `${PERIOD}`);
    Deno.writeTextFileSync(`${group}/cpu.cfs_quota_us`, `${QUOTA}`);
    Deno.writeTextFileSync(`${group}/tasks`, thread);
    return { group, thread };
  });
  return {
    [Symbol.dispose]: () => {
      for (const { group, thread } of groups) {
        Deno.writeTextFileSync(`${CONTROLLER}/tasks`, thread);
        Deno.removeSync(group);
      }
    },
  };
}

async function requestsPerSecond({ ports }: Proxy, front: Front, load: Partial<WrkOptions>): Promise<number> {
  const url = `${front === "tcp" ? "http" : "https"}://127.0.0.1:${ports[front]?.web}/small`;
  const { requests, errors } = await wrk(url, { seconds: SECONDS, connections: 64, ...load });
  if (errors > 0) throw new Error(`${errors} requests failed`);
  return requests / SECONDS;
}

const rounds = Number(Deno.args[0] ?? 5);
const weir = await findWeir();
await using ground = await layGround();
await using stack = new AsyncDisposableStack();
const proxies: Proxy[] = [];
for (const threads of [1, 2]) {
  const proxy = await weir.start(ground, { features: "off", threads });
  stack.defer(() => proxy.stop());
  stack.use(throttle(proxy.pid));
  proxies.push(proxy);
}
const percent = 100 * QUOTA / PERIOD;
print(`Each worker thread is held to ${percent} % of a processor; medians of ${rounds} rounds of ${SECONDS} s each`);
for (const { title, front, load } of WORKS) {
  const found = proxies.map((): number[] => []);
  for (let round = -1; round < rounds; round++) {
    for (const [place, proxy] of proxies.entries()) {
      const rate = await requestsPerSecond(proxy, front, load);
      if (round >= 0) found[place]?.push(rate);
    }
  }
  const [one = 0, two = 0] = found.map(median);
  print(`${title}: ${one.toFixed(0)} a second with one, ${two.toFixed(0)} with two: ${(two / one).toFixed(2)}x`);
}
