/** The load generator `wrk` and what its report must not say. @module */

import assert from "node:assert/strict";
import { run } from "./peers.ts";

const PACED = new URL("./paced.lua", import.meta.url).pathname;

/**
 * Milliseconds between two requests of a connection. What is shown under load is shown as well by some thousand requests
 * a second as by as many as the machine can do, which would take it from everything else that runs.
 */
const PAUSE_MS = Deno.env.get("WEIR_LONG") === "1" ? 0 : 10;

/** Runs wrk to its end and fails unless every request was answered with 2xx. @returns how many there were */
export async function wrkWithoutErrors(
  program: string,
  args: readonly string[],
  { pause = PAUSE_MS } = {},
): Promise<number> {
  const words = [
    "--timeout",
    "15s",
    ...pause === 0 ? [] : ["-s", PACED],
    ...args,
    ...pause === 0 ? [] : ["--", `${pause}`],
  ];
  const { code, stdout, stderr } = await run(program, words);
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout, /Socket errors/, stdout);
  assert.doesNotMatch(stdout, /Non-2xx/, stdout);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  assert.ok(requests > 0, stdout);
  return requests;
}
