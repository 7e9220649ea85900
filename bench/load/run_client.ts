/**
 * Runs the benchmark's own client, in a process of its own.
 *
 * @module
 */

import { printError } from "../../src/cli/output.ts";
import type { Action } from "../works.ts";
import type { Load } from "./load.ts";

/** What the client is told. */
export interface ClientTask {
  readonly port: number;
  readonly action: Action;
  readonly tls: "none" | "one-way" | "mutual";
  readonly seconds: number;
  readonly connections: number;
  /** Where ca.pem, client.pem and client.key are. */
  readonly folder: string;
}

/** A client that holds connections. */
export interface Holder extends AsyncDisposable {
  readonly opened: Load;
}

const SCRIPT = new URL("./client.ts", import.meta.url).pathname;

function spawn(task: ClientTask): Deno.ChildProcess {
  const args = ["run", "--allow-net", "--allow-read", SCRIPT, JSON.stringify(task)];
  return new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped", stderr: "inherit" }).spawn();
}

/** Makes load for a while. @throws {Error} when the client itself fails */
export async function runClient(task: ClientTask): Promise<Load> {
  const process = spawn(task);
  await process.stdin.close();
  const { success, stdout } = await process.output();
  if (!success) throw new Error("The benchmark's client failed");
  return readAnswer(new TextDecoder().decode(stdout));
}

/** Opens connections with one request on each, and holds them until it is disposed. */
export async function holdConnections(task: Omit<ClientTask, "action" | "seconds">): Promise<Holder> {
  const process = spawn({ ...task, action: "idle", seconds: 0 });
  const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await lines.read();
    if (done) throw new Error("The benchmark's client failed");
    text += value;
  }
  return {
    opened: readAnswer(text),
    async [Symbol.asyncDispose]() {
      await process.stdin.close();
      await lines.cancel();
      await process.status;
    },
  };
}

function readAnswer(text: string): Load {
  const { failures, ...load }: Load & { failures: readonly string[] } = JSON.parse(text);
  for (const failure of failures) printError(`Failed: ${failure}`);
  return pick(load);
}

function pick({ requests, bytes, errors, p50 = null, p99 = null }: Load): Load {
  return { requests, bytes, errors, p50, p99 };
}
