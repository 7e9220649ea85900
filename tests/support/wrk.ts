/** The load generator `wrk` and what its report must not say. @module */

import assert from "node:assert/strict";
import { run } from "./peers.ts";

/** Runs wrk to its end and fails unless every request was answered with 2xx. @returns how many there were */
export async function wrkWithoutErrors(program: string, args: readonly string[]): Promise<number> {
  const { code, stdout, stderr } = await run(program, ["--timeout", "15s", ...args]);
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout, /Socket errors/, stdout);
  assert.doesNotMatch(stdout, /Non-2xx/, stdout);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  assert.ok(requests > 0, stdout);
  return requests;
}
