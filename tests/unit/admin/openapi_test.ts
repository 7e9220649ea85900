/** The OpenAPI document, checked by validators that are not ours; and the answers of every route against it. */

import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import assert from "node:assert/strict";
import { issue } from "../../support/authority.ts";
import { StoreBench } from "./store_bench.ts";

const [first, second] = await Promise.all([issue({ name: "first" }), issue({ name: "second" })]);

const FILES = {
  "weir.yaml": `
certificates:
  www: { certFile: www.pem, keyFile: www.key }
  spare: { certFile: www.pem, keyFile: www.key }
ipGroups: { office: [192.0.2.0/24], unused: { file: list.txt } }
backendGroups:
  web: { servers: [{ address: 10.0.0.11, ports: [80, 81] }, { address: 10.0.0.12, port: 80 }], healthCheck: { port: 1 } }
  idle: { servers: [], backendTls: { verify: false } }
listeners:
  - { name: front, protocol: TCP, port: 9000, backendGroup: web, accessControl: { mode: whitelist, groups: [office] } }
  - { name: safe, protocol: TCP_SSL, ports: "9001-9003", tls: { certificate: www }, tags: { env: prod }, acceptProxyProtocol: { from: [office] },
      backends: { servers: [{ address: 10.0.0.13 }], slowStart: 5 } }
  - { name: idle, protocol: TCP, port: 9004, backendGroup: idle, workers: auto, maxConnections: 10 }
`,
  "list.txt": "203.0.113.0/24\n",
  "www.pem": first.certPem,
  "www.key": first.keyPem,
};

interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

const document: OpenApi = await (async () => {
  await using bench = await StoreBench.start(FILES);
  return (await bench.call("GET", "/v1/openapi.json")).body;
})();

function schemasOf(document: OpenApi): Ajv2020 {
  // Where answers hold "allOf" beside a type of its own, strictTypes would want the type again.
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
  ajv.addVocabulary(["example", "openapi", "info", "paths", "components", "webhooks"]);
  addFormats.default(ajv);
  return ajv.addSchema(document, "api");
}

const described = schemasOf(document);

const pointer = (...steps: readonly string[]) =>
  steps.map((step) => `/${encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1"))}`).join("");

Deno.test("the OpenAPI document is valid OpenAPI 3.1, and every schema in it valid JSON Schema", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate({ ...document });
  assert.deepEqual([valid, validator.version], [true, "3.1"], JSON.stringify(errors));
  for (const name of Object.keys(document.components.schemas)) {
    assert.ok(described.getSchema(`api#${pointer("components", "schemas", name)}`), `${name} compiles`);
  }
});

Deno.test("the validators refuse a document that is broken", async () => {
  const { paths: _, ...rest } = document;
  assert.equal((await new Validator().validate({ ...rest, paths: { "no-slash": {} } })).valid, false);
  const broken = {
    ...document,
    components: { schemas: { ...document.components.schemas, Broken: { type: "objekt" } } },
  };
  assert.throws(() => schemasOf(broken).getSchema(`api#${pointer("components", "schemas", "Broken")}`));
});

interface Call {
  /** The method, and the path as the document has it. */
  readonly operation: string;
  /** The path; as the document has it without this. */
  readonly path?: string;
  readonly sent?: unknown;
  readonly headers?: Record<string, string>;
  readonly status: number;
}

const LISTENER = { name: "new", protocol: "TCP", port: 9100, backends: { servers: [] } };

