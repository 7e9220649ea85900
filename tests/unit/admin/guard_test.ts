/** Who may talk to the admin API. @module */

import assert from "node:assert/strict";
import { isOwnHost, sameSecret } from "../../../src/admin/guard.ts";
import { AdminBench, REPORT } from "./bench.ts";

const OPEN = ["/healthz", "/readyz"];
const GUARDED = ["/v1/status", "/v1/listeners", "/v1/listeners/front", "/v1/backend-groups", "/metrics", "/nothing"];

const TOKENS: readonly (readonly [what: string, header: string | undefined, kind: string | undefined])[] = [
  ["no token", undefined, "token_missing"],
  ["an empty header", "", "token_missing"],
  ["another scheme", "Basic c2VjcmV0", "token_missing"],
  ["the bare token", "secret", "token_missing"],
  ["a wrong token", "Bearer wrong", "token_wrong"],
  ["a token that only begins right", "Bearer secret2", "token_wrong"],
  ["a token in other letters", "Bearer SECRET", "token_wrong"],
  ["the token", "Bearer secret", undefined],
  ["the token and a scheme in small letters", "bearer secret", undefined],
  ["the token and a scheme in capitals", "BEARER secret", undefined],
  ["the token after several blanks", "Bearer   secret", undefined],
];

for (const [what, header, kind] of TOKENS) {
  Deno.test(`admin API with ${what} ${kind === undefined ? "lets in" : `answers 401 ${kind}`}`, async () => {
    const bench = new AdminBench();
    bench.token = "secret";
    for (const path of GUARDED) {
      const response = await bench.request(path, header === undefined ? {} : { headers: { authorization: header } });
      const body = await response.text();
      if (kind === undefined) {
        assert.notEqual(response.status, 401, path);
        continue;
      }
      assert.equal(response.status, 401, path);
      assert.equal(JSON.parse(body).type, `urn:weir:problem:${kind}`);
      assert.match(response.headers.get("www-authenticate") ?? "", /^Bearer/);
      assert.doesNotMatch(body, /secret/);
    }
  });
}

Deno.test("admin API asks nobody for a token on /healthz and /readyz", async () => {
  const bench = new AdminBench();
  bench.token = "secret";
  for (const path of OPEN) assert.equal((await bench.request(path)).status, 200);
});

Deno.test("admin API asks nobody for a token when there is none, and takes up a new one at once", async () => {
  const bench = new AdminBench();
  assert.equal((await bench.request("/v1/status")).status, 200);
  bench.token = "new";
  assert.equal((await bench.request("/v1/status")).status, 401);
  assert.equal((await bench.request("/v1/reload", { method: "POST" })).status, 401);
});

Deno.test("sameSecret() tells secrets apart, whatever their lengths", () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["", "", true],
    ["a", "a", true],
    ["a", "b", false],
    ["a", "aa", false],
    ["", "a", false],
    ["grün", "grün", true],
    ["x".repeat(10_000), "x".repeat(10_000), true],
    ["x".repeat(10_000), "x".repeat(9_999) + "y", false],
  ];
  for (const [a, b, same] of cases) assert.equal(sameSecret(a, b), same, `${a.slice(0, 10)} ${b.slice(0, 10)}`);
});

const HOSTS: readonly (readonly [host: string, own: boolean])[] = [
  ["127.0.0.1", true],
  ["127.0.0.1:9900", true],
  ["localhost", true],
  ["LOCALHOST:9900", true],
  ["[::1]:9900", true],
  ["[::1]", true],
  ["192.0.2.7:9900", true],
  ["evil.example", false],
  ["evil.example:9900", false],
  ["127.0.0.1.evil.example", false],
  ["127.0.0.1.evil.example:9900", false],
  ["localhost.evil.example", false],
  ["evil.example#127.0.0.1", false],
  ["127.0.0.1@evil.example", false],
  ["[evil.example]", false],
  ["127.1", false],
  ["0x7f000001", false],
  ["", false],
];

for (const [host, own] of HOSTS) {
  Deno.test(`admin API ${own ? "answers" : "refuses with 421"} Host "${host}"`, async () => {
    assert.equal(isOwnHost(host), own);
    const bench = new AdminBench();
    for (const path of ["/healthz", "/v1/status", "/nothing"]) {
      const response = await bench.request(path, { headers: { host } });
      const body = await response.text();
      assert.equal(response.status === 421, !own, path);
      if (!own) assert.equal(JSON.parse(body).type, "urn:weir:problem:wrong_host");
      assert.equal(response.headers.get("x-content-type-options"), "nosniff");
      assert.equal(response.headers.get("cache-control"), "no-store");
    }
  });
}

const ORIGINS: readonly (readonly [what: string, headers: Record<string, string>, own: boolean])[] = [
  ["no Origin", {}, true],
  ["its own Origin", { origin: "http://127.0.0.1:9900" }, true],
  ["its own Origin from a page of its own", { origin: "http://127.0.0.1:9900", "sec-fetch-site": "same-origin" }, true],
  ["an address typed into a browser", { "sec-fetch-site": "none" }, true],
  ["another Origin", { origin: "https://evil.example" }, false],
  ["its own address with another port as Origin", { origin: "http://127.0.0.1:8000" }, false],
  ["its own address by another name as Origin", { origin: "http://localhost:9900" }, false],
  ["an Origin that only begins like its own", { origin: "http://127.0.0.1:9900.evil.example" }, false],
  ["the Origin null, as of a sandboxed page", { origin: "null" }, false],
  ["an Origin that is no URL", { origin: "127.0.0.1:9900" }, false],
  ["Sec-Fetch-Site cross-site", { "sec-fetch-site": "cross-site" }, false],
  ["its own Origin and cross-site", { origin: "http://127.0.0.1:9900", "sec-fetch-site": "cross-site" }, false],
];

for (const [what, headers, own] of ORIGINS) {
  Deno.test(`admin API ${own ? "answers" : "refuses with 403"} a request with ${what}`, async () => {
    const bench = new AdminBench();
    let reloads = 0;
    bench.reload = () => {
      reloads++;
      return Promise.resolve(REPORT);
    };
    for (const [method, path] of [["GET", "/healthz"], ["GET", "/v1/status"], ["POST", "/v1/reload"]] as const) {
      const response = await bench.request(path, { method, headers: { host: "127.0.0.1:9900", ...headers } });
      const body = await response.text();
      assert.equal(response.status, own ? 200 : 403, `${method} ${path}`);
      if (!own) assert.equal(JSON.parse(body).type, "urn:weir:problem:wrong_origin");
      assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    }
    assert.equal(reloads, own ? 1 : 0);
  });
}

Deno.test("admin API has no CORS headers on any answer, whoever asks", async () => {
  const bench = new AdminBench();
  const headers = { origin: "https://evil.example", "access-control-request-method": "POST" };
  for (const path of [...OPEN, ...GUARDED, "/v1/reload", "/v1/openapi.json"]) {
    for (const method of ["GET", "POST", "OPTIONS"]) {
      const response = await bench.request(path, { method, headers });
      await response.body?.cancel();
      const cors = [...response.headers.keys()].filter((name) => name.startsWith("access-control-"));
      assert.deepEqual(cors, [], `${method} ${path}`);
    }
  }
});
