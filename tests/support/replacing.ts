/**
 * Replaces a running Weir again and again while clients connect as fast as they can, and counts what they lose. As a
 * program it prints one line of JSON; `--inside` is for itself.
 *
 * Where it can (root), it runs in a network namespace of its own, so that `--migrate` can set the kernel's
 * net.ipv4.tcp_migrate_req for nobody else.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { CERTIFICATE_STORE, certificateFiles, connectTls, overTls, testCertificate } from "./certificates.ts";
import { backends, listener } from "./configs.ts";
import { findProgram } from "./peers.ts";
import { freePort, freePortsInARow } from "./ports.ts";
import { RunningWeir } from "./program.ts";
import { echoServer, httpServer, readAll, serve, writeAll } from "./servers.ts";
import { until } from "./wait.ts";

/** What clients of one kind of listener met with. */
export interface Tally {
  served: number;
  /** Messages of what went wrong, and how often. */
  readonly lost: Record<string, number>;
}

/** The outcome. */
export interface Replaced {
  /** Whether the kernel hands clients on. */
  readonly migrates: boolean;
  readonly replacements: number;
  readonly seconds: number;
  readonly tallies: Readonly<Record<string, Tally>>;
  /** Those of wrk; `null` without it. */
  readonly wrk: string | null;
  /** Transfers that were under way at a replacement, and how many of them arrived byte for byte. */
  readonly transfers: number;
  readonly transfersWhole: number;
  /** Exit codes of the processes that were replaced. */
  readonly codes: readonly number[];
  /** Lines of the log that are warnings or errors. */
  readonly faults: readonly string[];
}

const CLIENTS = 3;
const RANGE = 120;
const CHUNKS = 40;
const CHUNK = new Uint8Array(10_000).map((_, at) => at * 7);

/** Connects again and again until told to stop. */
async function keepConnecting(tally: Tally, open: () => Promise<Deno.Conn>, isOver: () => boolean): Promise<void> {
  const buffer = new Uint8Array(4);
  while (!isOver()) {
    try {
      using connection = await open();
      await writeAll(connection, new TextEncoder().encode("ping"));
      const count = await connection.read(buffer);
      if (count !== 4) throw new Error(count === null ? "ended without an answer" : "half an answer");
      tally.served++;
    } catch (error) {
      const what = error instanceof Error ? error.name + (error.name === "Error" ? `: ${error.message}` : "") : "?";
      tally.lost[what] = (tally.lost[what] ?? 0) + 1;
    }
  }
}

