/** What the admin API answers, route by route. @module */

import assert from "node:assert/strict";
import { z } from "@hono/zod-openapi";
import { problemSchema } from "../../../src/admin/problem.ts";
import {
  certificateSchema,
  groupSchema,
  listenerSchema,
  readySchema,
  reloadSchema,
  statusSchema,
} from "../../../src/admin/schemas.ts";
import { ConfigError, WeirError } from "../../../src/errors.ts";
import { HANDSHAKE_FAILURES } from "../../../src/net/tls/handshake_failure.ts";
import { certificatePlan, tlsPlan } from "../plans.ts";
import { AdminBench, REPORT } from "./bench.ts";

/** Refuses keys that the schema does not name, all the way down: what is answered must be what is documented. */
function assertFits(schema: z.ZodType, body: unknown): void {
  const result = schema.safeParse(body);
  assert.ok(result.success, JSON.stringify(result.error?.issues));
  assert.deepEqual(result.data, body, "the answer holds keys that the schema does not name");
}

async function assertProblem(response: Response, status: number, kind: string): Promise<z.infer<typeof problemSchema>> {
  assert.equal(response.status, status);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const body: unknown = await response.json();
  assertFits(problemSchema, body);
  const problem = problemSchema.parse(body);
  assert.equal(problem.type, `urn:weir:problem:${kind}`);
  assert.equal(problem.status, status);
  return problem;
}

const READS: readonly (readonly [path: string, schema: z.ZodType])[] = [
  ["/healthz", z.object({ status: z.literal("ok") })],
  ["/readyz", readySchema],
  ["/v1/status", statusSchema],
  ["/v1/listeners", z.object({ listeners: z.array(listenerSchema) })],
  ["/v1/listeners/front", listenerSchema],
  ["/v1/listeners/safe", listenerSchema],
  ["/v1/listeners/own", listenerSchema],
  ["/v1/backend-groups", z.object({ backendGroups: z.array(groupSchema) })],
  ["/v1/backend-groups/web", groupSchema],
  ["/v1/backend-groups/idle", groupSchema],
  ["/v1/certificates", z.object({ certificates: z.array(certificateSchema) })],
  ["/v1/certificates/www", certificateSchema],
  ["/v1/certificates/spare?kind=certificate", certificateSchema],
];

for (const [path, schema] of READS) {
  Deno.test(`GET ${path} answers JSON that fits its schema`, async () => {
    const bench = new AdminBench();
    bench.boards.listener("front")?.opened();
    const server = bench.boards.server("front", "10.0.0.11:80");
    server?.probed(false, Date.now());
    const response = await bench.request(path);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assertFits(schema, await response.json());
  });
}

Deno.test("GET /v1/listeners/{name} shows settings, counters and servers as the board has them", async () => {
  const bench = new AdminBench();
  const counters = bench.boards.listener("front");
  const server = bench.boards.server("front", "10.0.0.11:80");
  counters?.opened();
  counters?.opened();
  counters?.closed("idle_timeout");
  counters?.addBytesIn(2 ** 31);
  counters?.addBytesIn(2 ** 31);
  server?.reserve();
  server?.connectFailed();
  server?.probed(false, Date.UTC(2026, 0, 1));
  if (server !== undefined) server.health = "Abnormal";
  const body = listenerSchema.parse(await (await bench.request("/v1/listeners/front")).json());
  const { connectionsActive, connectionsTotal, bytesIn, tags, backendGroup, protocol, port, ports } = body;
  assert.deepEqual({ connectionsActive, connectionsTotal, bytesIn, tags, backendGroup, protocol, port, ports }, {
    connectionsActive: 1,
    connectionsTotal: 2,
    bytesIn: 2 ** 32,
    tags: { env: "prod" },
    backendGroup: "web",
    protocol: "TCP",
    port: 8000,
    ports: null,
  });
  assert.equal(body.connectionsEnded["idle_timeout"], 1);
  const [first, second] = body.servers;
  assert.deepEqual([first?.server, first?.health, first?.connectionsActive, first?.connectFailures], [
    "10.0.0.11:80",
    "Abnormal",
    1,
    1,
  ]);
  assert.deepEqual(first?.lastProbe, { at: "2026-01-01T00:00:00.000Z", ok: false, error: "connection refused" });
  assert.deepEqual([second?.weight, second?.backup, second?.lastProbe], [0, true, null]);
});

Deno.test("GET /v1/listeners/{name} and /v1/backend-groups/{name} show how servers are reached over TLS", async () => {
  const bench = new AdminBench();
  const shown = async (path: string) => {
    const body: unknown = await (await bench.request(path)).json();
    return listenerSchema.pick({ backendTls: true }).parse(body).backendTls;
  };
  assert.deepEqual(await shown("/v1/listeners/own"), { serverName: "app.internal", ca: null, verify: true });
  assert.equal(await shown("/v1/listeners/front"), null);
  assert.equal(await shown("/v1/backend-groups/web"), null);
});

