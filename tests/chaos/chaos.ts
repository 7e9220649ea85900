/**
 * `deno task chaos`: real traffic through Weir while its servers, its files, its calls and its threads fail, one after
 * the other. Ends with one table, and with 1 when a number in it that must be 0 is not. `--quick` takes about a minute,
 * `--minutes N` goes on for so long (10 by default), `--only TEXT` does what has the text in its name.
 *
 * As root it runs in a network namespace of its own, where packets can be dropped; `--migrate` has the kernel of it hand
 * the clients of a socket that closes to another one of its port (net.ipv4.tcp_migrate_req).
 *
 * @module
 */

import { parseArgs } from "node:util";
import { findProgram } from "../support/peers.ts";
import { until } from "../support/wait.ts";
import { Clients, type SessionHabit, SHORT, type Wish } from "../load/clients.ts";
import { runInNamespace } from "../load/namespace.ts";
import { ServerProcess } from "../load/server_process.ts";
import { Tally } from "../load/tally.ts";
import { conclude } from "./conclusion.ts";
import { FaultRelay } from "./fault_relay.ts";
import { type Fault, FAULTS } from "./faults.ts";
import { RELAYED, SERVERS, startChaosWeir } from "./weir.ts";
import { print, printError } from "../../src/cli/output.ts";

const LONG: Wish = { what: "long", pace: "slow", bytes: 10_000_000 };
const SESSION: SessionHabit = { what: "idle", every: 2, rounds: 15, bytes: 1 };

const { values } = parseArgs({
  args: Deno.args,
  options: {
    quick: { type: "boolean", default: false },
    minutes: { type: "string", default: "10" },
    only: { type: "string", default: "" },
    migrate: { type: "boolean", default: false },
    inside: { type: "boolean", default: false },
  },
});

function canRun({ name, needs = [] }: Fault): boolean {
  const missing = needs.filter((program) => findProgram(program) === undefined);
  const outside = needs.includes("nft") && !values.inside;
  if (missing.length === 0 && !outside) return true;
  print(
    `left out: ${name} (${outside ? "needs root and a network namespace" : `${missing.join(", ")} not installed`})`,
  );
  return false;
}

async function run(): Promise<number> {
  const seconds = values.quick ? 1.5 : 12;
  const lastsUntil = performance.now() + (values.quick ? 0 : Number(values.minutes) * 60_000);
  await using stack = new AsyncDisposableStack();
  const servers = SERVERS.map((place) => stack.use(new ServerProcess(place.name === RELAYED.name ? RELAYED : place)));
  await Promise.all(servers.map((server) => server.start()));
  const relay = stack.use(new FaultRelay({ host: RELAYED.address, port: RELAYED.port }));
  await relay.listen(SERVERS[3].address, SERVERS[3].port);
  const weir = stack.use(await startChaosWeir());
  const tally = new Tally();
  const traffic = () => {
    const clients = new Clients(tally);
    tally.resumePauses();
    const [plain, tls] = [{ port: weir.ports.tcp, caCerts: [] }, { port: weir.ports.tls, caCerts: weir.caCerts }];
    clients.repeated(plain, 6, SHORT);
    clients.repeated(tls, 3, SHORT);
    clients.repeated(plain, 3, LONG);
    clients.repeated(tls, 2, LONG);
    clients.sessions(plain, 20, SESSION);
    clients.sessions(tls, 10, SESSION);
    return clients;
  };
  const settled = () => until("all connections have ended", async () => await weir.active() === 0, 60);

  // Threads, buffers and compiled code are there before anything is measured.
  const warming = traffic();
  await new Promise((resolve) => setTimeout(resolve, 5000));
  await warming.stop();
  await settled();
  const [descriptorsStart, memoryStart, startedAt] = [weir.descriptors, weir.memory, performance.now()];

  const clients = traffic();
  const faults = FAULTS.filter((fault) => fault.name.includes(values.only) && canRun(fault));
  const broken: string[] = [];
  do {
    for (const fault of faults) {
      tally.fault = fault.name;
      print(`${new Date().toISOString().slice(11, 19)} ${fault.name}`);
      try {
        await fault.run({ weir, servers, relay, tally, seconds });
      } catch (error) {
        broken.push(`during "${fault.name}": ${error instanceof Error ? error.message : error}`);
      }
      tally.mayRefuse = false;
      await new Promise((resolve) => setTimeout(resolve, seconds * 300));
    }
  } while (performance.now() < lastsUntil);
  tally.fault = "the end";
  await clients.stop();
  await settled();
  // Probes and calls of the admin API come and go.
  await until("descriptors are back", () => weir.descriptors <= descriptorsStart + 5).catch(() => {}); // told below

  const { table, faults: bad } = conclude(tally, {
    seconds: (performance.now() - startedAt) / 1000,
    memoryStart,
    memoryEnd: weir.memory,
    descriptorsStart,
    descriptorsEnd: weir.descriptors,
    faultsInLog: weir.faultsInLog,
  });
  print(`\n${table}\n\nThe longest pause was during: ${tally.longestPauseFault}`);
  if (broken.length + bad.length > 0) printError(`why connections have ended: ${JSON.stringify(await weir.ends())}`);
  for (const line of [...broken, ...bad].slice(0, 50)) printError(line);
  if (broken.length + bad.length > 0) printError(weir.running.log.split("\n").slice(-40).join("\n"));
  return broken.length + bad.length === 0 ? 0 : 1;
}

const inside = () => runInNamespace(new URL(import.meta.url), [...Deno.args, "--inside"], values);
Deno.exit(values.inside ? await run() : await inside() ?? await run());
