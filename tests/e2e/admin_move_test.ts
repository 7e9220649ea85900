/** The admin API on another address: with the token of that address from its first answer on, or not at all. @module */

import assert from "node:assert/strict";
import { backends, listener, type Settings } from "../support/configs.ts";
import { assertRefused, connect } from "../support/echo.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { nameServer, readName, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const TOKEN = "a-token-for-tests";
const AUTHORIZED = { headers: { authorization: `Bearer ${TOKEN}` } };

/** Asks an admin API on a port of loopback. @returns the status, or `undefined` when nobody listens */
async function ask(port: number, path: string, init: RequestInit = {}): Promise<number | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    await response.body?.cancel();
    return response.status;
  } catch {
    return undefined;
  }
}

Deno.test("the admin API moves to an address with a token: no answer there without it, not even in between", async () => {
  await using server = nameServer("served");
  const first = listener(freePort(), backends([server.port]));
  await using running = await RunningWeir.start({ listeners: [first] });
  const adminPort = freePort();
  // Each new listener starts a worker, which takes its time: the new address is open and not yet in force.
  const more = Array.from(
    { length: 6 },
    (_, index) => listener(freePort(), backends([server.port]), { name: `more-${index}` }),
  );
  await running.write({ listeners: [first, ...more], admin: { listen: `127.0.0.1:${adminPort}`, token: TOKEN } });
  const statuses = new Set<number>();
  let over = false;
  const asking = (async () => {
    while (!over) {
      const status = await ask(adminPort, "/v1/status");
      if (status !== undefined) statuses.add(status);
    }
  })();
  try {
    const { status, body } = await running.reload();
    assert.equal(status, 200, JSON.stringify(body));
    await until("the new address is in force", () => statuses.has(401));
  } finally {
    over = true;
    await asking;
  }
  statuses.delete(503); // "starting"
  assert.deepEqual([...statuses], [401]);
  assert.equal(await ask(adminPort, "/v1/reload", { method: "POST" }), 401);
  assert.equal(await ask(adminPort, "/v1/status", AUTHORIZED), 200);
  assert.equal(await ask(adminPort, "/readyz"), 200, "which needs no token");
  await until("the old address is closed", () => assertRefused(running.adminPort).then(() => true, () => false));
  assert.equal(await ask(adminPort, "/v1/reload", { method: "POST", ...AUTHORIZED }), 200);
});

Deno.test("the admin API cannot move to an address that overlaps its own: one clear 422, and all stays as it was", async () => {
  await using server = nameServer("served");
  const adminPort = freePort("0.0.0.0");
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  const at = (listen: string, settings: Settings = {}) => ({
    admin: { listen, token: TOKEN },
    listeners: [listener(port, backends([server.port]), settings)],
  });
  assert.equal((await running.reload(at(`0.0.0.0:${adminPort}`))).status, 200);

  await running.write(at(`127.0.0.1:${adminPort}`, { description: "never taken up" }));
  const refused = await fetch(`http://127.0.0.1:${adminPort}/v1/reload`, { method: "POST", ...AUTHORIZED });
  const { type, detail } = await refused.json() as { type: string; detail: string };
  assert.deepEqual([refused.status, type], [422, "urn:weir:problem:bind_failed"]);
  assert.equal(
    detail,
    `The admin API cannot move to 127.0.0.1:${adminPort} while it listens on 0.0.0.0:${adminPort}; ` +
      "restart Weir, or move it to another port first; the old configuration serves on",
  );
  assert.equal(await ask(adminPort, "/v1/status"), 401);
  const shown = await fetch(`http://127.0.0.1:${adminPort}/v1/listeners/web`, AUTHORIZED);
  assert.equal((await shown.json() as { description: string }).description, "");
  assert.equal(await readName(port), "served");

  // And in two steps it goes through.
  const other = freePort();
  await running.write(at(`127.0.0.1:${other}`));
  assert.equal(await ask(adminPort, "/v1/reload", { method: "POST", ...AUTHORIZED }), 200);
  await until("the wide address is closed", () => assertRefused(adminPort).then(() => true, () => false));
  await running.write(at(`127.0.0.1:${adminPort}`));
  assert.equal(await ask(other, "/v1/reload", { method: "POST", ...AUTHORIZED }), 200);
  assert.equal(await ask(adminPort, "/v1/status", AUTHORIZED), 200);
});

Deno.test("the admin API moves away from a client that stalls, and the program goes on", async () => {
  await using server = nameServer("served");
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  using stalled = await connect(running.adminPort);
  const head = `POST /v1/reload HTTP/1.1\r\nHost: 127.0.0.1:${running.adminPort}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  await writeAll(stalled, new TextEncoder().encode(head));
  const adminPort = freePort();
  const moved = { listeners: [listener(port, backends([server.port]))], admin: { listen: `127.0.0.1:${adminPort}` } };
  assert.equal((await running.reload(moved)).status, 200);
  await until("the old address is closed", () => assertRefused(running.adminPort).then(() => true, () => false));
  // What was begun is answered, or the client is closed, as the runtime has it; the connection may stay then.
  await stalled.readable.getReader().read().catch(() => {});
  assert.equal(await ask(adminPort, "/readyz"), 200);
  assert.equal(await readName(port), "served");
});