Deno.test("GET /v1/listeners/{name} shows what a server that warms up has of its weight", async () => {
  const bench = new AdminBench();
  const shown = async () => {
    const body = listenerSchema.parse(await (await bench.request("/v1/listeners/front")).json());
    assert.equal(body.slowStart, 60);
    return body.servers.map(({ weight, effectiveWeight }) => [weight, effectiveWeight]);
  };
  assert.deepEqual(await shown(), [[10, 10], [0, 0]]);
  bench.boards.server("front", "10.0.0.11:80")?.startWarming(bench.now);
  assert.deepEqual(await shown(), [[10, 1], [0, 0]]);
  bench.now += 30_000;
  assert.deepEqual(await shown(), [[10, 5.5], [0, 0]]);
  bench.now += 30_000;
  assert.deepEqual(await shown(), [[10, 10], [0, 0]]);
});

Deno.test("GET /v1/listeners/{name} shows how TLS is ended, and why handshakes failed", async () => {
  const bench = new AdminBench();
  const counters = bench.boards.listener("safe");
  counters?.handshakeFailed("unknown_ca");
  counters?.handshakeFailed("unknown_ca");
  const shown = async (name: string) =>
    listenerSchema.parse(await (await bench.request(`/v1/listeners/${name}`)).json());
  const safe = await shown("safe");
  assert.deepEqual(safe.tls, {
    authentication: "one-way",
    certificates: ["www"],
    clientCA: null,
    minVersion: "1.2",
    alpn: [],
    handshakeTimeout: 10,
    maxHandshakes: 10_000,
    engine: "full",
  });
  assert.deepEqual(Object.keys(safe.handshakeFailures ?? {}), [...HANDSHAKE_FAILURES]);
  assert.deepEqual([safe.handshakeFailures?.["unknown_ca"], safe.handshakeFailures?.["expired"]], [2, 0]);
  const plan = bench.model.listeners.get("safe");
  assert.ok(plan?.tls);
  const tls = tlsPlan({
    certificates: [certificatePlan(), certificatePlan({ name: "api" })],
    clientCA: { name: "partners", pem: "the CA" },
    minVersion: "1.3",
    alpn: ["h2", "http/1.1"],
  });
  bench.view = { model: { ...bench.model, listeners: new Map([["safe", { ...plan, tls }]]) } };
  const { tls: mutual } = await shown("safe");
  assert.deepEqual([mutual?.authentication, mutual?.certificates, mutual?.clientCA, mutual?.minVersion, mutual?.alpn], [
    "mutual",
    ["www", "api"],
    "partners",
    "1.3",
    ["h2", "http/1.1"],
  ]);
});

Deno.test("GET /v1/listeners/{name} has no handshakes to tell of without TLS", async () => {
  const body = listenerSchema.parse(await (await new AdminBench().request("/v1/listeners/front")).json());
  assert.deepEqual([body.tls, body.handshakeFailures], [null, null]);
});

Deno.test("GET /v1/listeners/{name} never shows a private key", async () => {
  const text = await (await new AdminBench().request("/v1/listeners/safe")).text();
  assert.doesNotMatch(text, /PRIVATE KEY|CERTIFICATE-----/);
});

Deno.test("GET /v1/certificates shows what serves and for whom, and never a private key", async () => {
  const bench = new AdminBench();
  const text = await (await bench.request("/v1/certificates")).text();
  assert.doesNotMatch(text, /PRIVATE|BEGIN|hash/);
  const { certificates } = z.object({ certificates: z.array(certificateSchema) }).parse(JSON.parse(text));
  assert.deepEqual(certificates.map(({ name, kind, users }) => [name, kind, users]), [
    ["www", "certificate", ["safe"]],
    ["spare", "certificate", []],
  ]);
  const [www] = certificates;
  assert.deepEqual(
    [www?.subject, www?.issuer, www?.sans, www?.keyType, www?.chainLength, www?.certFile, www?.keyFile],
    [
      ...["CN=Weir test", "CN=Weir test", ["DNS:localhost", "IP:127.0.0.1"], "EC P-256", 1, "www.pem", "www.key"],
    ],
  );
});

