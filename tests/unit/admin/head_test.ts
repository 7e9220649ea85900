/** HEAD over a socket: what GET answers, without the body (RFC 9110, 8.6 and 9.3.2). @module */

import assert from "node:assert/strict";
import { isApiPath } from "../../../src/admin/paths.ts";
import { serveAdmin } from "../../../src/admin/server.ts";
import { createStartingApi } from "../../../src/admin/starting.ts";
import { assetPath } from "../../../src/console/assets.ts";
import { freePort } from "../../support/ports.ts";
import { type RawAnswer, rawRequest } from "../../support/raw_http.ts";
import { until } from "../../support/wait.ts";
import { ConsoleBench } from "../console/bench.ts";
import { AdminBench } from "./bench.ts";

async function ask(port: number, method: string, path: string, headers: readonly string[] = []): Promise<RawAnswer> {
  const host = headers.some((header) => header.startsWith("host:")) ? [] : ["host: 127.0.0.1"];
  const lines = [`${method} ${path} HTTP/1.1`, ...host, "connection: close", ...headers];
  return await rawRequest(port, `${lines.join("\r\n")}\r\n\r\n`);
}

/** The names of the headers that say something of the body; how it is sent says nothing of it. */
function described({ headers }: RawAnswer): string[] {
  return [...headers.keys()].filter((name) => name !== "transfer-encoding").sort();
}

/** The runtime's older servers send bodies in pieces, without a length, and then there is none for HEAD either. */
function assertLength(head: RawAnswer, got: RawAnswer): void {
  assert.notEqual(got.body.length, 0);
  const length = got.headers.get("transfer-encoding") === "chunked" ? undefined : String(got.body.length);
  assert.equal(head.headers.get("content-length"), length);
}

const PATHS: readonly (readonly [path: string, status: number, headers?: readonly string[]])[] = [
  ["/healthz", 200],
  ["/readyz", 200],
  ["/v1/status", 200],
  ["/v1/listeners", 200],
  ["/v1/listeners?tag=x", 400],
  ["/v1/listeners/front", 200],
  ["/v1/listeners/none", 404],
  ["/v1/events", 200],
  ["/v1/reload", 405],
  ["/v1/openapi.json", 200],
  ["/v1/openapi.json", 200, ["accept-encoding: gzip"]],
  ["/v1/nothing", 404],
  ["/v1/status", 421, ["host: evil.example"]],
  ["/v1/status", 403, ["origin: http://evil.example"]],
  ["/", 200],
  ["/listeners", 200],
  ["/nothing", 404],
  [assetPath("console.js"), 200],
  [assetPath("console.js"), 200, ["accept-encoding: gzip"]],
];

Deno.test("HEAD has the status, type and length of what GET answers, and no body", async (test) => {
  await using shown = await ConsoleBench.start();
  const bench = new AdminBench();
  const port = freePort();
  const server = serveAdmin(
    { address: "127.0.0.1", port },
    async (request, address) =>
      isApiPath(new URL(request.url).pathname)
        ? await bench.api.fetch(request)
        : await shown.console.fetch(request, { address }),
  );
  for (const [path, status, headers] of PATHS) {
    await test.step([path, ...headers ?? []].join(" "), async () => {
      const [got, head] = [await ask(port, "GET", path, headers), await ask(port, "HEAD", path, headers)];
      assert.deepEqual([got.status, head.status, head.body], [status, status, ""]);
      assert.deepEqual(described(head), described(got));
      for (const name of ["content-type", "content-encoding", "content-length", "allow"]) {
        assert.equal(head.headers.get(name), got.headers.get(name), name);
      }
      assertLength(head, got);
    });
  }
  await test.step("/metrics, which is never the same twice", async () => {
    const head = await ask(port, "HEAD", "/metrics");
    assert.equal(head.body, "");
    assert.notEqual(head.headers.get("content-length"), "0");
  });
  await test.step("a page that is left for another", async () => {
    shown.token = "the token";
    const [got, head] = [await ask(port, "GET", "/listeners"), await ask(port, "HEAD", "/listeners")];
    shown.token = "";
    assert.deepEqual([got.status, head.status], [303, 303]);
    assert.equal(head.headers.get("location"), got.headers.get("location"));
  });
  await test.step("streams, which have no length, and are closed at once", async () => {
    for (const path of ["/v1/events", "/live?path=/"]) {
      const head = await ask(port, "HEAD", path, ["accept: text/event-stream"]);
      assert.deepEqual([head.status, head.body], [200, ""], path);
      assert.equal(head.headers.get("content-type"), "text/event-stream; charset=utf-8");
      assert.equal(head.headers.get("content-length"), undefined);
    }
    await until("no stream is open any more", () => bench.eventStreams.size === 0 && shown.streams.size === 0);
  });
  await server.close();
});

Deno.test("HEAD has the length of GET while Weir starts", async () => {
  const port = freePort();
  const server = serveAdmin(
    { address: "127.0.0.1", port },
    async (request) => await createStartingApi().fetch(request),
  );
  for (const path of ["/healthz", "/readyz", "/v1/status"]) {
    const [got, head] = [await ask(port, "GET", path), await ask(port, "HEAD", path)];
    assert.deepEqual([head.status, head.body], [got.status, ""]);
    assertLength(head, got);
  }
  await server.close();
});
