/** Refused clients in the log: enough to see who and why, and never a flood. @module */

import assert from "node:assert/strict";
import type { LogFields } from "../../../src/log.ts";
import { RefusalLog } from "../../../src/worker/refusal_log.ts";

class Bench {
  now = 0;
  readonly lines: [level: string, message: string, fields: LogFields | undefined][] = [];
  readonly log = (level: string, message: string, fields?: LogFields) => void this.lines.push([level, message, fields]);
}

Deno.test("RefusalLog names the listener, the client and the reason", () => {
  const bench = new Bench();
  const refusals = new RefusalLog("web", bench.log, undefined, () => bench.now);
  refusals.note("192.0.2.9", "limit");
  assert.deepEqual(bench.lines, [
    ["debug", 'Listener "web" turned client 192.0.2.9 away: limit', {
      listener: "web",
      client: "192.0.2.9",
      reason: "limit",
    }],
  ]);
});

Deno.test("RefusalLog tells in words what is known, why a handshake failed, and as loud as it was told to", () => {
  const bench = new Bench();
  const refusals = new RefusalLog("web", bench.log, "info", () => bench.now);
  const text = `the client's certificate "CN=x" was refused: it has expired`;
  refusals.note("2001:db8::9", "handshake_failed", { text, failure: "expired" });
  assert.deepEqual(bench.lines, [
    ["info", `Listener "web" turned client 2001:db8::9 away: ${text}`, {
      listener: "web",
      client: "2001:db8::9",
      reason: "handshake_failed",
      failure: "expired",
    }],
  ]);
});

Deno.test("RefusalLog writes one line a second and says how many it has left out", () => {
  const bench = new Bench();
  const refusals = new RefusalLog("web", bench.log, "debug", () => bench.now);
  for (
    const [now, client] of [[0, "a"], [1, "b"], [999, "c"], [1000, "d"], [1500, "e"], [5000, "f"], [9000, "g"]] as const
  ) {
    bench.now = now;
    refusals.note(client, "denied");
  }
  const line = (client: string, more = "") => `Listener "web" turned client ${client} away: denied${more}`;
  assert.deepEqual(bench.lines.map(([, message]) => message), [
    line("a"),
    line("d", " (and 2 more clients since the last such line)"),
    line("f", " (and 1 more clients since the last such line)"),
    line("g"),
  ]);
});
