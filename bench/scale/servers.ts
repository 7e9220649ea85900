/**
 * How things grow with the number of servers in a group: the start, reloads, memory, a pick, and a whole connection.
 *
 * @module
 */

import type { Algorithm } from "../../src/config/model.ts";
import { freePort } from "../../tests/support/ports.ts";
import { RunningWeir } from "../../tests/support/program.ts";
import { boardPool } from "../board_pool.ts";
import { startBackend } from "../ground.ts";
import { wrk } from "../load/wrk.ts";
import { cpuSeconds } from "../process_tree.ts";
import { shortNumber, spread } from "../statistics.ts";
import { markdownTable } from "../tables.ts";
import { costCells, medianCosts, type Versions } from "./costs.ts";

const COUNTS = [10, 1000, 5000];
const ALGORITHMS: readonly Algorithm[] = ["wrr", "wlc", "source-hash"];

/** Addresses of the loopback network, on all of which one back end listens. */
function servers(count: number, port: number, firstWeight = 10): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, index) => ({
    address: `127.1.${index >> 7}.${(index & 127) + 1}`,
    port,
    ...(index === 0 ? { weight: firstWeight } : {}),
  }));
}

function config(list: readonly unknown[], algorithm: Algorithm, port: number): Record<string, unknown> {
  const backends = { algorithm, healthCheck: { enabled: false }, servers: list };
  return {
    log: { level: "error" },
    listeners: [{ name: "web", protocol: "TCP", address: "127.0.0.1", port, backends }],
  };
}

/** A table of what a group costs that nobody uses. */
export async function serverScale(rounds: number): Promise<string> {
  const rows: string[][] = [];
  const versions = (count: number): Versions => {
    const port = freePort();
    const version = (list: readonly unknown[]) => config(list, "wrr", port);
    return [
      { what: "start", config: version(servers(count, 9)) },
      { what: "nothing changed", config: version(servers(count, 9)) },
      { what: "one weight changed", config: version(servers(count, 9, 20)) },
      { what: "one server fewer", config: version(servers(count, 9, 20).slice(0, -1)) },
    ];
  };
  for (const count of COUNTS) {
    rows.push([count.toLocaleString("en"), ...costCells(await medianCosts(versions(count), rounds))]);
  }
  const reloads = versions(10).slice(1).map(({ what }) => `reload, ${what}`);
  return markdownTable(["servers", "start, CPU / time", ...reloads, "memory"], rows);
}

/** Picks in one batch, and batches of which the best counts: whatever else runs makes a batch slower only. */
const PICKS = 500;
const BATCHES = 20;

/** A table of what a pick costs, with its claim and giving it back, half of the servers having a connection. */
export function pickScale(): string {
  const cell = (count: number, algorithm: Algorithm, shared: boolean) => {
    const pool = boardPool(count, shared, algorithm);
    for (let held = 0; held < count / 2; held++) pool.acquire(`192.0.2.${held & 255}`);
    let best = Infinity;
    for (let batch = 0; batch < BATCHES; batch++) {
      const startedAt = performance.now();
      for (let pick = 0; pick < PICKS; pick++) pool.acquire("192.0.2.7")?.[Symbol.dispose]();
      best = Math.min(best, (performance.now() - startedAt) / PICKS * 1000);
    }
    return `${best.toFixed(2)} us`;
  };
  const rows = ALGORITHMS.flatMap((algorithm) =>
    [false, true].map((shared) => [
      algorithm,
      shared ? "several" : "one",
      ...COUNTS.map((count) => cell(count, algorithm, shared)),
    ])
  );
  return markdownTable(
    ["algorithm", "threads", ...COUNTS.map((count) => `${count.toLocaleString("en")} servers`)],
    rows,
  );
}

/** A table of what a new connection costs, over all the servers of a group. Needs wrk and nginx. */
export async function connectionsToServers(rounds: number): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "weir-bench-" });
  await Deno.chmod(folder, 0o755);
  const backend = await startBackend(folder, "0.0.0.0");
  try {
    const cells = new Map<string, number[]>();
    await using running = new AsyncDisposableStack();
    const all = [];
    for (const count of COUNTS) {
      for (const algorithm of ALGORITHMS) {
        const port = freePort();
        const weir = await RunningWeir.start(config(servers(count, backend.port), algorithm, port));
        all.push({ key: `${algorithm}/${count}`, weir: running.use(weir), port });
      }
    }
    for (let round = -1; round < rounds; round++) {
      for (const { key, weir, port } of all) {
        const before = cpuSeconds(weir.pid);
        const load = await wrk(`http://127.0.0.1:${port}/small`, { seconds: 1, connections: 16, close: true });
        if (load.errors > 0 || load.requests === 0) throw new Error(`${key}: ${load.errors} requests failed`);
        if (round < 0) continue;
        cells.set(key, [...cells.get(key) ?? [], (cpuSeconds(weir.pid) - before) * 1e6 / load.requests]);
      }
    }
    const cell = (key: string) => {
      const { median = NaN, lowest = NaN, highest = NaN } = spread(cells.get(key) ?? []) ?? {};
      return `${shortNumber(median)} us (${shortNumber(lowest)}-${shortNumber(highest)})`;
    };
    const rows = ALGORITHMS.map((algorithm) => [algorithm, ...COUNTS.map((count) => cell(`${algorithm}/${count}`))]);
    return markdownTable(["new connection", ...COUNTS.map((count) => `${count.toLocaleString("en")} servers`)], rows);
  } finally {
    await backend.stop();
    await Deno.remove(folder, { recursive: true });
  }
}