const CALLS: readonly Call[] = [
  { operation: "GET /healthz", status: 200 },
  { operation: "GET /readyz", status: 200 },
  { operation: "GET /v1/status", status: 200 },
  { operation: "GET /v1/listeners", status: 200 },
  { operation: "GET /v1/listeners", path: "/v1/listeners?tag=x", status: 400 },
  { operation: "POST /v1/listeners", sent: LISTENER, status: 201 },
  { operation: "POST /v1/listeners", sent: "{", status: 400 },
  { operation: "POST /v1/listeners", sent: { ...LISTENER, name: "front" }, status: 409 },
  { operation: "POST /v1/listeners", sent: "x".repeat(1024 * 1024 + 1), status: 413 },
  { operation: "POST /v1/listeners", sent: "x", headers: { "content-type": "text/plain" }, status: 415 },
  { operation: "POST /v1/listeners", sent: { ...LISTENER, port: 0 }, status: 422 },
  { operation: "POST /v1/listeners", headers: { origin: "http://evil.example" }, status: 403 },
  { operation: "POST /v1/listeners", headers: { host: "evil.example" }, status: 421 },
  { operation: "GET /v1/listeners/{name}", path: "/v1/listeners/front", status: 200 },
  { operation: "GET /v1/listeners/{name}", path: "/v1/listeners/safe", status: 200 },
  { operation: "GET /v1/listeners/{name}", path: "/v1/listeners/idle", status: 200 },
  { operation: "GET /v1/listeners/{name}", path: "/v1/listeners/none", status: 404 },
  { operation: "PUT /v1/listeners/{name}", path: "/v1/listeners/new", sent: LISTENER, status: 201 },
  {
    operation: "PUT /v1/listeners/{name}",
    path: "/v1/listeners/idle",
    sent: { ...LISTENER, name: "idle" },
    status: 200,
  },
  {
    operation: "PUT /v1/listeners/{name}",
    path: "/v1/listeners/idle",
    sent: {},
    headers: { "if-match": "x" },
    status: 412,
  },
  { operation: "DELETE /v1/listeners/{name}", path: "/v1/listeners/front?persist=true", status: 200 },
  { operation: "DELETE /v1/listeners/{name}", path: "/v1/listeners/none", status: 404 },
  { operation: "GET /v1/listeners/{name}/servers", path: "/v1/listeners/safe/servers", status: 200 },
  { operation: "GET /v1/listeners/{name}/servers", path: "/v1/listeners/front/servers", status: 409 },
  {
    operation: "POST /v1/listeners/{name}/servers",
    path: "/v1/listeners/safe/servers",
    sent: { address: "10.0.0.99" },
    status: 201,
  },
  { operation: "GET /v1/listeners/{name}/servers/{server}", path: "/v1/listeners/safe/servers/10.0.0.13", status: 200 },
  {
    operation: "PUT /v1/listeners/{name}/servers/{server}",
    path: "/v1/listeners/safe/servers/10.0.0.13",
    sent: { address: "10.0.0.13", weight: 1 },
    status: 200,
  },
  {
    operation: "PATCH /v1/listeners/{name}/servers/{server}",
    path: "/v1/listeners/safe/servers/10.0.0.13",
    sent: { weight: 1 },
    status: 200,
  },
  {
    operation: "DELETE /v1/listeners/{name}/servers/{server}",
    path: "/v1/listeners/safe/servers/10.0.0.13",
    status: 200,
  },
  { operation: "GET /v1/backend-groups", status: 200 },
  { operation: "POST /v1/backend-groups", sent: { name: "more" }, status: 201 },
  { operation: "GET /v1/backend-groups/{name}", path: "/v1/backend-groups/web", status: 200 },
  { operation: "GET /v1/backend-groups/{name}", path: "/v1/backend-groups/idle", status: 200 },
  { operation: "GET /v1/backend-groups/{name}", path: "/v1/backend-groups/none", status: 404 },
  {
    operation: "PUT /v1/backend-groups/{name}",
    path: "/v1/backend-groups/idle",
    sent: { algorithm: "wlc" },
    status: 200,
  },
  { operation: "DELETE /v1/backend-groups/{name}", path: "/v1/backend-groups/web", status: 409 },
  { operation: "GET /v1/backend-groups/{name}/servers", path: "/v1/backend-groups/web/servers", status: 200 },
  {
    operation: "POST /v1/backend-groups/{name}/servers",
    path: "/v1/backend-groups/web/servers",
    sent: [{ address: "10.0.0.99", port: 80 }],
    status: 201,
  },
  {
    operation: "GET /v1/backend-groups/{name}/servers/{server}",
    path: "/v1/backend-groups/web/servers/10.0.0.11:81",
    status: 200,
  },
  {
    operation: "PUT /v1/backend-groups/{name}/servers/{server}",
    path: "/v1/backend-groups/web/servers/10.0.0.98:80",
    sent: { address: "10.0.0.98", port: 80 },
    status: 201,
  },
  {
    operation: "PATCH /v1/backend-groups/{name}/servers/{server}",
    path: "/v1/backend-groups/web/servers/10.0.0.11:81?persist=true",
    sent: { weight: 3, drain: true },
    status: 200,
  },
  {
    operation: "DELETE /v1/backend-groups/{name}/servers/{server}",
    path: "/v1/backend-groups/web/servers/10.0.0.11:81",
    status: 200,
  },
  { operation: "GET /v1/ip-groups", status: 200 },
  { operation: "POST /v1/ip-groups", sent: { name: "home", addresses: ["::1"] }, status: 201 },
  { operation: "GET /v1/ip-groups/{name}", path: "/v1/ip-groups/office", status: 200 },
  { operation: "GET /v1/ip-groups/{name}", path: "/v1/ip-groups/unused", status: 200 },
  { operation: "GET /v1/ip-groups/{name}", path: "/v1/ip-groups/none", status: 404 },
  { operation: "PUT /v1/ip-groups/{name}", path: "/v1/ip-groups/office", sent: { file: "list.txt" }, status: 200 },
  { operation: "DELETE /v1/ip-groups/{name}", path: "/v1/ip-groups/unused", status: 200 },
  { operation: "DELETE /v1/ip-groups/{name}", path: "/v1/ip-groups/office", status: 409 },
  { operation: "GET /v1/config", status: 200 },
  { operation: "PUT /v1/config", sent: { log: { level: "debug" } }, status: 200 },
  { operation: "PUT /v1/config", sent: { log: { level: "loud" } }, status: 422 },
  { operation: "GET /v1/certificates", status: 200 },
  { operation: "GET /v1/certificates/{name}", path: "/v1/certificates/www", status: 200 },
  { operation: "GET /v1/certificates/{name}", path: "/v1/certificates/none", status: 404 },
  {
    operation: "PUT /v1/certificates/{name}",
    path: "/v1/certificates/www?persist=true",
    sent: { certificate: second.certPem, key: second.keyPem },
    status: 200,
  },
  {
    operation: "PUT /v1/certificates/{name}",
    path: "/v1/certificates/www",
    sent: { certificate: "x", key: "y" },
    status: 422,
  },
  { operation: "DELETE /v1/certificates/{name}", path: "/v1/certificates/spare", status: 200 },
  { operation: "DELETE /v1/certificates/{name}", path: "/v1/certificates/www", status: 409 },
  { operation: "GET /v1/events", status: 200 },
  { operation: "GET /v1/events", path: "/v1/events?limit=0", status: 400 },
  { operation: "POST /v1/reload", status: 200 },
  { operation: "POST /v1/replacement", status: 200 },
  { operation: "DELETE /v1/replacement/{id}", path: "/v1/replacement/unknown", status: 404 },
  {
    operation: "POST /v1/replacement/{id}/takeover",
    path: "/v1/replacement/the-offer/takeover",
    sent: { process: 12, version: "1.2.4" },
    status: 202,
  },
  {
    operation: "POST /v1/replacement/{id}/takeover",
    path: "/v1/replacement/the-offer/takeover",
    sent: { process: 0, version: "1.2.4" },
    status: 400,
  },
  { operation: "GET /metrics", status: 200 },
];

