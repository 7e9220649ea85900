/** The admin API's socket, and letting go of it. @module */

import assert from "node:assert/strict";
import { serveAdmin } from "../../../src/admin/server.ts";
import { assertRefused, connect } from "../../support/echo.ts";
import { freePort } from "../../support/ports.ts";
import { readAll, writeAll } from "../../support/servers.ts";

Deno.test("AdminServer.close() finishes a request that is under way", async () => {
  const [arrived, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const port = freePort();
  const server = serveAdmin({ address: "127.0.0.1", port }, async () => {
    arrived.resolve();
    await go.promise;
    return new Response("finished");
  });
  const answer = fetch(`http://127.0.0.1:${port}/`).then((response) => response.text());
  await arrived.promise;
  const closed = server.close();
  go.resolve();
  assert.equal(await answer, "finished");
  await closed;
  await assertRefused(port);
});

const STALLED: readonly (readonly [what: string, request: string, reads: boolean])[] = [
  ["in the middle of a head", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: ", true],
  ["before a body that is read", "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n", true],
  ["before a body that nobody reads", "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n", false],
];

for (const [what, request, reads] of STALLED) {
  Deno.test(`AdminServer.close() does not wait for a client that stalls ${what}`, async () => {
    const port = freePort();
    const server = serveAdmin({ address: "127.0.0.1", port }, async (request) => {
      if (reads) await request.text().catch(() => "");
      return new Response("answered");
    });
    const client = await connect(port);
    await writeAll(client, new TextEncoder().encode(request));
    // A request that comes later is answered, so that this one has arrived.
    const later = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
    assert.equal(await later.text(), "answered");
    const startedAt = performance.now();
    await server.close();
    const seconds = (performance.now() - startedAt) / 1000;
    assert.ok(seconds < 10, `it took ${seconds} s`);
    await assertRefused(port);
    await client.closeWrite().catch(() => {});
    await readAll(client).catch(() => {});
    client.close();
  });
}