Deno.test("GET /v1/certificates shows client CAs beside certificates of the same name", async () => {
  const bench = new AdminBench();
  const www = bench.model.certificates.get("www");
  assert.ok(www !== undefined);
  const clientCAs = new Map([["www", { ...www, kind: "clientCA" as const, keyFile: null, users: [] }]]);
  bench.view = {
    model: { ...bench.model, clientCAs },
    lastRenewal: {
      at: REPORT.at,
      error: null,
      refused: [{ name: "www", kind: "clientCA", reason: "certFile is gone" }],
    },
  };
  const read = async (path: string) => certificateSchema.parse(await (await bench.request(path)).json());
  const shown = [await read("/v1/certificates/www"), await read("/v1/certificates/www?kind=clientCA")];
  assert.deepEqual(shown.map(({ kind, keyFile, refused }) => [kind, keyFile, refused]), [
    ["certificate", "www.key", null],
    ["clientCA", null, "certFile is gone"],
  ]);
  await assertProblem(await bench.request("/v1/certificates/www?kind=key"), 400, "bad_request");
});

Deno.test("GET /v1/backend-groups/{name} adds up what the listeners that use it see, and shows the worst health", async () => {
  const bench = new AdminBench();
  for (const [listener, health] of [["front", "Healthy"], ["safe", "Abnormal"]] as const) {
    const server = bench.boards.server(listener, "10.0.0.11:80");
    server?.connected();
    server?.addBytesOut(10);
    if (server !== undefined) server.health = health;
  }
  const body = groupSchema.parse(await (await bench.request("/v1/backend-groups/web")).json());
  assert.deepEqual(body.listeners, ["front", "safe"]);
  const [first, second] = body.servers;
  assert.deepEqual([first?.connectionsTotal, first?.bytesOut, first?.health], [2, 20, "Abnormal"]);
  assert.equal(second?.health, "Unknown");
});

Deno.test("GET /readyz answers 503 with the states while a listener does not accept", async () => {
  const bench = new AdminBench();
  bench.view = { ready: false, stateOf: (name) => name === "front" ? "restarting" : "accepting" };
  const response = await bench.request("/readyz");
  assert.equal(response.status, 503);
  assert.deepEqual(await response.json(), {
    ready: false,
    listeners: { front: "restarting", safe: "accepting", own: "accepting" },
  });
});

Deno.test("GET /v1/status tells of the last reload, also when it failed or there was none", async () => {
  const bench = new AdminBench();
  const last = async () => {
    const body: unknown = await (await bench.request("/v1/status")).json();
    assertFits(statusSchema, body);
    return statusSchema.parse(body).lastReload;
  };
  assert.deepEqual(await last(), { ok: true, report: REPORT });
  const failed = { ok: false, at: REPORT.at, trigger: "signal", error: "no such file" } as const;
  bench.view = { lastReload: failed };
  assert.deepEqual(await last(), failed);
  bench.view = { lastReload: undefined };
  assert.equal(await last(), null);
});

Deno.test("GET /v1/status tells of certificates that were refused, apart from the last reload", async () => {
  const bench = new AdminBench();
  const refused = [{
    name: "www",
    kind: "certificate" as const,
    reason: "keyFile must be the certificate's private key",
  }];
  bench.view = { lastRenewal: { at: REPORT.at, refused, error: null } };
  const body: unknown = await (await bench.request("/v1/status")).json();
  assertFits(statusSchema, body);
  const { lastRenewal, lastReload } = statusSchema.parse(body);
  assert.deepEqual([lastRenewal?.refused, lastReload?.ok], [refused, true]);
});

Deno.test("POST /v1/reload answers 200 with what changed", async () => {
  const response = await new AdminBench().request("/v1/reload", { method: "POST" });
  assert.equal(response.status, 200);
  const body: unknown = await response.json();
  assertFits(reloadSchema, body);
  assert.deepEqual(body, REPORT);
});

Deno.test("POST /v1/reload answers 422 with every error of the configuration", async () => {
  const bench = new AdminBench();
  const problems = [
    { file: "weir.yaml", line: 3, column: 7, path: "listeners[0].port", message: "must be between 1 and 65535" },
    { file: "weir.yaml", line: 9, column: 1, path: "", message: "unknown key" },
  ];
  bench.reload = () => Promise.reject(new ConfigError(problems));
  const problem = await assertProblem(
    await bench.request("/v1/reload", { method: "POST" }),
    422,
    "config_invalid",
  );
  assert.deepEqual(problem.errors, problems);
  assert.equal(problem.detail, "The configuration has 2 errors; the old one serves on");
});

Deno.test("POST /v1/reload answers 422 when the configuration could not be carried out", async () => {
  for (const kind of ["config_unreadable", "bind_failed", "worker_failed"] as const) {
    const bench = new AdminBench();
    bench.reload = () => Promise.reject(new WeirError(kind, "It did not work"));
    const problem = await assertProblem(await bench.request("/v1/reload", { method: "POST" }), 422, kind);
    assert.equal(problem.detail, "It did not work; the old configuration serves on");
  }
});

Deno.test("POST /v1/reload answers 500 on a fault of ours", async () => {
  const bench = new AdminBench();
  bench.reload = () => Promise.reject(new RangeError("a mistake"));
  await assertProblem(await bench.request("/v1/reload", { method: "POST" }), 500, "internal_error");
});