for (const { operation, path, sent, headers, status } of CALLS) {
  const [method = "", template = ""] = operation.split(" ");
  Deno.test(`${method} ${path ?? template} answers ${status} as the OpenAPI document says`, async () => {
    await using bench = await StoreBench.start(FILES);
    const response = await bench.request(method, path ?? template, sent, headers);
    const text = await response.text();
    assert.equal(response.status, status, text);
    const [type = ""] = (response.headers.get("content-type") ?? "").split(";");
    const content = document.paths[template]?.[method.toLowerCase()]?.responses[status]?.content ?? {};
    assert.ok(type in content, `${status} ${type} is described`);
    const steps = ["paths", template, method.toLowerCase(), "responses", String(status), "content", type, "schema"];
    const validate = described.getSchema(`api#${pointer(...steps)}`);
    assert.ok(validate);
    const body: unknown = type.endsWith("json") ? JSON.parse(text) : text;
    assert.ok(validate(body), JSON.stringify(validate.errors));
  });
}

Deno.test("there is a call of every operation of the OpenAPI document among these", () => {
  const { paths } = document;
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`)
  );
  assert.deepEqual([...new Set(CALLS.map((call) => call.operation))].sort(), operations.sort());
});

/** Bodies that no route takes, whatever it is for. */
const NO_BODIES: readonly (readonly [what: string, sent: string, status: number, detail: string | RegExp])[] = [
  ["nothing", "", 400, "The body is empty"],
  ["no JSON", '{"weight": 1', 400, /^The body is no JSON: /],
  [
    "a key that is there twice",
    '{"weight": 1, "drain": true, "weight": 2}',
    400,
    'The body holds the key "weight" twice',
  ],
  [
    "a key that is there twice further down",
    '{"a": [{"b": 1}, {"b": "}", "c": {}, "\\u0062" : "\\"2"}]}',
    400,
    'The body holds the key "b" twice, in "a[1]"',
  ],
  [
    "a key that nothing can be called",
    '{"__proto__": {}}',
    400,
    'The body holds "__proto__", which no key can be called',
  ],
  [
    "half of a character",
    '{"key": "\\ud800"}',
    400,
    "The body holds half of a surrogate pair, which no file can",
  ],
  ["more levels than there are", "[".repeat(100) + "]".repeat(100), 400, "The body has more than 32 levels"],
  ["more than there is room for", `"${"x".repeat(1024 * 1024)}"`, 413, "A body may have 1048576 bytes"],
];

const WITH_BODY = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).filter(([, { requestBody }]) => requestBody !== undefined)
    .map(([method, { requestBody }]) => ({ method: method.toUpperCase(), path, types: requestBody?.content ?? {} }))
);

for (const { method, path, types } of WITH_BODY) {
  Deno.test(`${method} ${path} refuses what cannot be the body of any request, with the reason`, async () => {
    assert.deepEqual(Object.keys(types), ["application/json"]);
    await using bench = await StoreBench.start(FILES);
    // Nothing has that name: a body is read before anybody looks.
    const url = path.replaceAll(/\{\w+\}/g, "none");
    for (const [what, sent, status, detail] of NO_BODIES) {
      const answer = await bench.call(method, url, sent);
      assert.equal(answer.status, status, `${what}: ${JSON.stringify(answer.body)}`);
      if (typeof detail === "string") assert.equal(answer.body.detail, detail, what);
      else assert.match(answer.body.detail, detail, what);
    }
    const text = await bench.call(method, url, "{}", { "content-type": "text/plain" });
    assert.deepEqual([text.status, text.body.type], [415, "urn:weir:problem:wrong_content_type"]);
    assert.deepEqual([bench.steps, bench.files()], [[], FILES], "nothing has changed");
  });
}

Deno.test("every operation that creates or changes something takes a body, but those that have nothing to be told", () => {
  const without = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).filter((method) => ["post", "put", "patch"].includes(method))
      .map((method) => `${method.toUpperCase()} ${path}`)
  ).filter((operation) => !WITH_BODY.some(({ method, path }) => `${method} ${path}` === operation));
  assert.deepEqual(without, ["POST /v1/replacement", "POST /v1/reload"]);
});

Deno.test("every operation but /healthz and /readyz says what a missing token, another origin and another host get", () => {
  const { paths } = document;
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, { responses }] of Object.entries(item)) {
      const expected = path.startsWith("/v1") || path === "/metrics" ? ["401", "403", "421"] : [];
      const found = ["401", "403", "421"].filter((status) => status in responses);
      assert.deepEqual(found, expected, `${method} ${path}`);
    }
  }
});
