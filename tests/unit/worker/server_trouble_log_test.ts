/** Servers that take connections and no clients are told of, once a minute. @module */

import assert from "node:assert/strict";
import { ServerTroubleLog } from "../../../src/worker/server_trouble_log.ts";
import { poolPlan, serverPlan, TestPool } from "../plans.ts";

Deno.test("ServerTroubleLog.note() logs each server once a minute, whatever the reason", () => {
  const lines: string[] = [];
  let now = 0;
  const log = new ServerTroubleLog("web", (level, message) => lines.push(`${level} ${message}`), () => now);
  const pool = new TestPool(poolPlan([serverPlan({ port: 1 }), serverPlan({ port: 2 })]));
  const [one, two] = [pool.server("127.0.0.1:1"), pool.server("127.0.0.1:2")];
  log.note(one, "expired");
  log.note(one, "expired");
  log.note(two, "somebody else");
  now = 59_999;
  log.note(one, "another reason");
  now = 60_000;
  log.note(one, "yet another");
  assert.deepEqual(lines, [
    'warn Server 127.0.0.1:1 of listener "web" was passed over: expired',
    'warn Server 127.0.0.1:2 of listener "web" was passed over: somebody else',
    'warn Server 127.0.0.1:1 of listener "web" was passed over: yet another',
  ]);
});