Deno.test("an unexpected error is a 500 that tells nothing, and a log line that tells all", async () => {
  const bench = new AdminBench();
  bench.failure = new Error("secret path /root/x");
  const problem = await assertProblem(await bench.request("/v1/status"), 500, "internal_error");
  assert.doesNotMatch(JSON.stringify(problem), /secret/);
  assert.equal(bench.logged.length, 1);
});

const MISSING: readonly (readonly [path: string, kind: string])[] = [
  ["/nothing", "no_such_path"],
  ["/v1", "no_such_path"],
  ["/v1/listeners/", "no_such_path"],
  ["/v1/listeners/nobody", "no_such_listener"],
  ["/v1/listeners/%00", "no_such_listener"],
  ["/v1/listeners/__proto__", "no_such_listener"],
  ["/v1/listeners/%E0%A4%A", "no_such_listener"],
  ["/v1/backend-groups/nobody", "no_such_backend_group"],
  ["/v1/certificates/nobody", "no_such_certificate"],
  ["/v1/certificates/www?kind=clientCA", "no_such_certificate"],
  ["/v1/certificates/__proto__", "no_such_certificate"],
  ["/v1/listeners/nobody/servers", "no_such_listener"],
  ["/v1/backend-groups/web/servers/10.0.0.99:80", "no_such_server"],
  ["/v1/ip-groups/nobody", "no_such_ip_group"],
  ["/v1/listeners/front/threads", "no_such_path"],
];

for (const [path, kind] of MISSING) {
  Deno.test(`GET ${path} is a 404 problem`, async () => {
    await assertProblem(await new AdminBench().request(path), 404, kind);
  });
}

const WRONG_METHODS: readonly (readonly [method: string, path: string, allowed: string])[] = [
  ["GET", "/v1/reload", "POST"],
  ["POST", "/v1/status", "GET, HEAD"],
  ["DELETE", "/v1/listeners", "GET, HEAD, POST"],
  ["PUT", "/metrics", "GET, HEAD"],
  ["POST", "/v1/listeners/front", "GET, HEAD, PUT, DELETE"],
  ["PATCH", "/v1/backend-groups/web", "GET, HEAD, PUT, DELETE"],
  ["PURGE", "/v1/backend-groups/web/servers/10.0.0.11:80", "GET, HEAD, PUT, DELETE, PATCH"],
  ["DELETE", "/v1/config", "GET, HEAD, PUT"],
];

for (const [method, path, allowed] of WRONG_METHODS) {
  Deno.test(`${method} ${path} is a 405 problem`, async () => {
    const response = await new AdminBench().request(path, { method });
    assert.equal(response.headers.get("allow"), allowed);
    const problem = await assertProblem(response, 405, "method_not_allowed");
    assert.equal(problem.detail, `${path} cannot be called with ${method}`);
  });
}

const BodyLimit = 1024 * 1024;

Deno.test("a body above 1 MiB is a 413 problem, and one of 1 MiB is not", async () => {
  const bench = new AdminBench();
  const post = (bytes: number) =>
    bench.request("/v1/reload", {
      method: "POST",
      body: new Uint8Array(bytes),
      headers: { "content-length": String(bytes) },
    });
  await assertProblem(await post(BodyLimit + 1), 413, "body_too_large");
  assert.equal((await post(BodyLimit)).status, 200);
});

Deno.test("a body without a length is cut off above 1 MiB", async () => {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      sent += 65536;
      controller.enqueue(new Uint8Array(65536));
      if (sent > 100 * BodyLimit) controller.close();
    },
  });
  const response = await new AdminBench().request("/v1/reload", { method: "POST", body });
  await assertProblem(response, 413, "body_too_large");
  assert.ok(sent < 3 * BodyLimit, `${sent} bytes were read`);
});

Deno.test("OpenAPI document lists every route with its answers, and nothing else", async () => {
  const bench = new AdminBench();
  const response = await bench.request("/v1/openapi.json");
  assert.equal(response.status, 200);
  const document = z.object({
    openapi: z.literal("3.1.0"),
    paths: z.record(
      z.string(),
      z.record(z.string(), z.object({ summary: z.string(), responses: z.record(z.string(), z.unknown()) })),
    ),
  }).parse(await response.json());
  const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
  );
  const served = bench.api.routes.filter((route) => route.method !== "ALL").map(({ method, path }) =>
    `${method} ${path.replace(/:(\w+)/g, "{$1}")}`
  ).filter((route) => route !== "GET /v1/openapi.json");
  assert.deepEqual([...new Set(listed)].sort(), [...new Set(served)].sort());
  assert.ok(listed.length >= 9);
});
