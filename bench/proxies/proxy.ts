/**
 * A program that is compared, and starting it.
 *
 * @module
 */

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

/** Waits until every port takes connections. @throws {Error} when the program has ended instead */
export async function untilListening(name: string, process: Deno.ChildProcess, ports: Ports): Promise<void> {
  let ended = false;
  void process.status.then(() => ended = true);
  for (const port of Object.values(ports).flatMap((targets) => Object.values(targets))) {
    await until(`${name} listens on port ${port}`, async () => {
      if (ended) throw new Error(`${name} has ended at once`);
      return await answers(port);
    });
  }
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
