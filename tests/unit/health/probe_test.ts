/** One probe against real sockets. @module */

import assert from "node:assert/strict";
import { probe } from "../../../src/health/probe.ts";
import { freePort } from "../../support/ports.ts";
import { frozenServer, holdServer, serve } from "../../support/servers.ts";
import { until } from "../../support/wait.ts";

const never = new AbortController().signal;

Deno.test("probe() succeeds on an open port and closes the connection in the ordinary way", async () => {
  let ending: number | null | Error | undefined;
  await using server = serve(async (connection) => {
    ending = await connection.read(new Uint8Array(1)).catch((error: Error) => error);
  });
  assert.deepEqual(await probe({ address: "127.0.0.1", port: server.port, timeout: 2 }, never), { ok: true });
  await until("the server sees the end", () => ending !== undefined);
  assert.equal(ending, null, "ended, not reset");
});

Deno.test("probe() fails on a closed port, and says refused", async () => {
  const port = freePort();
  assert.deepEqual(await probe({ address: "127.0.0.1", port, timeout: 2 }, never), {
    ok: false,
    reason: `connection to 127.0.0.1:${port} refused; is it running on that port?`,
  });
});

Deno.test("probe() fails when there is no answer within its timeout, and not before", async () => {
  using server = await frozenServer();
  const startedAt = performance.now();
  const result = await probe({ address: "127.0.0.1", port: server.port, timeout: 0.3 }, never);
  const seconds = (performance.now() - startedAt) / 1000;
  assert.deepEqual(result, {
    ok: false,
    reason: `no answer from 127.0.0.1:${server.port} within 0.3 s; is it up, and no firewall in between?`,
  });
  assert.ok(seconds >= 0.29 && seconds < 20, `took ${seconds} s`);
});

Deno.test("probe() ends at once when it is told to", async () => {
  using server = await frozenServer();
  const stop = new AbortController();
  const result = probe({ address: "127.0.0.1", port: server.port, timeout: 60 }, stop.signal);
  const startedAt = performance.now();
  stop.abort();
  assert.equal((await result).ok, false);
  assert.ok(performance.now() - startedAt < 20_000);
});

Deno.test("probe() says why when an address cannot be reached at all", async () => {
  const result = await probe({ address: "255.255.255.255", port: 9, timeout: 2 }, never);
  assert.equal(result.ok, false);
  assert.match("reason" in result ? result.reason : "", /^connection to 255\.255\.255\.255:9 failed: \S/);
});

Deno.test("probe() reaches IPv6 servers", async () => {
  await using server = holdServer({ hostname: "::1" });
  assert.deepEqual(await probe({ address: "::1", port: server.port, timeout: 2 }, never), { ok: true });
});
