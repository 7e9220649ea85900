/** Before Weir is ready: it is up, and says that it is not ready, in the same shapes as later. @module */

import assert from "node:assert/strict";
import { createStartingApi } from "../../../src/admin/starting.ts";

const HEADERS = { host: "127.0.0.1:9900" };

const ANSWERS = [
  ["GET", "/healthz", 200, "application/json", { status: "ok" }],
  ["GET", "/readyz", 503, "application/json", { ready: false, listeners: {} }],
] as const;

for (const [method, path, status, type, body] of ANSWERS) {
  Deno.test(`a starting admin API answers ${method} ${path} with ${status}`, async () => {
    const answer = await createStartingApi().request(path, { method, headers: HEADERS });
    assert.deepEqual([answer.status, answer.headers.get("content-type")], [status, type]);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.deepEqual(await answer.json(), body);
  });
}

for (const [method, path] of [["GET", "/v1/status"], ["POST", "/v1/reload"], ["GET", "/metrics"], ["GET", "/"]]) {
  Deno.test(`a starting admin API answers ${method} ${path} with a problem document`, async () => {
    const answer = await createStartingApi().request(path ?? "", { method: method ?? "", headers: HEADERS });
    assert.deepEqual(
      [answer.status, answer.headers.get("content-type"), answer.headers.get("retry-after")],
      [503, "application/problem+json", "1"],
    );
    assert.equal((await answer.json()).type, "urn:weir:problem:starting");
  });
}

Deno.test("a starting admin API answers no other host and no page of another origin", async () => {
  const api = createStartingApi();
  assert.equal((await api.request("/healthz", { headers: { host: "evil.example" } })).status, 421);
  const page = { ...HEADERS, origin: "http://evil.example" };
  assert.equal((await api.request("/readyz", { headers: page })).status, 403);
});
