/** Changing one server through the admin API: what is taken, what is refused, and what is answered. @module */

import assert from "node:assert/strict";
import { z } from "@hono/zod-openapi";
import { groupSchema, groupServerSchema, listenerSchema, serverSchema } from "../../../src/admin/schemas.ts";
import { WeirError } from "../../../src/errors.ts";
import { AdminBench, testModel } from "./bench.ts";

const JSON_TYPE = { "content-type": "application/json" };
const SERVER = "/v1/backend-groups/web/servers/10.0.0.11:80";

function patch(bench: AdminBench, path: string, body: unknown, headers: HeadersInit = JSON_TYPE): Promise<Response> {
  return bench.request(path, {
    method: "PATCH",
    headers,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** The answered servers with their weights, `!` for those drained. */
async function changed(response: Response, schema: z.ZodType = groupServerSchema): Promise<string> {
  assert.equal(response.status, 200, await response.clone().text());
  const body: unknown = await response.json();
  assert.deepEqual(z.object({ servers: z.array(schema) }).parse(body), body, "the answer is what is documented");
  const { servers } = z.object({ servers: z.array(z.looseObject(groupServerSchema.shape)) }).parse(body);
  return servers.map(({ server, weight, draining }) => `${server}=${weight}${draining ? "!" : ""}`).join(" ");
}

Deno.test("PATCH of a group's server changes it in every listener that uses the group, and answers with it", async () => {
  const bench = new AdminBench();
  assert.equal(await changed(await patch(bench, SERVER, { drain: true })), "10.0.0.11:80=10!");
  assert.equal(await changed(await patch(bench, SERVER, { weight: 0 })), "10.0.0.11:80=0!");
  assert.equal(await changed(await patch(bench, SERVER, { drain: false, weight: 100 })), "10.0.0.11:80=100");
  await patch(bench, SERVER, { drain: true });
  for (const name of ["front", "safe"]) {
    const { servers } = listenerSchema.parse(await (await bench.request(`/v1/listeners/${name}`)).json());
    assert.deepEqual(servers.map(({ weight, draining }) => [weight, draining]), [[100, true], [0, false]], name);
  }
  const metrics = await (await bench.request("/metrics")).text();
  assert.match(metrics, /^weir_server_draining{listener="front",server="10\.0\.0\.11:80".*} 1$/m);
  assert.match(metrics, /^weir_server_draining{listener="front",server="10\.0\.0\.12:80".*} 0$/m);
});

Deno.test("PATCH of a listener's server changes it there alone", async () => {
  const bench = new AdminBench();
  const answer = await patch(bench, "/v1/listeners/front/servers/10.0.0.11:80", { drain: true });
  assert.equal(await changed(answer, serverSchema), "10.0.0.11:80=10!");
  const drained = (name: string) => bench.model.listeners.get(name)?.pool.servers[0]?.draining;
  assert.deepEqual([drained("front"), drained("safe")], [true, false]);
  assert.equal(bench.model.groups.get("web")?.servers[0]?.draining, false);
});

const REFERENCES: readonly (readonly [path: string, servers: string])[] = [
  ["/v1/listeners/own/servers/[2001:db8::1]:80", "[2001:db8::1]:80"],
  ["/v1/listeners/own/servers/%5B2001%3Adb8%3A%3A1%5D%3A80", "[2001:db8::1]:80"],
  ["/v1/listeners/own/servers/[2001:DB8:0:0::1]:80", "[2001:db8::1]:80"],
  ["/v1/backend-groups/named/servers/app.internal:80", "10.0.0.21:80 10.0.0.22:80"],
  ["/v1/backend-groups/named/servers/APP.Internal:80", "10.0.0.21:80 10.0.0.22:80"],
  ["/v1/backend-groups/named/servers/10.0.0.22:80", "10.0.0.22:80"],
  ["/v1/backend-groups/named/servers/lost.internal:80", ""],
];

for (const [path, servers] of REFERENCES) {
  Deno.test(`PATCH ${path} is about ${servers || "nobody at the moment"}`, async () => {
    const response = await patch(new AdminBench(), path, { drain: true });
    const { servers: found } = await response.json() as { servers: { server: string; draining: boolean }[] };
    assert.equal(response.status, 200);
    assert.equal(found.map(({ server }) => server).join(" "), servers);
    assert.ok(found.every(({ draining }) => draining));
  });
}

const REFUSED: readonly (readonly [body: string, status: number, kind: string, detail: RegExp])[] = [
  ['{"weight":101}', 400, "bad_request", /^weight: must be between 0 and 100, got 101$/],
  ['{"weight":-1}', 400, "bad_request", /^weight: must be between 0 and 100, got -1$/],
  ['{"weight":1.5}', 400, "bad_request", /^weight: must be a whole number between 0 and 100, got 1\.5$/],
  ['{"weight":"x"}', 400, "bad_request", /^weight: .*got "x"$/],
  ['{"weight":null}', 400, "bad_request", /^weight: /],
  ['{"drain":"yes"}', 400, "bad_request", /^drain: must be true or false, got "yes"$/],
  ['{"drain":true,"weight":101}', 400, "bad_request", /^weight: /],
  ['{"drian":true}', 400, "bad_request", /^unknown key "drian" \(did you mean "drain"\?\)/],
  ['{"drain":true,"a":1,"b":1}', 400, "bad_request", /^unknown key "a"; known are weight, drain; unknown key "b"/],
  ["{}", 400, "bad_request", /^needs "weight" or "drain"$/],
  ["[]", 400, "bad_request", /^must be a mapping/],
  ["null", 400, "bad_request", /^must be a mapping/],
  ["", 400, "bad_request", /^The body is empty$/],
  ['{"drain":', 400, "bad_request", /JSON/],
  ['{"weight":1,"weight":2}', 400, "bad_request", /^The body holds the key "weight" twice$/],
];

for (const [body, status, kind, detail] of REFUSED) {
  Deno.test(`PATCH of a server with ${body || "no body"} is refused and changes nothing`, async () => {
    const bench = new AdminBench();
    bench.override = () => assert.fail("it must not get that far");
    const response = await patch(bench, SERVER, body);
    assert.deepEqual([response.status, response.headers.get("content-type")], [status, "application/problem+json"]);
    const problem = await response.json() as { type: string; detail: string };
    assert.equal(problem.type, `urn:weir:problem:${kind}`);
    assert.match(problem.detail, detail);
  });
}

Deno.test("PATCH of a server wants JSON and says so", async () => {
  for (
    const headers of [{}, { "content-type": "application/x-www-form-urlencoded" }, { "content-type": "text/json" }]
  ) {
    const response = await patch(new AdminBench(), SERVER, { drain: true }, headers);
    assert.equal(response.status, 415);
    assert.match((await response.json() as { detail: string }).detail, /application\/json/);
  }
  const response = await patch(new AdminBench(), SERVER, { drain: true }, {
    "content-type": "application/json; charset=utf-8",
  });
  assert.equal(await changed(response), "10.0.0.11:80=10!");
});

const UNKNOWN: readonly (readonly [path: string, kind: string, detail: string])[] = [
  ["/v1/backend-groups/wbe/servers/10.0.0.11:80", "no_such_backend_group", '"wbe" (did you mean "web"?)'],
  ["/v1/listeners/fornt/servers/10.0.0.11:80", "no_such_listener", '"fornt" (did you mean "front"?)'],
  ["/v1/listeners/__proto__/servers/10.0.0.11:80", "no_such_listener", '"__proto__"'],
  ["/v1/listeners/front/servers/10.0.0.11:81", "no_such_server", '(did you mean "10.0.0.11:80"?)'],
  ["/v1/listeners/front/servers/10.0.0.11", "no_such_server", '(did you mean "10.0.0.11:80"?)'],
  ["/v1/listeners/front/servers/nobody", "no_such_server", "; it has 10.0.0.11:80, 10.0.0.12:80"],
  ["/v1/listeners/own/servers/2001:db8::1:80", "no_such_server", '(did you mean "[2001:db8::1]:80"?)'],
  ["/v1/listeners/own/servers/%E0%A4%A", "no_such_server", "it has [2001:db8::1]:80"],
  ["/v1/backend-groups/named/servers/ap.internal:80", "no_such_server", '(did you mean "app.internal:80"?)'],
  ["/v1/backend-groups/idle/servers/10.0.0.11:80", "no_such_server", "; it has none"],
  ["/v1/listeners/front/servers/", "no_such_path", ""],
];

for (const [path, kind, hint] of UNKNOWN) {
  Deno.test(`PATCH ${path} is a 404 problem with a hint`, async () => {
    const response = await patch(new AdminBench(), path, { drain: true });
    assert.equal(response.status, 404);
    const problem = await response.json() as { type: string; detail: string };
    assert.equal(problem.type, `urn:weir:problem:${kind}`);
    assert.ok(problem.detail.includes(hint), problem.detail);
  });
}

Deno.test("PATCH of a server that leaves while its turn is awaited is a 404", async () => {
  const bench = new AdminBench();
  bench.override = () => {
    const model = testModel();
    const front = model.listeners.get("front");
    assert.ok(front !== undefined);
    const pool = { ...front.pool, servers: front.pool.servers.slice(1) };
    bench.model = { ...model, listeners: new Map([["front", { ...front, pool }]]) };
    return Promise.resolve();
  };
  const response = await patch(bench, "/v1/listeners/front/servers/10.0.0.11:80", { drain: true });
  assert.equal(response.status, 404);
});

Deno.test("PATCH of a server that cannot be carried out is a 422, and a fault of ours a 500", async () => {
  const bench = new AdminBench();
  bench.override = () => Promise.reject(new WeirError("stopping", "Weir is stopping"));
  const refused = await patch(bench, SERVER, { drain: true });
  assert.equal(refused.status, 422);
  assert.equal((await refused.json() as { type: string }).type, "urn:weir:problem:stopping");
  bench.override = () => Promise.reject(new RangeError("a mistake"));
  assert.equal((await patch(bench, SERVER, { drain: true })).status, 500);
});

Deno.test("PATCH of a server needs the token, before it says anything of the server", async () => {
  const bench = new AdminBench();
  bench.token = "secret";
  for (const path of [SERVER, "/v1/listeners/front/servers/nobody"]) {
    assert.equal((await patch(bench, path, "not JSON")).status, 401);
    assert.equal((await patch(bench, path, { drain: true }, { ...JSON_TYPE, authorization: "Bearer no" })).status, 401);
  }
  assert.equal(bench.model.groups.get("web")?.servers[0]?.draining, false);
  const authorized = { ...JSON_TYPE, authorization: "Bearer secret" };
  assert.equal(await changed(await patch(bench, SERVER, { drain: true }, authorized)), "10.0.0.11:80=10!");
});

Deno.test("PATCH of a server by a page of another origin is refused", async () => {
  const bench = new AdminBench();
  const headers = { ...JSON_TYPE, origin: "http://evil.example" };
  assert.equal((await patch(bench, SERVER, { drain: true }, headers)).status, 403);
  assert.equal(bench.model.groups.get("web")?.servers[0]?.draining, false);
});

Deno.test("GET of a group with host names shows what is known of them", async () => {
  const bench = new AdminBench();
  const group = groupSchema.parse(await (await bench.request("/v1/backend-groups/named")).json());
  assert.deepEqual(group.servers.map(({ server, configured }) => [server, configured]), [
    ["10.0.0.21:80", "app.internal:80"],
    ["10.0.0.22:80", "app.internal:80"],
  ]);
  assert.deepEqual(group.names.map(({ name, addresses, error }) => [name, addresses, error]), [
    ["app.internal", ["10.0.0.21", "10.0.0.22"], null],
    ["lost.internal", [], "not known"],
  ]);
  const metrics = await (await bench.request("/metrics")).text();
  assert.match(metrics, /^weir_name_resolved{name="app\.internal"} 1$/m);
  assert.match(metrics, /^weir_name_resolved{name="lost\.internal"} 0$/m);
});
