/** The admin API's socket, and letting go of it. @module */

import assert from "node:assert/strict";
import { serveAdmin } from "../../../src/admin/server.ts";
import { assertRefused, connect } from "../../support/echo.ts";
import { freePort } from "../../support/ports.ts";
import { rawRequest } from "../../support/raw_http.ts";
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

Deno.test("a Host that no address can hold is a 421 problem, and nobody has to read the address", async () => {
  const port = freePort();
  let asked = 0;
  const server = serveAdmin({ address: "127.0.0.1", port }, ({ url }) => {
    asked++;
    return new Response(new URL(url).pathname);
  });
  for (const host of ["a b", "[", "%", "127.0.0.1:99999", "\u0080"]) {
    for (const method of ["GET", "HEAD", "POST"]) {
      const request = `${method} /healthz HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
      const { status, headers, body } = await rawRequest(port, request);
      assert.deepEqual([status, headers.get("content-type")], [421, "application/problem+json"], `${method} ${host}`);
      assert.deepEqual([headers.get("cache-control"), headers.get("x-content-type-options")], ["no-store", "nosniff"]);
      if (method === "HEAD") assert.equal(body, "");
      else assert.equal(JSON.parse(body).type, "urn:weir:problem:wrong_host");
    }
  }
  assert.equal(asked, 0);
  const good = "HEAD /healthz HTTP/1.1\r\nhost: [::1]:9900\r\nconnection: close\r\n\r\n";
  assert.deepEqual([(await rawRequest(port, good)).status, asked], [200, 1]);
  await server.close();
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
