/**
 * A program that is compared, and starting it.
 *
 * @module
 */

import { freePort } from "../../tests/support/ports.ts";
import { until } from "../../tests/support/wait.ts";
import type { Ground } from "../ground.ts";
import type { Features, Front, Program, Target } from "../works.ts";

/** Where a proxy listens, by its front and by what stands behind. */
export type Ports = Readonly<Partial<Record<Front, Readonly<Partial<Record<Target, number>>>>>>;

/** A proxy that runs. */
export interface Proxy {
  readonly pid: number;
  readonly ports: Ports;
  /** Weir's only. */
  readonly adminPort?: number;
  stop(): Promise<void>;
}

/** How a proxy is started. */
export interface StartOptions {
  readonly features: Features;
  /** Threads for traffic. */
  readonly threads?: number;
  /** Names of the certificate and key files in the ground's folder, as `NAME.pem` and `NAME.key`. */
  readonly certificate?: { readonly cert: string; readonly key: string; readonly both: string };
}

/** The certificate that is used unless another is asked for. */
export const CERTIFICATE = { cert: "cert.pem", key: "key.pem", both: "both.pem" };

/** A program that can be started. */
export interface Contender {
  readonly program: Program;
  readonly version: string;
  start(ground: Ground, options: StartOptions): Promise<Proxy>;
}

/** One port of a proxy. */
export interface Place {
  readonly front: Front;
  readonly target: Target;
  readonly port: number;
}

/** Free ports for a proxy; with all features there is no sink. */
export function freePlaces(fronts: readonly Front[], features: Features): Place[] {
  const targets: readonly Target[] = features === "all" ? ["web"] : ["web", "sink"];
  return fronts.flatMap((front) => targets.map((target) => ({ front, target, port: freePort() })));
}

/** The port of the server behind a target; with all features it wants a PROXY header. */
export function serverPort({ backend }: Ground, target: Target, features: Features): number {
  if (target === "sink") return backend.sinkPort;
  return features === "all" ? backend.proxyPort : backend.port;
}

/** Starts a program; what it says of its errors is shown. */
export function spawn(
  program: string,
  args: readonly string[],
  options: Pick<Deno.CommandOptions, "stdout"> = {},
): Deno.ChildProcess {
  const { stdout = "null" } = options;
  return new Deno.Command(program, { args: [...args], stdin: "null", stdout, stderr: "inherit" }).spawn();
}

/** What ends a process and waits for it. */
export function stopper(process: Deno.ChildProcess): () => Promise<void> {
  return async () => {
    try {
      process.kill("SIGTERM");
    } catch { /* it has ended by itself */ }
    await process.status;
  };
}

/** A proxy, once every port of it takes connections. @throws {Error} when the program has ended instead */
export async function listening(name: string, process: Deno.ChildProcess, places: readonly Place[]): Promise<Proxy> {
  let ended = false;
  void process.status.then(() => ended = true);
  const ports: Partial<Record<Front, Partial<Record<Target, number>>>> = {};
  for (const { front, target, port } of places) {
    await until(`${name} listens on port ${port}`, async () => {
      if (ended) throw new Error(`${name} has ended at once`);
      return await answers(port);
    });
    ports[front] = { ...ports[front], [target]: port };
  }
  return { pid: process.pid, ports, stop: stopper(process) };
}

async function answers(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** The first version number in what a program says of itself. */
export async function versionOf(program: string, flag: string): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(program, { args: [flag] }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return /(\d+\.\d+\.\d+)/.exec(text)?.[1] ?? "?";
}
