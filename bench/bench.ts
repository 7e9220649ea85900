/**
 * Compares Weir with HAProxy and nginx `stream` where they are installed: the same back end, the same certificate, one
 * thread each, in turn, round after round. What counts is the CPU time of the proxy for a unit of work, as a ratio:
 * throughput on a shared machine says little.
 *
 * `deno task bench` (five rounds, or `--rounds=N`), `deno task bench --quick` (one round of a second each).
 *
 * @module
 */

import { print } from "../src/cli/output.ts";
import { issue } from "../tests/support/authority.ts";
import { findProgram } from "../tests/support/peers.ts";
import { until } from "../tests/support/wait.ts";
import { cpuSeconds, median, tlsLoad, wrk } from "./measure.ts";
import { type Ground, type Ports, type Proxy, startBackend, startHaproxy, startNginx, startWeir } from "./proxies.ts";

interface Work {
  readonly name: string;
  readonly unit: "us/request" | "us/connection" | "s/GB";
  readonly port: keyof Ports;
  readonly kind: "keep-alive" | "new" | "bulk";
  /** wrk, or a client with a certificate. */
  readonly load: "wrk" | "tls";
}

const KINDS = [
  { kind: "keep-alive", unit: "us/request", name: "keep-alive" },
  { kind: "new", unit: "us/connection", name: "new connection" },
  { kind: "bulk", unit: "s/GB", name: "bulk" },
] as const;

const CONNECTIONS = { "keep-alive": 32, new: 16, bulk: 4 } as const;

const works = (title: string, port: keyof Ports, load: Work["load"]): Work[] =>
  KINDS.map(({ kind, unit, name }) => ({ name: `${title} ${name}`, unit, port, kind, load }));

/** The client with a certificate runs against one-way TLS as well, to compare mutual authentication with. */
const WORKS: readonly Work[] = [
  ...works("TCP", "tcp", "wrk"),
  ...works("TLS", "tls", "wrk"),
  ...works("TLS, engine fast,", "fast", "wrk"),
  ...works("one-way TLS*", "tls", "tls"),
  ...works("mutual TLS*", "mutual", "tls"),
];

interface Sample {
  readonly cost: number;
  readonly perSecond: number;
  readonly errors: number;
  readonly p99: string;
}

async function measure(proxy: Proxy, { port, kind, load, unit }: Work, ground: Ground & { seconds: number }) {
  const { seconds, folder } = ground;
  // Only Weir has two engines; the others are compared by what they have.
  const at = proxy.ports[port] ?? proxy.ports.tls;
  const url = `${port === "tcp" ? "http" : "https"}://127.0.0.1:${at}${kind === "bulk" ? "/large" : "/small"}`;
  const connections = CONNECTIONS[kind];
  const before = cpuSeconds(proxy.pid);
  const done = load === "wrk"
    ? await wrk(url, { seconds, connections, close: kind === "new" })
    : await tlsLoad(at, { kind, seconds, connections, folder });
  const cpu = cpuSeconds(proxy.pid) - before;
  const cost = unit === "s/GB" ? cpu / (done.bytes / 1e9) : cpu * 1e6 / done.requests;
  const sample: Sample = { cost, perSecond: done.requests / seconds, errors: done.errors, p99: done.p99 };
  return sample;
}

