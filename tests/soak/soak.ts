/**
 * `deno task soak`: an hour of mixed traffic at half of what the machine can do, with 5,000 idle connections, while the
 * configuration changes (well and badly), servers go and return, and the certificate is renewed. Ends with one table, and
 * with 1 when memory grew, descriptors leaked, delays rose, or a client failed for no good reason.
 *
 * `--minutes N` goes on for so long (60 by default), `--quick` for one and a half, `--rate N` drives N requests a second
 * instead of half of what a short calibration finds, `--idle N` holds so many idle connections, `--samples FILE` writes
 * what is seen every few seconds, as JSON, one line each.
 *
 * As root it runs in a network namespace of its own.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { print, printError } from "../../src/cli/output.ts";
import { Clients, SHORT } from "../load/clients.ts";
import { runInNamespace } from "../load/namespace.ts";
import { ServerProcess } from "../load/server_process.ts";
import { Tally } from "../load/tally.ts";
import { until } from "../support/wait.ts";
import { ProberProcess } from "./prober_process.ts";
import { judge, type Sample } from "./verdict.ts";
import { CYCLE, SERVERS, type SoakWeir, startSoakWeir } from "./weir.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    quick: { type: "boolean", default: false },
    minutes: { type: "string", default: "60" },
    rate: { type: "string" },
    idle: { type: "string" },
    samples: { type: "string" },
    inside: { type: "boolean", default: false },
  },
});

const SECONDS = values.quick ? 90 : Number(values.minutes) * 60;
const IDLE = Number(values.idle ?? (values.quick ? 500 : 5000));
const SAMPLE_SECONDS = values.quick ? 1 : 5;
/** Connections open, code is compiled and buffers grow at first; of a short run that is a third. */
const WARM_UP = Math.min(600, SECONDS / 3);

/** Seconds that clients wait: their machine may be busy with other things. */
const PATIENCE = 60;

const wait = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));

/** The traffic of `rate` requests a second, and `idle` connections that hardly ever say something. */
function drive(weir: SoakWeir, tally: Tally, rate: number, idle: number): Clients {
  const clients = new Clients(tally, PATIENCE);
  const [plain, tls] = [{ port: weir.ports.tcp, caCerts: [] }, { port: weir.ports.tls, caCerts: weir.caCerts }];
  // Of all requests four tenths go over connections that are kept, the others each over a new one.
  clients.paced(plain, rate * 0.45, SHORT);
  clients.paced(tls, rate * 0.15, SHORT);
  const kept = { what: "kept", every: 1, rounds: 600, bytes: 1000, spread: 1 };
  clients.sessions(plain, Math.ceil(rate * 0.3), kept);
  clients.sessions(tls, Math.ceil(rate * 0.1), kept);
  clients.paced(plain, rate / 400, { what: "long", pace: "slow", bytes: 10_000_000 });
  clients.paced(tls, rate / 800, { what: "long", pace: "slow", bytes: 10_000_000 });
  const silent = { what: "idle", every: Math.min(300, SECONDS / 3), rounds: 1000, bytes: 1, spread: SECONDS / 60 };
  clients.sessions(plain, Math.round(idle * 0.8), silent);
  clients.sessions(tls, Math.round(idle * 0.2), silent);
  return clients;
}

/** Half of the requests a second that can be served when clients wait for nothing else. */
async function halfLoad(weir: SoakWeir): Promise<number> {
  const tally = new Tally();
  const clients = new Clients(tally);
  clients.repeated({ port: weir.ports.tcp, caCerts: [] }, 24, SHORT);
  clients.repeated({ port: weir.ports.tls, caCerts: weir.caCerts }, 8, SHORT);
  await wait(2);
  const [before, startedAt] = [tally.served, performance.now()];
  await wait(10);
  const most = (tally.served - before) / (performance.now() - startedAt) * 1000;
  await clients.stop();
  print(`calibration: ${Math.round(most)} requests a second, each on a new connection, a quarter of them over TLS`);
  return Math.max(10, Math.round(most / 2));
}

/** What is done to Weir meanwhile, each in its own rhythm, until it is over. */
class Changes {
  reloads = 0;
  refused = 0;
  renewals = 0;
  flaps = 0;
  readonly broken: string[] = [];
  readonly #working: Promise<void>[] = [];
  readonly #over = new AbortController();

  constructor(weir: SoakWeir, servers: readonly ServerProcess[], tally: Tally) {
    const pace = values.quick ? 0.2 : 1;
    this.#every("a reload", 10 * pace, async () => {
      const isGood = (this.reloads + this.refused) % 4 !== 3;
      const status = await (isGood ? weir.reload() : weir.reloadInvalid());
      if (status !== (isGood ? 200 : 422)) throw new Error(`answered with ${status}`);
      if (isGood) this.reloads++;
      else this.refused++;
    });
    this.#every("a renewal", 180 * pace, async () => {
      await weir.renew();
      this.renewals++;
    });
    this.#every("a flap", 100 * pace, async () => {
      const server = servers[2 + this.flaps++ % 3];
      const excuse = tally.excuse(server?.name ?? "");
      await server?.kill();
      await wait(20 * pace);
      await server?.start();
      excuse.to = performance.now();
    });
  }

  /** Waits for what is under way. */
  async end(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#working);
  }

  toString(): string {
    return `${this.reloads} reloads, ${this.refused} refused, ${this.renewals} renewals, ${this.flaps} flaps`;
  }

  #every(what: string, seconds: number, work: () => Promise<void>): void {
    const { signal } = this.#over;
    const over = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    const pause = async () => {
      let timer;
      await Promise.race([over, new Promise((resolve) => timer = setTimeout(resolve, seconds * 1000))]);
      clearTimeout(timer);
    };
    this.#working.push((async () => {
      for (await pause(); !signal.aborted; await pause()) {
        try {
          await work();
        } catch (error) {
          this.broken.push(`${what}: ${error instanceof Error ? error.message : error}`);
        }
      }
    })());
  }
}

