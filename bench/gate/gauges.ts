/**
 * What the gate watches: traffic through Weir against a bare loop of the same runtime, and picks of a server against a
 * walk over a list.
 *
 * @module
 */

import { CERTIFICATE_STORE, certificateFiles, overTls, testCertificate } from "../../tests/support/certificates.ts";
import { freePort } from "../../tests/support/ports.ts";
import { RunningWeir } from "../../tests/support/program.ts";
import { cpuSeconds } from "../process_tree.ts";
import type { Gauge } from "./judge.ts";
import { pickGauges } from "./picks.ts";
import { bulk, type Connect, connections, requests, startEcho } from "./traffic.ts";

/** Amounts that take either of the two some tenths of a second. */
const REQUESTS = 8000;
const CONNECTIONS = 800;
const TLS_CONNECTIONS = 250;
const MEGABYTES = 160;

const NAMES = ["tcp-requests", "tcp-connections", "tcp-bulk", "tls-requests", "tls-connections", "tls-bulk"] as const;

/** Everything that is watched, and what has to be running for it. */
export interface Gauges extends AsyncDisposable {
  readonly all: readonly Gauge[];
}

/** Starts Weir and the bare loop. */
export async function startGauges(): Promise<Gauges> {
  await using starting = new AsyncDisposableStack();
  const echo = startEcho();
  starting.defer(echo.stop);
  const certificate = await testCertificate();
  const [tcp, tls] = [freePort(), freePort()];
  const backends = {
    servers: [{ address: "127.0.0.1", port: echo.port }],
    healthCheck: { enabled: false },
  };
  const files = certificateFiles(certificate);
  const weir = starting.use(
    await RunningWeir.start({
      log: { level: "warn" },
      certificates: CERTIFICATE_STORE,
      watchCertificates: false,
      listeners: [
        { name: "tcp", protocol: "TCP", address: "127.0.0.1", port: tcp, backends },
        { name: "tls", address: "127.0.0.1", port: tls, backends, ...overTls() },
      ],
    }, { files }),
  );
  const [certFile = "", keyFile = ""] = Object.keys(files).map((name) => `${weir.folder}/${name}`);
  const reference = await startReference([`${echo.port}`, certFile, keyFile]);
  starting.defer(reference.stop);

  const connect = (protocol: string, ports: Ports): Connect => () =>
    protocol === "tcp"
      ? Deno.connect({ hostname: "127.0.0.1", port: ports.tcp })
      : Deno.connectTls({ hostname: "localhost", port: ports.tls, caCerts: [certificate.certPem] });
  const all = NAMES.map((name): Gauge => {
    const [protocol = "", kind = ""] = name.split("-");
    const cost = ({ pid, ports }: { pid: number; ports: Ports }) => async () => {
      const before = cpuSeconds(pid);
      const to = connect(protocol, ports);
      if (kind === "requests") await requests(to, REQUESTS);
      else if (kind === "bulk") await bulk(to, MEGABYTES);
      else await connections(to, protocol === "tcp" ? CONNECTIONS : TLS_CONNECTIONS);
      return cpuSeconds(pid) - before;
    };
    return { name, own: cost({ pid: weir.pid, ports: { tcp, tls } }), reference: cost(reference) };
  });
  const running = starting.move();
  return { all: [...all, ...pickGauges()], [Symbol.asyncDispose]: () => running.disposeAsync() };
}

interface Ports {
  readonly tcp: number;
  readonly tls: number;
}

async function startReference(args: readonly string[]): Promise<{ pid: number; ports: Ports; stop(): Promise<void> }> {
  const script = new URL("./reference_proxy.ts", import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net", "--allow-read", script, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const [tcp = 0, tls = 0] = ((await reader.read()).value ?? "").split(" ").map(Number);
  return {
    pid: process.pid,
    ports: { tcp, tls },
    stop: async () => {
      process.kill("SIGTERM");
      await reader.cancel();
      await process.status;
    },
  };
}