async function answers(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

async function main(): Promise<void> {
  if (findProgram("wrk") === undefined || findProgram("nginx") === undefined) {
    print(
      "The benchmark needs wrk and nginx (the back end): apt-get install wrk nginx libnginx-mod-stream haproxy",
    );
    return;
  }
  const quick = Deno.args.includes("--quick");
  const asked = Deno.args.find((word) => word.startsWith("--rounds="));
  const [rounds, seconds] = quick ? [1, 1] : [Number(asked?.slice("--rounds=".length) ?? 5), 2];
  const folder = await Deno.makeTempDir({ prefix: "weir-bench-" });
  await Deno.chmod(folder, 0o755);
  const authority = await issue({ name: "bench CA", ca: true });
  const { certPem, keyPem } = await issue({ name: "bench", issuer: authority, hosts: ["localhost"] });
  const client = await issue({ name: "client", issuer: authority });
  await Deno.writeTextFile(`${folder}/cert.pem`, certPem);
  await Deno.writeTextFile(`${folder}/key.pem`, keyPem);
  await Deno.writeTextFile(`${folder}/both.pem`, certPem + keyPem);
  await Deno.writeTextFile(`${folder}/ca.pem`, authority.certPem);
  await Deno.writeTextFile(`${folder}/client.pem`, client.certPem);
  await Deno.writeTextFile(`${folder}/client.key`, client.keyPem);
  const backend = await startBackend(folder);
  const ground = { folder, backendPort: backend.port, pem: `${folder}/both.pem` };
  const started = await Promise.all([startWeir(ground), startHaproxy(ground), startNginx(ground)]);
  const proxies = started.filter((proxy) => proxy !== undefined);
  for (const name of ["haproxy", "nginx"].filter((one) => !proxies.some((proxy) => proxy.name === one))) {
    print(`${name} is not installed and left out`);
  }
  try {
    for (const proxy of proxies) {
      await until(
        `${proxy.name} listens`,
        async () => await answers(proxy.ports.tcp) && await answers(proxy.ports.tls),
      );
    }
    const samples = new Map<string, Sample[]>();
    for (const work of WORKS) {
      // Warm-up.
      for (const proxy of quick ? [] : proxies) await measure(proxy, work, { ...ground, seconds: 1 });
      for (let round = 0; round < rounds; round++) {
        for (const proxy of proxies) {
          const key = `${work.name}/${proxy.name}`;
          samples.set(key, [...samples.get(key) ?? [], await measure(proxy, work, { ...ground, seconds })]);
        }
      }
    }
    await report(proxies, samples, { rounds, seconds });
  } finally {
    await Promise.all(proxies.map((proxy) => proxy.stop()));
    await backend.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

async function report(
  proxies: readonly Proxy[],
  samples: ReadonlyMap<string, readonly Sample[]>,
  how: object,
): Promise<void> {
  const rows = WORKS.map((work) => {
    const results = proxies.map((proxy) => {
      const all = samples.get(`${work.name}/${proxy.name}`) ?? [];
      const costs = all.map((sample) => sample.cost);
      return {
        proxy: proxy.name,
        cost: median(costs),
        spread: [Math.min(...costs), Math.max(...costs)],
        perSecond: median(all.map((sample) => sample.perSecond)),
        errors: all.reduce((sum, sample) => sum + sample.errors, 0),
        p99: all.map((sample) => sample.p99),
      };
    });
    const others = results.filter((result) => result.proxy !== "weir").map((result) => result.cost);
    const own = results.find((result) => result.proxy === "weir")?.cost ?? NaN;
    return { work: work.name, unit: work.unit, results, ratio: own / Math.min(...others) };
  });
  const number = (value: number) => value < 10 ? value.toFixed(2) : value.toFixed(1);
  print(
    `| CPU of the proxy | unit | ${
      proxies.map((proxy) => `${proxy.name} ${proxy.version}`).join(" | ")
    } | ratio to the better |`,
  );
  print(`| --- | --- |${" --- |".repeat(proxies.length + 1)}`);
  for (const { work, unit, results, ratio } of rows) {
    const cells = results.map(({ cost, spread: [low = 0, high = 0] }) =>
      `${number(cost)} (${number(low)}-${number(high)})`
    );
    print(`| ${work} | ${unit} | ${cells.join(" | ")} | ${ratio.toFixed(2)} |`);
  }
  const errors = rows.flatMap((row) => row.results).reduce((sum, result) => sum + result.errors, 0);
  print(`\nErrors: ${errors}`);
  const machine = { cpus: navigator.hardwareConcurrency, os: Deno.build.os, arch: Deno.build.arch };
  const versions = Object.fromEntries(proxies.map((proxy) => [proxy.name, proxy.version]));
  await Deno.writeTextFile(
    "bench/results.json",
    `${JSON.stringify({ at: new Date().toISOString(), machine, versions, how, rows }, null, 2)}\n`,
  );
}

await main();
