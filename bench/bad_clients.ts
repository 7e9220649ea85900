/**
 * What good clients notice of bad ones: 2,000 that come in front of TLS and never finish their handshake, 2,000 that
 * send half a PROXY header, and two that make full handshakes without a pause. Good clients go through Weir and through
 * HAProxy at the same time; the bad ones come to nobody, to Weir, and to HAProxy, in turn, round after round. What the
 * good clients of the one notice while bad ones are with the other is the machine's.
 *
 * `deno run -A bench/bad_clients.ts [rounds] [seconds over which the silent ones come] [only: silent, header or flood]`
 *
 * @module
 */

import { connect as connectSocket } from "node:net";
import { print } from "../src/cli/output.ts";
import { CERTIFICATE_STORE, certificateFiles, overTls, testCertificate } from "../tests/support/certificates.ts";
import { recordClientHello } from "../tests/support/client_hello.ts";
import { backends, listener } from "../tests/support/configs.ts";
import { findProgram } from "../tests/support/peers.ts";
import { freePort } from "../tests/support/ports.ts";
import { startNginx, startServer } from "../tests/support/processes.ts";
import { RunningWeir } from "../tests/support/program.ts";
import { GoodClients, type Seen, type Target } from "./load/good_clients.ts";
import { fullHandshakes } from "./load/openssl.ts";
import { median, quantile } from "./statistics.ts";

const CROWD = 2000;
/** Seconds after which a proxy gives a silent client up. */
const TIMEOUT = 3;
/** Seconds of each measurement: until the last silent one has gone, and a little. */
const SECONDS = TIMEOUT + 4;

const [roundsText = "5", spreadText = "0", only = ""] = Deno.args;
const [rounds, spread] = [Number(roundsText), Number(spreadText)];
const [nginx, haproxy] = [findProgram("nginx"), findProgram("haproxy")];
if (nginx === undefined || haproxy === undefined) throw new Error("nginx and haproxy are needed");
await using stack = new AsyncDisposableStack();
const server = stack.use(await startNginx(nginx, "hello"));
const certificate = await testCertificate();
const hello = await recordClientHello();

/** Where a proxy ends TLS, and where it reads PROXY headers from IPv4 clients and takes those of IPv6 as they are. */
interface Ports {
  readonly tls: number;
  readonly header: number;
}
const newPorts = (): Ports => ({ tls: freePort(), header: freePort("::") });

async function startWeir(ports: Ports): Promise<void> {
  const settings = { name: "header", address: "::", ipTranslation: true };
  stack.use(
    await RunningWeir.start({
      certificates: CERTIFICATE_STORE,
      ipGroups: { v4: ["127.0.0.0/8"] },
      listeners: [
        listener(ports.tls, backends([server.port]), overTls({ handshakeTimeout: TIMEOUT })),
        listener(ports.header, backends([server.port]), {
          ...settings,
          acceptProxyProtocol: { from: ["v4"], timeout: TIMEOUT },
        }),
      ],
    }, { files: certificateFiles(certificate) }),
  );
}

async function startHaproxy(program: string, ports: Ports): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "weir-haproxy-" });
  await Deno.writeTextFile(`${folder}/both.pem`, certificate.certPem + certificate.keyPem);
  await Deno.writeTextFile(
    `${folder}/haproxy.cfg`,
    `global
  nbthread 1
  maxconn 9000
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode tcp
  timeout connect 4s
  timeout client ${TIMEOUT}s
  timeout server 300s
listen tls
  bind 127.0.0.1:${ports.tls} ssl crt ${folder}/both.pem backlog 4096
  server s 127.0.0.1:${server.port}
listen header
  bind 127.0.0.1:${ports.header} accept-proxy backlog 4096
  bind [::1]:${ports.header} backlog 4096
  server s 127.0.0.1:${server.port}
`,
  );
  stack.use(await startServer([program, "-db", "-f", `${folder}/haproxy.cfg`], ports.tls, folder));
}

/** Comes in one moment, or over some seconds, sends something and stays until it is closed. @returns how long it took */
async function crowd(port: number, early: (index: number) => Uint8Array): Promise<readonly number[]> {
  return await Promise.all(Array.from({ length: CROWD }, async (_, index) => {
    await new Promise((resolve) => setTimeout(resolve, 1000 * spread * index / CROWD));
    const startedAt = performance.now();
    const socket = connectSocket({ host: "127.0.0.1", port });
    const over = new Promise<void>((resolve) => {
      socket.on("close", () => resolve());
      socket.on("error", () => {});
      // Whoever does not close them at all is not waited for.
      setTimeout(() => socket.destroy(), (SECONDS - 0.5) * 1000);
    });
    socket.on("data", () => {});
    socket.on("connect", () => socket.write(early(index)));
    await over;
    return (performance.now() - startedAt) / 1000;
  }));
}

