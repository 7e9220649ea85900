/** Requests to the admin API, one a line: `METHOD PATH BODY`. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "yaml";
import { sameData } from "../../../src/config/diff.ts";
import { StoreBench } from "../../unit/admin/store_bench.ts";
import { first, paths, request, routes, second } from "./admin_requests.ts";
import { type FuzzTarget, inputOf, shapeOf, textOf } from "../target.ts";

/** Requests that are made of one input; a body has no line breaks of its own. */
const MOST_REQUESTS = 12;

const CONFIG = `# The shop
certificates:
  www: { certFile: www.pem, keyFile: www.key }
ipGroups:
  office: [192.0.2.0/24] # ours
  guests: { file: list.txt }
backendGroups:
  web: # two of them
    servers:
      - { address: 10.0.0.11, port: 80, weight: 10 }
      - { address: 10.0.0.12, port: 80, weight: 5 }
  spare: { servers: [{ address: 10.0.0.13, port: 80 }] }
listeners:
  - { name: front, protocol: TCP, port: 8000, backendGroup: web, tags: { env: prod }, description: front door }
  - { name: own, protocol: TCP, port: 8001, backends: { servers: [{ address: 10.0.0.14, port: 80 }] } }
  - { name: safe, protocol: TCP_SSL, port: 8002, backendGroup: web, tls: { certificate: www } }
`;

const FILES = { "weir.yaml": CONFIG, "list.txt": "192.0.2.0/24\n", "www.pem": first.certPem, "www.key": first.keyPem };

/** Statuses of requests that meet no route, and of those that no route gets to see. */
const ANYWHERE = [400, 404, 405, 413, 415, 421];

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: string | undefined;
}

function requestsIn(text: string): Asked[] {
  return text.split("\n").slice(0, MOST_REQUESTS).flatMap((line) => {
    const [, method = "", path = "", body] = /^([A-Za-z]{1,10}) (\/\S*)(?: (.*))?$/.exec(line) ?? [];
    if (method === "" || !URL.canParse(path, "http://weir") || /^(CONNECT|TRACE|TRACK)$/i.test(method)) return [];
    return [{ method, path, body: /^(GET|HEAD)$/i.test(method) ? undefined : body }];
  });
}

/** What must not change when a request is refused. */
function stateOf({ reloader, ...bench }: StoreBench & { files(): Record<string, string> }) {
  return { accepted: reloader.accepted, serving: reloader.serving, bench };
}

async function ask(bench: StoreBench, { method, path, body }: Asked): Promise<string> {
  const files = bench.files();
  const before = stateOf(bench);
  const response = await bench.request(method, path, body);
  const { status } = response;
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  if (isStream) await response.body?.cancel();
  const text = isStream ? "" : await response.text();
  const what = `${method} ${path} was answered with ${status}: ${text.slice(0, 300)}\n${
    bench.logged.slice(-2).join("\n")
  }`;
  assert.ok(status < 500 || (path.startsWith("/readyz") && status === 503), what);
  const { pathname } = new URL(path, "http://weir");
  const route = routes.find((one) => one.method === method && one.pattern.test(pathname));
  assert.ok(
    (route?.statuses ?? []).includes(status) || ANYWHERE.includes(status),
    `not in the OpenAPI document: ${what}`,
  );
  const after = stateOf(bench);
  const isWrite = !/^(GET|HEAD|OPTIONS)$/i.test(method);
  if (status >= 400 || !isWrite) {
    if (status >= 400 && !/^HEAD$/i.test(method)) assertProblem(response, text, what);
    assert.equal(after.accepted, before.accepted, `it was refused and another configuration serves: ${what}`);
    assert.equal(after.serving, before.serving, `it was refused and another model serves: ${what}`);
    assert.deepEqual(bench.files(), files, `it was refused and files have changed: ${what}`);
  } else if (!isSaved(bench, path) && !pathname.endsWith("/reload")) {
    assert.deepEqual(bench.files(), files, `nothing was to be saved: ${what}`);
  }
  return `${method} ${route?.path ?? "?"} ${status} ${shapeOf(detailOf(text))}`;
}

