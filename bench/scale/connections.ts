/**
 * How the cost of a request, and memory, grow with the number of connections that are open. Beside HAProxy and nginx, as
 * more connections at once are more work for everybody.
 *
 * @module
 */

import { layGround } from "../ground.ts";
import { holdConnections } from "../load/run_client.ts";
import { wrk } from "../load/wrk.ts";
import { lookAround } from "../prerequisites.ts";
import { cpuSeconds, residentBytes } from "../process_tree.ts";
import { shortNumber, spread } from "../statistics.ts";
import { markdownTable } from "../tables.ts";

const COUNTS = [10, 100, 1000, 4000, 10_000];

/** Connections that HAProxy is configured to take at most, less some. */
const MOST = 9400;

/** It takes a moment until many connections are open. */
const secondsFor = (connections: number) => 1 + Math.ceil(connections / 1500);

/** A table. Needs wrk and nginx. @throws {Error} when connections cannot be held */
export async function connectionScale(rounds: number): Promise<string> {
  const { contenders, fatal, idle } = await lookAround(MOST);
  if (fatal !== null) return fatal;
  await using ground = await layGround();
  await using running = new AsyncDisposableStack();
  const proxies = [];
  for (const { program, start } of contenders) {
    const proxy = await start(ground, { features: "off" });
    running.defer(() => proxy.stop());
    proxies.push({ program, proxy, costs: new Map<number, number[]>() });
  }
  const counts = COUNTS.map((count) => Math.min(count, idle));
  /** Whatever a cell says, requests that failed stand beside it. */
  const failures = new Map<string, number>();
  for (let round = -1; round < rounds; round++) {
    for (const count of counts) {
      for (const { program, proxy, costs } of proxies) {
        const url = `http://127.0.0.1:${proxy.ports.tcp?.web}/small`;
        const before = cpuSeconds(proxy.pid);
        const load = await wrk(url, { seconds: secondsFor(count), connections: count });
        if (round < 0) continue;
        const failed = load.requests === 0 ? Math.max(1, load.errors) : load.errors;
        failures.set(`${program}/${count}`, (failures.get(`${program}/${count}`) ?? 0) + failed);
        costs.set(count, [...costs.get(count) ?? [], (cpuSeconds(proxy.pid) - before) * 1e6 / load.requests]);
      }
    }
  }
  const rows = [];
  for (const count of counts) {
    const cells = proxies.map(({ program, costs }) => {
      const failed = failures.get(`${program}/${count}`) ?? 0;
      const { median = NaN, lowest = NaN, highest = NaN } = spread(costs.get(count) ?? []) ?? {};
      const note = failed === 0 ? "" : ` **${failed} failed**`;
      return `${shortNumber(median)} us (${shortNumber(lowest)}-${shortNumber(highest)})${note}`;
    });
    rows.push([count.toLocaleString("en"), ...cells, await memoryOf(count)]);
  }
  return markdownTable(
    ["connections", ...proxies.map(({ program }) => `${program}, a request`), "Weir's memory"],
    rows,
  );

  /** Of a Weir that holds them and was started for it. */
  async function memoryOf(count: number): Promise<string> {
    const weir = contenders.find(({ program }) => program === "weir");
    if (weir === undefined) return "";
    const proxy = await weir.start(ground, { features: "off" });
    try {
      const task = { port: proxy.ports.tcp?.web ?? 0, tls: "none", folder: ground.folder } as const;
      await using holder = await holdConnections({ ...task, connections: count });
      if (holder.opened.errors > 0) throw new Error(`${holder.opened.errors} connections failed`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return `${Math.round(residentBytes(proxy.pid) / 1e6)} MB`;
    } finally {
      await proxy.stop();
    }
  }
}