const NOTHING = new Uint8Array(0);
const HALF_HEADER = new TextEncoder().encode("PROXY TCP4 192.0.");

/** A kind of bad client. */
interface Attack {
  readonly name: string;
  readonly what: string;
  /** Comes to a proxy; for silent ones, after how many seconds each was closed. */
  come(ports: Ports): Promise<readonly number[]>;
  /** Good clients of the listener that is attacked. */
  target(ports: Ports): Pick<Target, "port" | "hostname" | "caCerts">;
}

const overTlsTo = (ports: Ports) => ({ port: ports.tls, caCerts: [certificate.certPem] });
const ATTACKS: readonly Attack[] = [
  {
    name: "silent",
    what: `${CROWD} handshakes that are never finished`,
    come: ({ tls }) => crowd(tls, (index) => index % 2 === 0 ? hello.subarray(0, hello.length / 2) : NOTHING),
    target: overTlsTo,
  },
  {
    name: "header",
    what: `${CROWD} halves of a PROXY header`,
    come: ({ header }) => crowd(header, () => HALF_HEADER),
    target: ({ header }) => ({ port: header, hostname: "::1" }),
  },
  {
    name: "flood",
    what: "two floods of full handshakes",
    come: async ({ tls }) => {
      await fullHandshakes(tls, { seconds: SECONDS - 1, connections: 2 });
      return [];
    },
    target: overTlsTo,
  },
];

const fronts = { Weir: newPorts(), HAProxy: newPorts() };
await startWeir(fronts.Weir);
await startHaproxy(haproxy, fronts.HAProxy);
const clients = stack.use(new GoodClients());

const WAYS = {
  "new connection each": { keep: false, clients: 2, pause: 20 },
  "kept open": { keep: true, clients: 4, pause: 10 },
};
const p99 = (times: readonly number[]) => quantile([...times].sort((a, b) => a - b), 0.99);

for (const attack of ATTACKS.filter(({ name }) => name.includes(only))) {
  const targets = Object.fromEntries(
    Object.entries(fronts).flatMap(([front, ports]) =>
      Object.entries(WAYS).map(([way, how]) => [`${front.padEnd(8)} ${way}`, { ...attack.target(ports), ...how }])
    ),
  );
  const closed: Record<string, number[]> = { Weir: [], HAProxy: [] };
  const seen = new Map<string, Seen[]>();
  const wait = () => new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  const note = (when: string, of: ReadonlyMap<string, Seen>) => {
    for (const [target, one] of of) seen.set(`${target} ${when}`, [...seen.get(`${target} ${when}`) ?? [], one]);
  };
  await clients.during(targets, () => new Promise((resolve) => setTimeout(resolve, 2000))); // code is compiled
  for (let round = 0; round < rounds; round++) {
    note("alone", await clients.during(targets, wait));
    for (const [front, ports] of Object.entries(fronts)) {
      const come = async () => closed[front]?.push(...await attack.come(ports));
      note(`bad ones at ${front}`, await clients.during(targets, () => Promise.all([come(), wait()])));
    }
  }
  print(`\n${attack.what}`);
  print(`${"good clients of".padEnd(30)} p99 alone   bad ones elsewhere   bad ones here   of each round`);
  for (const target of Object.keys(targets)) {
    const own = target.startsWith("Weir") ? "Weir" : "HAProxy";
    const rows = ["alone", `bad ones at ${own === "Weir" ? "HAProxy" : "Weir"}`, `bad ones at ${own}`].map((when) => {
      const some = seen.get(`${target} ${when}`) ?? [];
      return { all: p99(some.flatMap(({ times }) => times)), each: some.map(({ times }) => p99(times)), some };
    });
    const [alone, elsewhere, here] = rows;
    const ratio = (row: typeof alone) => (median(row?.each ?? []) / median(alone?.each ?? [])).toFixed(2);
    const failed = rows.flatMap(({ some }) => some.flatMap(({ failures }) => failures));
    const each = rows.map((row) => row.each.map((one) => one.toFixed(1)).join(" ")).join(" | ");
    print(
      `${target.padEnd(30)} ${alone?.all.toFixed(1)} ms   ${elsewhere?.all.toFixed(1)} ms (${ratio(elsewhere)}x)   ${
        here?.all.toFixed(1)
      } ms (${ratio(here)}x)   ${each}${failed.length > 0 ? `; ${failed.length} failed: ${failed[0]}` : ""}`,
    );
  }
  for (const [front, seconds] of Object.entries(closed)) {
    const sorted = seconds.sort((a, b) => a - b);
    if (sorted.length === 0) continue;
    print(
      `${front} closed them after ${sorted[0]?.toFixed(1)} to ${sorted.at(-1)?.toFixed(1)} s (timeout ${TIMEOUT} s)`,
    );
  }
}