function isSaved({ reloader }: StoreBench, path: string): boolean {
  return /[?&]persist=/.test(path) || (reloader.accepted?.valid.config.admin.persist ?? false);
}

function assertProblem(response: Response, text: string, what: string): void {
  assert.match(response.headers.get("content-type") ?? "", /^application\/problem\+json/, what);
  const problem = JSON.parse(text) as { type: string; status: number; detail: string; errors?: { message: string }[] };
  assert.match(problem.type, /^urn:weir:problem:[a-z_]+$/, what);
  assert.equal(problem.status, response.status, what);
  assert.ok(problem.detail !== "" && (problem.errors ?? []).every(({ message }) => message !== ""), what);
}

function detailOf(text: string): string {
  return /"detail":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? "";
}

async function check(input: Uint8Array): Promise<string> {
  const requests = requestsIn(textOf(input));
  if (requests.length === 0) return "no request";
  await using bench = await StoreBench.start(FILES);
  const outcomes: string[] = [];
  for (const one of requests) outcomes.push(await ask(bench, one));
  // What is saved is what serves, and a reload finds it good.
  const saved: unknown = parse(bench.files()["weir.yaml"] ?? "");
  const { unsaved } = (await bench.call("GET", "/v1/status")).body as { unsaved: string[] };
  const inFile = bench.reloader.accepted?.valid.source.data;
  if (unsaved.length === 0) assert.ok(sameData(saved, inFile), `the file says ${JSON.stringify(saved)}`);
  const { status, body } = await bench.call("POST", "/v1/reload");
  assert.equal(status, 200, `what was saved is refused: ${JSON.stringify(body)}`);
  assert.ok(sameData(bench.reloader.accepted?.valid.source.data, saved));
  return outcomes.at(-1) ?? "";
}

/** The target. */
export const adminTarget: FuzzTarget = {
  name: "admin",
  holds:
    "never 500, and no status that the OpenAPI document does not know; refused: a problem document, and nothing has " +
    "changed, neither what serves nor a file; saved: a reload finds it good and the same",
  isText: true,
  seeds: () =>
    [
      `POST /v1/listeners?persist=true {"name":"new","protocol":"TCP","port":9000,"backendGroup":"web"}`,
      `PUT /v1/ip-groups/office?persist=true ["10.0.0.0/8"]`,
      `PUT /v1/ip-groups/office ["10.0.0.0/8"]\nGET /v1/config\nPOST /v1/reload`,
      `PATCH /v1/backend-groups/web/servers/10.0.0.11:80 {"weight":3,"draining":true}`,
      `DELETE /v1/listeners/own?persist=true\nDELETE /v1/backend-groups/spare?persist=true`,
      `PUT /v1/certificates/new?persist=true ${JSON.stringify({ certificate: second.certPem, key: second.keyPem })}`,
      `DELETE /v1/certificates/www`,
      `PUT /v1/config ${JSON.stringify(parse(CONFIG))}`,
      `GET /v1/listeners?tag=env:prod\nGET /v1/listeners?tag=\nGET /v1/events\nGET /metrics`,
    ].map(inputOf),
  words: [
    "\n",
    ..."GET |PUT |POST |DELETE |PATCH |/v1/|?persist=true|persist|admin|%2f|%|//|?".split("|"),
    ...String.raw`null|{}|[]|""|"name":|__proto__|{"a":|1e999|\u0000|\ud800|${"${A}"}|#|"file":`.split("|"),
    ...Object.keys(paths),
  ],
  generated: fc.array(request, { minLength: 1, maxLength: 8 }).map((lines) => inputOf(lines.join("\n"))),
  longest: 100_000,
  check,
};