/** Replaces Weir so many times under load. @param wrkSeconds how long wrk runs beside, where it is wanted */
export async function replaceUnderLoad(times: number, wrkSeconds: number): Promise<Replaced> {
  await using stack = new AsyncDisposableStack();
  const echo = stack.use(echoServer());
  const slow = stack.use(serve(async (connection) => {
    for (let index = 0; index < CHUNKS; index++) {
      await writeAll(connection, CHUNK);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }));
  const http = stack.use(httpServer("ok"));
  const plain = freePort(), threads = freePort(), full = freePort(), fast = freePort();
  const transfers = freePort(), web = freePort();
  const range = freePortsInARow(RANGE, ["127.0.0.1", "127.0.0.2"]);
  for (let port = range; port < range + RANGE; port++) stack.use(echoServer({ hostname: "127.0.0.2", port }));
  const certificate = await testCertificate();
  const weir = stack.use(
    await RunningWeir.start({
      shutdown: { drainTimeout: 60 },
      certificates: CERTIFICATE_STORE,
      listeners: [
        listener(plain, backends([echo.port]), { name: "plain" }),
        listener(threads, backends([echo.port]), { name: "threads", workers: 2 }),
        listener(full, backends([echo.port]), { name: "full", ...overTls() }),
        listener(fast, backends([echo.port]), { name: "fast", ...overTls({ engine: "fast" }) }),
        listener(transfers, backends([slow.port]), { name: "transfers" }),
        listener(web, backends([http.port]), { name: "web" }),
        {
          name: "range",
          protocol: "TCP",
          address: "127.0.0.1",
          ports: `${range}-${range + RANGE - 1}`,
          backends: { healthCheck: { enabled: false }, servers: [{ address: "127.0.0.2" }] },
        },
      ],
    }, { files: certificateFiles(certificate) }),
  );
  let over = false;
  const tallies: Record<string, Tally> = {};
  const clients: Promise<void>[] = [];
  const plainTo = (port: () => number) => () => Deno.connect({ hostname: "127.0.0.1", port: port() });
  const tlsTo = (port: number) => () => connectTls(port, certificate);
  let turn = 0;
  const kinds: Record<string, () => Promise<Deno.Conn>> = {
    plain: plainTo(() => plain),
    threads: plainTo(() => threads),
    full: tlsTo(full),
    fast: tlsTo(fast),
    range: plainTo(() => range + turn++ % RANGE),
  };
  for (const [kind, open] of Object.entries(kinds)) {
    const tally: Tally = { served: 0, lost: {} };
    tallies[kind] = tally;
    for (let index = 0; index < CLIENTS; index++) clients.push(keepConnecting(tally, open, () => over));
  }
  const wrk = wrkSeconds === 0 ? undefined : new Deno.Command("wrk", {
    args: ["-t1", "-c8", `-d${wrkSeconds}s`, "-H", "Connection: close", `http://127.0.0.1:${web}/`],
  }).output();
  const startedAt = performance.now();
  const ends: Promise<number>[] = [];
  const transferred: Promise<boolean>[] = [];
  for (let time = 0; time < times; time++) {
    const before = new Map(Object.entries(tallies).map(([kind, { served }]) => [kind, served]));
    await until(
      "every kind of client was served",
      () => Object.entries(tallies).every(([kind, { served }]) => served > (before.get(kind) ?? 0) + 5),
    );
    const transfer = await Deno.connect({ hostname: "127.0.0.1", port: transfers });
    // It must be in the process that is about to be replaced.
    await until("the transfer is served", async () => (await weir.listener("transfers")).connectionsActive > 0);
    transferred.push(
      readAll(transfer).then(
        (bytes) =>
          bytes.length === CHUNKS * CHUNK.length && bytes.every((byte, at) => byte === CHUNK[at % CHUNK.length]),
        () => false,
      ).finally(() => transfer.close()),
    );
    ends.push((await weir.replace()).ended);
  }
  const wrkReport = wrk === undefined ? null : new TextDecoder().decode((await wrk).stdout);
  const seconds = (performance.now() - startedAt) / 1000;
  over = true;
  await Promise.all(clients);
  const whole = await Promise.all(transferred);
  return {
    migrates: (await Deno.readTextFile("/proc/sys/net/ipv4/tcp_migrate_req").catch(() => "0")).trim() === "1",
    replacements: times,
    seconds,
    tallies,
    wrk: wrkReport,
    transfers: whole.length,
    transfersWhole: whole.filter(Boolean).length,
    codes: await Promise.all(ends),
    faults: weir.log.split("\n").filter((line) => /"level":"(warn|error)"/.test(line)),
  };
}

/** Whether {@link replaceInside} can be used. */
export const hasNetworks = Deno.build.os === "linux" && Deno.uid() === 0 && findProgram("unshare") !== undefined &&
  findProgram("ip") !== undefined;

/** The same in a network namespace of its own. */
export async function replaceInside(
  { times, wrkSeconds, migrate }: { readonly times: number; readonly wrkSeconds: number; readonly migrate: boolean },
): Promise<Replaced> {
  const set = migrate ? "echo 1 >/proc/sys/net/ipv4/tcp_migrate_req && " : "";
  const words = ["run", "--allow-all", new URL(import.meta.url).pathname, "--inside"];
  const { success, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["-n", "sh", "-c", `ip link set lo up && ${set}exec "$0" "$@"`, Deno.execPath(), ...words]
      .concat(["--times", String(times), "--wrk", String(wrkSeconds)]),
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`${text(stdout)}${text(stderr)}`);
  return JSON.parse(text(stdout));
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      times: { type: "string", default: "20" },
      wrk: { type: "string", default: "0" },
      migrate: { type: "boolean", default: false },
      inside: { type: "boolean", default: false },
    },
  });
  const [times, wrkSeconds] = [Number(values.times), Number(values.wrk)];
  const outcome = values.inside
    ? await replaceUnderLoad(times, wrkSeconds)
    : await replaceInside({ times, wrkSeconds, migrate: values.migrate });
  await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(outcome, null, values.inside ? 0 : 2)}\n`));
}
