/**
 * What the access log costs: one Weir under steady load, in which a reload switches the log on and off in turn. CPU
 * time of the whole process for a unit of work, its main thread, which writes the lines, included. One process and short
 * slices, because what else runs on a machine changes more from one moment to the next than the log costs.
 *
 * `deno run --allow-all bench/access_log.ts` (30 pairs of slices of one second for each work), or with numbers: pairs
 * and seconds.
 *
 * @module
 */

import { print } from "../src/cli/output.ts";
import { freePort } from "../tests/support/ports.ts";
import { RunningWeir } from "../tests/support/program.ts";
import { CERTIFICATE_STORE, certificateFiles, overTls, testCertificate } from "../tests/support/certificates.ts";
import { until } from "../tests/support/wait.ts";
import { startBackend } from "./ground.ts";
import { wrk } from "./load/wrk.ts";
import { cpuSeconds } from "./process_tree.ts";
import { median } from "./statistics.ts";

interface Work {
  readonly name: string;
  readonly listener: "tcp" | "tls";
  readonly connections: number;
  readonly close: boolean;
}

const WORKS: readonly Work[] = [
  { name: "TCP new connection", listener: "tcp", connections: 16, close: true },
  { name: "TCP keep-alive request", listener: "tcp", connections: 32, close: false },
  { name: "TLS new connection", listener: "tls", connections: 16, close: true },
  { name: "TLS keep-alive request", listener: "tls", connections: 32, close: false },
];

const [pairs = 30, seconds = 1] = Deno.args.map(Number);
const folder = await Deno.makeTempDir({ prefix: "weir-bench-" });
await Deno.chmod(folder, 0o755);
const backend = await startBackend(folder);
const ports = { tcp: freePort(), tls: freePort() };

function config(access: "off" | "on") {
  const listener = {
    address: "127.0.0.1",
    backends: { servers: [{ address: "127.0.0.1", port: backend.port }], healthCheck: { enabled: false } },
  };
  return {
    log: { level: "warn", access, ...(access === "on" ? { accessFile: "access.log" } : {}) },
    certificates: CERTIFICATE_STORE,
    watchCertificates: false,
    listeners: [
      { ...listener, name: "tcp", protocol: "TCP", port: ports.tcp },
      { ...listener, name: "tls", port: ports.tls, ...overTls() },
    ],
  };
}

const weir = await RunningWeir.start(config("off"), { files: certificateFiles(await testCertificate()) });

/** Microseconds of CPU time for each byte that goes to clients, during one slice. */
async function costPerByte(work: Work, access: "off" | "on"): Promise<number> {
  const { status, body } = await weir.reload(config(access));
  if (status !== 200) throw new Error(`The reload was refused: ${JSON.stringify(body)}`);
  const before = { bytes: (await weir.listener(work.listener)).bytesOut, cpu: cpuSeconds(weir.pid) };
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const cpu = cpuSeconds(weir.pid) - before.cpu;
  return cpu * 1e6 / ((await weir.listener(work.listener)).bytesOut - before.bytes);
}

async function run(work: Work): Promise<void> {
  const url = `${work.listener === "tls" ? "https" : "http"}://127.0.0.1:${ports[work.listener]}/small`;
  const lasting = Math.ceil((pairs + 2) * 2 * (seconds + 0.25));
  let isOver = false;
  const load = wrk(url, { seconds: lasting, connections: work.connections, close: work.close })
    .finally(() => isOver = true);
  const start = (await weir.listener(work.listener)).bytesOut;
  await until("it is under load", async () => (await weir.listener(work.listener)).bytesOut > start + 1e6);
  const costs = { off: [] as number[], on: [] as number[] };
  for (let pair = 0; pair < pairs; pair++) {
    // Each comes first as often as the other.
    for (const access of pair % 2 === 0 ? ["off", "on"] as const : ["on", "off"] as const) {
      costs[access].push(await costPerByte(work, access));
    }
  }
  if (isOver) throw new Error("The load was over before the last slice was");
  const { requests, errors } = await load;
  if (errors > 0) throw new Error(`${errors} requests failed`);
  const bytes = ((await weir.listener(work.listener)).bytesOut - start) / requests;
  const ratios = costs.on.map((cost, index) => cost / (costs.off[index] ?? NaN)).sort((a, b) => a - b);
  const quartile = (part: number) => (ratios[Math.floor(part * ratios.length)] ?? NaN).toFixed(3);
  const each = (values: readonly number[]) => `${(median(values) * bytes).toFixed(1)} us`;
  print(
    `| ${work.name} | ${each(costs.off)} | ${each(costs.on)} | ${median(ratios).toFixed(3)} | ${quartile(0.25)}-${
      quartile(0.75)
    } |`,
  );
}

try {
  print("| work | off | on | ratio | half of the ratios lie within |\n| --- | --- | --- | --- | --- |");
  for (const work of WORKS) await run(work);
} finally {
  await weir[Symbol.asyncDispose]();
  await backend.stop();
  await Deno.remove(folder, { recursive: true });
}