/** A number of the metrics; all its labels together. */
function metric(text: string, name: string): number {
  return text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

async function run(): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const servers = SERVERS.map((place) => stack.use(new ServerProcess(place)));
  await Promise.all(servers.map((server) => server.start()));
  const weir = stack.use(await startSoakWeir());
  const metrics = async () => String((await weir.running.admin("/metrics")).body);
  const settled = () => until("all connections have ended", async () => await weir.active() === 0, 60);

  const cycle = async () => {
    do await weir.reload(); while (weir.round % CYCLE !== 0);
  };

  // Threads, buffers and compiled code are there before anything is measured.
  const warming = drive(weir, new Tally(), 50, 0);
  await cycle();
  await wait(values.quick ? 5 : 10);
  await warming.stop();
  await settled();
  const rate = values.rate === undefined ? await halfLoad(weir) : Number(values.rate);
  await settled();
  await wait(3);
  const descriptorsBefore = weir.descriptors;

  const load = `${rate} requests a second, ${IDLE} idle connections`;
  print(`${load}, ${SECONDS} s`);
  const tally = new Tally();
  const prober = await ProberProcess.start({
    tcpPort: weir.ports.tcp,
    tlsPort: weir.ports.tls,
    caCerts: weir.caCerts,
    healthUrl: `http://127.0.0.1:${weir.running.adminPort}/healthz`,
    every: SAMPLE_SECONDS,
  }, SERVERS[0] ?? { address: "", port: 0 });
  stack.use(prober);
  const [startedAt, processorBefore] = [performance.now(), weir.processorSeconds];
  const elapsed = () => (performance.now() - startedAt) / 1000;
  const clients = drive(weir, tally, rate, IDLE);
  const changes = new Changes(weir, servers, tally);
  const samples: Sample[] = [];
  let [said, shown] = [0, 0];
  while (elapsed() < SECONDS) {
    await wait(SAMPLE_SECONDS);
    if (prober.delays === undefined) continue;
    const sample: Sample = {
      seconds: Math.round(elapsed()),
      memory: weir.memory,
      heap: metric(await metrics(), "weir_main_thread_heap_bytes"),
      descriptors: weir.descriptors,
      connections: await weir.active(),
      delays: prober.delays,
    };
    samples.push(sample);
    if (values.samples !== undefined) {
      Deno.writeTextFileSync(values.samples, `${JSON.stringify(sample)}\n`, { append: true });
    }
    for (const failure of tally.failures.slice(shown, 50)) printError(failure);
    shown = tally.failures.length;
    if (elapsed() - said >= 60) {
      said = elapsed();
      const { memory, connections, delays } = sample;
      print(
        `${Math.round(said / 60)} min: ${
          (memory / 2 ** 20).toFixed(1)
        } MiB, ${connections} connections, ${tally.served} ` +
          `served, ${tally.failures.length} failed; echo ${delays.tcp.toFixed(1)} ms, ${
            delays.bare.toFixed(1)
          } by a bare relay`,
      );
    }
  }
  const processorShare = (weir.processorSeconds - processorBefore) / elapsed();
  await changes.end();
  await clients.stop();
  await prober[Symbol.asyncDispose]();
  await cycle();
  await settled();
  await wait(3);

  const { table, faults } = judge(samples, tally, {
    seconds: elapsed(),
    warmUp: WARM_UP,
    processorShare,
    longestPauseAt: (tally.longestPauseEnd - startedAt) / 1000,
    load,
    changes: String(changes),
    descriptorsBefore,
    descriptorsAfter: weir.descriptors,
    workerRestarts: metric(await metrics(), "weir_worker_restarts_total"),
    faultsInLog: weir.faultsInLog,
  });
  print(`\n${table}`);
  const bad = [...changes.broken, ...faults];
  for (const line of bad.slice(0, 50)) printError(line);
  if (bad.length > 0) {
    printError(`why connections have ended: ${JSON.stringify(await weir.ends())}`);
    printError(weir.running.log.split("\n").slice(-40).join("\n"));
  }
  print(bad.length === 0 ? "\nall holds" : `\n${bad.length} faults`);
  return bad.length === 0 ? 0 : 1;
}

const inside = () => runInNamespace(new URL(import.meta.url), [...Deno.args, "--inside"]);
Deno.exit(values.inside ? await run() : await inside() ?? await run());
