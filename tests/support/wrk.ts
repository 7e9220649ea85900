/** The load generator `wrk` and what its report must not say. @module */

import assert from "node:assert/strict";
import { run } from "./peers.ts";

const PACED = new URL("./paced.lua", import.meta.url).pathname;

/**
 * Milliseconds between two requests of a connection. What is shown under load is shown as well by some thousand requests
 * a second as by as many as the machine can do, which would take it from everything else that runs.
 */
const PAUSE_MS = Deno.env.get("WEIR_LONG") === "1" ? 0 : 10;

/** A command line of wrk. */
function wordsOf(args: readonly string[], pause: number): string[] {
  const paced = pause === 0 ? [] : ["-s", PACED];
  return ["--timeout", "15s", ...paced, ...args, ...pause === 0 ? [] : ["--", `${pause}`]];
}

/** Runs wrk to its end and fails unless every request was answered with 2xx. @returns how many there were */
export async function wrkWithoutErrors(
  program: string,
  args: readonly string[],
  { pause = PAUSE_MS } = {},
): Promise<number> {
  return requestsOf(await run(program, wordsOf(args, pause)));
}

/**
 * The same for as long as some work takes, however fast the machine is: wrk is told to end when the work is done.
 *
 * @param args without a duration
 */
export async function wrkDuring(
  program: string,
  args: readonly string[],
  work: () => Promise<void>,
): Promise<number> {
  const child = new Deno.Command(program, {
    args: wordsOf(["-d1h", ...args], PAUSE_MS),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let isOver = false;
  const output = child.output().finally(() => isOver = true);
  let isUnderLoad = false;
  try {
    await work();
    isUnderLoad = !isOver;
  } finally {
    // It reports then, as when its time is over.
    if (!isOver) child.kill("SIGINT");
    await output;
  }
  const { code, stdout, stderr } = await output;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.ok(isUnderLoad, `wrk ended before the work did: ${text(stdout)}${text(stderr)}`);
  return requestsOf({ code, stdout: text(stdout), stderr: text(stderr) });
}

function requestsOf({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }): number {
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout, /Socket errors/, stdout);
  assert.doesNotMatch(stdout, /Non-2xx/, stdout);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  assert.ok(requests > 0, stdout);
  return requests;
}
