/**
 * What clients notice of reloads: new connections all the time, to the server itself, through HAProxy and through Weir,
 * while nothing is reloaded, while Weir is, and while HAProxy is, in turn. What the server itself shows is the machine's
 * and the clients' own; only what a proxy shows beyond that, and beyond its own quiet times, is the reload's.
 *
 * `deno run -A bench/reload_pause.ts [reloads of Weir in all] [rounds] [reloads of HAProxy in all]`
 *
 * @module
 */

import { print } from "../src/cli/output.ts";
import { listener } from "../tests/support/configs.ts";
import { mixed } from "../tests/support/mixed_changes.ts";
import { findProgram } from "../tests/support/peers.ts";
import { freePort } from "../tests/support/ports.ts";
import { startNginx, startServer } from "../tests/support/processes.ts";
import { RunningWeir } from "../tests/support/program.ts";
import { GoodClients, type Seen } from "./load/good_clients.ts";
import { median, quantile } from "./statistics.ts";

const CLIENTS_EACH = 8;

const [reloads = 1000, rounds = 5, haproxyReloads = 50] = Deno.args.map(Number);
const [nginx, haproxy] = [findProgram("nginx"), findProgram("haproxy")];
if (nginx === undefined) throw new Error("nginx is needed");
await using stack = new AsyncDisposableStack();
const servers = await Promise.all(["one", "two", "three"].map(async () => stack.use(await startNginx(nginx, "hello"))));
const ports = servers.map((server) => server.port);
const weirPort = freePort();
const config = (round: number) => {
  const { group, settings } = mixed(round, ports);
  return { listeners: [listener(weirPort, group, { ...settings, workers: 1 + Math.floor(round / 10) % 2 })] };
};
const weir = stack.use(await RunningWeir.start(config(0)));

/** HAProxy with a master process, which hands its sockets on when it is reloaded. */
async function startHaproxy(program: string) {
  const folder = await Deno.makeTempDir({ prefix: "weir-haproxy-" });
  const port = freePort();
  const write = (round: number) =>
    Deno.writeTextFile(
      `${folder}/haproxy.cfg`,
      `global
  nbthread 1
  stats socket ${folder}/socket mode 600 level admin expose-fd listeners
defaults
  mode tcp
  timeout connect 4s
  timeout client 300s
  timeout server 300s
listen web
  bind 127.0.0.1:${port}
${ports.map((at, index) => `  server s${index} 127.0.0.1:${at} weight ${1 + (round + index) % 7}`).join("\n")}
`,
    );
  await write(0);
  const master = `${folder}/pid`;
  const command = ["sh", "-c", `echo $$ >${master}; exec "$0" "$@"`, program, "-Ws", "-f", `${folder}/haproxy.cfg`];
  const server = await startServer(command, port, folder);
  const pid = Number(await Deno.readTextFile(master));
  const reload = async (round: number) => {
    await write(round);
    Deno.kill(pid, "SIGUSR2");
    // It does not say when it is done.
    await new Promise((resolve) => setTimeout(resolve, 200));
  };
  return { port, reload, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
const other = haproxy === undefined ? undefined : stack.use(await startHaproxy(haproxy));

const clients = stack.use(new GoodClients());
const fronts = { server: ports[0] ?? 0, weir: weirPort, ...(other === undefined ? {} : { haproxy: other.port }) };
const targets = Object.fromEntries(
  Object.entries(fronts).map(([name, port]) => [name, { port, clients: CLIENTS_EACH, pause: 5 }]),
);
const during = (work: () => Promise<void>) => clients.during(targets, work);

const memory = async () => ((await weir.admin("/v1/status")).body as { memory: { rss: number } }).memory.rss / 2 ** 20;

let round = 0;
let haproxyRound = 0;
const reloadTimes: number[] = [];
async function reloadWeir(count: number): Promise<void> {
  for (let reload = 0; reload < count; reload++) {
    await weir.write(config(++round));
    const startedAt = performance.now();
    const { status, body } = await weir.reload();
    if (status !== 200) throw new Error(JSON.stringify(body));
    reloadTimes.push(performance.now() - startedAt);
  }
}

const seconds = (count: number) => new Promise<void>((resolve) => setTimeout(resolve, count * 1000));
const phases: readonly (readonly [string, () => Promise<void>])[] = [
  ["nothing is reloaded", () => seconds(Math.max(3, Math.min(20, reloads / rounds / 20)))],
  ["Weir is reloaded", () => reloadWeir(Math.ceil(reloads / rounds))],
  ...(other === undefined ? [] : [
    [
      "HAProxy is reloaded",
      async () => {
        for (let reload = 0; reload < haproxyReloads / rounds; reload++) await other.reload(++haproxyRound);
      },
    ] as const,
  ]),
];

await during(() => seconds(3)); // code is compiled
await reloadWeir(20);
reloadTimes.length = 0;
const rss = [await memory()];
const results = new Map<string, Seen[]>();
for (let number = 1; number <= rounds; number++) {
  for (const [phase, work] of phases) {
    for (const [target, seen] of await during(work)) {
      const key = `${phase.padEnd(20)} ${target.padEnd(8)}`;
      results.set(key, [...results.get(key) ?? [], seen]);
    }
  }
  rss.push(await memory());
}

const milliseconds = (value: number) => value.toFixed(1).padStart(8);
print(`${"".padEnd(29)}   served failed      p50      p99    p99.9  longest (each round)`);
for (const [key, seen] of results) {
  const times = seen.flatMap((one) => one.times).sort((a, b) => a - b);
  const failures = seen.flatMap((one) => one.failures);
  const longest = seen.map((one) => one.times.at(-1) ?? 0);
  print(
    `${key} ${String(times.length).padStart(8)} ${String(failures.length).padStart(6)} ${
      [0.5, 0.99, 0.999].map((part) => milliseconds(quantile(times, part))).join(" ")
    } ${milliseconds(Math.max(...longest))}  (${longest.map((one) => one.toFixed(0)).join(", ")}; longest gap ${
      Math.max(...seen.map((one) => one.longestGap)).toFixed(0)
    })`,
  );
  for (const failure of failures.slice(0, 3)) print(`  ${failure}`);
}
reloadTimes.sort((a, b) => a - b);
print(
  `${reloadTimes.length} reloads: ${median(reloadTimes).toFixed(1)} ms each, p99 ${
    quantile(reloadTimes, 0.99).toFixed(1)
  }, longest ${(reloadTimes.at(-1) ?? 0).toFixed(1)}; memory after each round ${
    rss.map((value) => value.toFixed(0)).join(", ")
  } MiB`,
);
