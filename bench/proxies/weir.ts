/**
 * Weir, from this folder or the executable that WEIR_PROGRAM names. Each of its listeners has a thread of its own, and
 * one of them is under load at a time.
 *
 * @module
 */

import { freePort } from "../../tests/support/ports.ts";
import { weir, weirCommand } from "../../tests/support/program.ts";
import type { Ground } from "../ground.ts";
import type { Front, Target } from "../works.ts";
import {
  CERTIFICATE,
  type Contender,
  freePlaces,
  listening,
  type Proxy,
  serverPort,
  type StartOptions,
} from "./proxy.ts";

/** Weir as a program to compare. */
export async function findWeir(): Promise<Contender> {
  const { stdout } = await weir(["version"]);
  return { program: "weir", version: stdout.trim().replace(/^weir /i, ""), start };
}

const TLS: Readonly<Record<Front, Record<string, unknown> | null>> = {
  tcp: null,
  tls: {},
  fast: { engine: "fast" },
  mutual: { authentication: "mutual", clientCA: "bench" },
};

async function start(ground: Ground, options: StartOptions): Promise<Proxy> {
  const { features, threads = 1, certificate = CERTIFICATE } = options;
  const places = freePlaces(["tcp", "tls", "fast", "mutual"], features);
  const listeners = places.map(({ front, target, port }) => ({
    name: `${front}-${target}`,
    address: "127.0.0.1",
    port,
    backendGroup: target,
    workers: threads,
    ...protocol(TLS[front]),
    ...(features === "all" ? ALL : {}),
  }));
  const group = (target: Target) => ({
    servers: [{ address: "127.0.0.1", port: serverPort(ground, target, features) }],
  });
  const adminPort = freePort();
  const file = await Deno.makeTempFile({ dir: ground.folder, suffix: ".json" });
  await Deno.writeTextFile(
    file,
    JSON.stringify({
      admin: { listen: `127.0.0.1:${adminPort}` },
      log: { level: "warn", ...(features === "all" ? { access: "on", accessFile: "weir-access.log" } : {}) },
      maxWorkers: listeners.length * threads,
      certificates: { bench: { certFile: certificate.cert, keyFile: certificate.key } },
      clientCAs: { bench: { certFile: "ca.pem" } },
      ipGroups: features === "all" ? { list: { file: "blocks.txt" } } : {},
      backendGroups: { web: group("web"), sink: group("sink") },
      listeners,
    }),
  );
  const process = weirCommand(["run", "-c", file], { stdin: "null", stdout: "null", stderr: "inherit" }).spawn();
  return { ...await listening("Weir", process, places), adminPort };
}

const ALL = {
  proxyProtocol: "v2",
  accessControl: { mode: "whitelist", groups: ["list"] },
  maxConnections: 60_000,
  maxNewConnections: 1_000_000,
};

function protocol(tls: Record<string, unknown> | null): Record<string, unknown> {
  return tls === null ? { protocol: "TCP" } : { protocol: "TCP_SSL", tls: { certificate: "bench", ...tls } };
}
