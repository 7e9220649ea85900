/**
 * What the access log costs: Weir with it and Weir without it, in turn, round after round. CPU time of the whole
 * process for a unit of work, its main thread, which writes the lines, included.
 *
 * `deno run --allow-all bench/access_log.ts` (nine rounds of four seconds), or with numbers: rounds and seconds.
 *
 * @module
 */

import { print } from "../src/cli/output.ts";
import { selfSigned } from "../src/demo/self_signed.ts";
import { until } from "../tests/support/wait.ts";
import { cpuSeconds, median, wrk } from "./measure.ts";
import { type Proxy, startBackend, startWeir } from "./proxies.ts";

interface Work {
  readonly name: string;
  readonly tls: boolean;
  readonly connections: number;
  readonly close: boolean;
}

const WORKS: readonly Work[] = [
  { name: "TCP new connection", tls: false, connections: 16, close: true },
  { name: "TCP keep-alive request", tls: false, connections: 32, close: false },
  { name: "TLS new connection", tls: true, connections: 16, close: true },
  { name: "TLS keep-alive request", tls: true, connections: 32, close: false },
];

const LOGS = {
  off: { access: "off" },
  file: { access: "on", accessFile: "access.log" },
} as const;

/** Microseconds of CPU time for one request. */
async function cost(proxy: Proxy, { tls, connections, close }: Work, seconds: number): Promise<number> {
  const url = `${tls ? "https" : "http"}://127.0.0.1:${tls ? proxy.tlsPort : proxy.tcpPort}/small`;
  const before = cpuSeconds(proxy.pid);
  const { requests, errors } = await wrk(url, { seconds, connections, close });
  if (errors > 0) throw new Error(`${errors} requests to ${proxy.name} failed`);
  return (cpuSeconds(proxy.pid) - before) * 1e6 / requests;
}

async function answers(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

const [rounds = 9, seconds = 4] = Deno.args.map(Number);
const folder = await Deno.makeTempDir({ prefix: "weir-bench-" });
await Deno.chmod(folder, 0o755);
const backend = await startBackend(folder);
const now = Date.now();
const { certPem, keyPem } = await selfSigned({
  name: "bench",
  hosts: ["127.0.0.1"],
  notBefore: new Date(now - 3600_000),
  notAfter: new Date(now + 24 * 3600_000),
});
const proxies = new Map<keyof typeof LOGS, Proxy>();
try {
  for (const [name, log] of Object.entries(LOGS) as [keyof typeof LOGS, object][]) {
    const own = `${folder}/${name}`;
    await Deno.mkdir(own);
    await Deno.writeTextFile(`${own}/cert.pem`, certPem);
    await Deno.writeTextFile(`${own}/key.pem`, keyPem, { mode: 0o600 });
    const ground = { folder: own, backendPort: backend.port, pem: "" };
    const proxy = await startWeir(ground, { log });
    proxies.set(name, proxy);
    await until(`${name} listens`, async () => await answers(proxy.tcpPort) && await answers(proxy.tlsPort));
  }
  print("| work | access log off | in a file | ratio |\n| --- | --- | --- | --- |");
  for (const work of WORKS) {
    const costs: Record<keyof typeof LOGS, number[]> = { off: [], file: [] };
    for (let round = -1; round < rounds; round++) {
      // Each goes first as often as the other.
      for (const name of round % 2 === 0 ? ["off", "file"] as const : ["file", "off"] as const) {
        const proxy = proxies.get(name);
        if (proxy === undefined) throw new Error(`"${name}" does not run`);
        const microseconds = await cost(proxy, work, round < 0 ? 1 : seconds);
        if (round >= 0) costs[name].push(microseconds); // the round before the first warms up
      }
    }
    const ratios = costs.file.map((value, index) => value / (costs.off[index] ?? NaN));
    const shown = (values: readonly number[], digits: number) =>
      `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}-${
        Math.max(...values).toFixed(digits)
      })`;
    print(`| ${work.name} | ${shown(costs.off, 1)} us | ${shown(costs.file, 1)} us | ${shown(ratios, 3)} |`);
  }
} finally {
  await Promise.all([...proxies.values()].map((proxy) => proxy.stop()));
  await backend.stop();
  await Deno.remove(folder, { recursive: true });
}
