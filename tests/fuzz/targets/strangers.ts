/**
 * Requests of somebody who does not know the token, to the admin API and the console: `METHOD PATH`, a header a line, and
 * `> BODY`; an empty line before the next. With `open` in the first line there is no token.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { isApiPath } from "../../../src/admin/paths.ts";
import { assetPath } from "../../../src/console/assets.ts";
import { projectPath } from "../../support/program.ts";
import { ConsoleBench } from "../../unit/console/bench.ts";
import { type FuzzTarget, inputOf, shapeOf, textOf } from "../target.ts";

const MOST_REQUESTS = 6;
const OWN = "http://127.0.0.1:9900";

/** What nobody may see, and no input holds: it is in every name of the configuration, and in the token. */
const SECRET = "zebra";

/** What must never be part of a page as it is. */
const SCRIPT = "<img src=x onerror=alert(1)>";

const CONFIG = `ipGroups: { ${SECRET}-office: [192.0.2.0/24] }
backendGroups: { ${SECRET}-web: { servers: [{ address: ${SECRET}.internal, port: 80 }] } }
listeners: [{ name: ${SECRET}-front, protocol: TCP, port: 8000, backendGroup: ${SECRET}-web, description: ${SECRET} }]
`;

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string | undefined;
}

function requestsIn(text: string): Asked[] {
  return text.split("\n\n").slice(0, MOST_REQUESTS).flatMap((lines) => {
    const [first = "", ...rest] = lines.split("\n");
    const [, given = "", path = ""] = /^([A-Za-z]{1,10}) (\/\S*)$/.exec(first) ?? [];
    if (given === "" || !URL.canParse(OWN + path) || /^(CONNECT|TRACE|TRACK)$/i.test(given)) return [];
    // As the socket's side hands it on.
    const method = given === "HEAD" ? "GET" : given;
    const headers = new Headers({ host: "127.0.0.1:9900" });
    const body: string[] = [];
    for (const line of rest) {
      const colon = line.indexOf(":");
      if (line.startsWith("> ")) body.push(line.slice(2));
      else if (colon > 0) {
        try {
          headers.set(line.slice(0, colon), line.slice(colon + 1));
        } catch {
          // No header: the server of the runtime would have refused it.
        }
      }
    }
    return [{ method, path, headers, body: /^(GET|HEAD)$/i.test(method) ? undefined : body.join("\n") }];
  });
}

function send(bench: ConsoleBench, { method, path, headers, body }: Asked): Promise<Response> | Response {
  const request = new Request(OWN + path, { method, headers, ...(body === undefined ? {} : { body }) });
  return isApiPath(new URL(request.url).pathname)
    ? bench.store.api.fetch(request)
    : bench.console.fetch(request, { address: "192.0.2.1" });
}

async function ask(bench: ConsoleBench, asked: Asked): Promise<string> {
  const { method, path } = asked;
  const { pathname } = new URL(OWN + path);
  const response = await send(bench, asked);
  const { status, headers } = response;
  const type = headers.get("content-type") ?? "";
  const isStream = type.startsWith("text/event-stream");
  if (isStream) await response.body?.cancel();
  const text = isStream ? "" : await response.text();
  const what = `${method} ${path} was answered with ${status}: ${text.slice(0, 300)}\n${
    [...bench.logged, ...bench.store.logged].slice(-2).join("\n")
  }`;
  assert.ok(status < 500 || pathname.startsWith("/readyz"), what);
  assert.equal(headers.get("x-content-type-options"), "nosniff", what);
  assert.ok(headers.get("cache-control") === "no-store" || pathname.startsWith("/assets/"), what);
  assert.ok(!text.includes(SCRIPT), `what was sent is part of the page: ${what}`);
  if (type.startsWith("text/html")) assert.match(headers.get("content-security-policy") ?? "", /script-src 'self'/);
  for (const place of [headers.get("location"), refreshIn(text)]) {
    if (place === null) continue;
    assert.ok(URL.canParse(place, OWN), `leads nowhere, "${place}": ${what}`);
    assert.equal(new URL(place, OWN).origin, OWN, `leads elsewhere, to "${place}": ${what}`);
  }
  if (bench.token !== "") assertOutside(response, text, { pathname, what });
  return `${method} ${pathname.split("/").slice(0, 3).join("/").slice(0, 20)} ${status} ${shapeOf(detailIn(text))}`;
}

/** Nobody gets in, and nobody learns anything. */
function assertOutside(
  { status, headers }: Response,
  text: string,
  { pathname, what }: { readonly pathname: string; readonly what: string },
): void {
  const isPublic = /^\/(healthz|readyz|sign-in|assets\/.*)$/.test(pathname);
  const isArrival = refreshIn(text) !== null;
  assert.ok(status >= 300 || isPublic || isArrival, `a stranger got an answer: ${what}`);
  if (status >= 300 && status < 400) assert.match(headers.get("location") ?? "", /^\/sign-in(\?next=|$)/, what);
  assert.equal(headers.get("set-cookie"), null, `a stranger got a cookie: ${what}`);
  // Whether listeners accept is for the balancer above this one, by name.
  const shown = pathname.startsWith("/readyz") ? "" : text + [...headers].join();
  assert.ok(!shown.includes(SECRET), `a stranger learns a name: ${what}`);
}

/** Where a page leads by itself; `null` when it stays. */
function refreshIn(html: string): string | null {
  const given = /<meta http-equiv="refresh" content="0; url=([^"]*)"/.exec(html)?.[1];
  return given?.replaceAll(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => MARKS[name] ?? "") ?? null;
}

const MARKS: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

function detailIn(text: string): string {
  return (/"detail":"((?:[^"\\]|\\.)*)"|<h1>([^<]*)/.exec(text)?.slice(1) ?? []).join("");
}

/** Strangers change nothing but how long they have to wait, which time mends. */
let closed: ConsoleBench | undefined;

async function check(input: Uint8Array): Promise<string> {
  const text = textOf(input);
  const isOpen = text.startsWith("open\n");
  const requests = requestsIn(isOpen ? text.slice("open\n".length) : text);
  if (requests.length === 0) return "no request";
  if (isOpen) {
    await using bench = await ConsoleBench.start(CONFIG);
    return `open ${await askAll(bench, requests)}`;
  }
  if (closed === undefined) {
    closed = await ConsoleBench.start(CONFIG);
    // What it serves is in memory by now.
    await Deno.remove(closed.store.folder, { recursive: true });
    closed.token = closed.store.token = `${SECRET}-token`;
  }
  closed.clock.advance(60 * 60_000);
  const { reloader } = closed.store;
  const [accepted, serving] = [reloader.accepted, reloader.serving];
  const outcome = await askAll(closed, requests);
  assert.equal(reloader.accepted, accepted, "a stranger has changed the configuration");
  assert.equal(reloader.serving, serving, "a stranger has changed what serves");
  assert.deepEqual(closed.store.steps, [], "a stranger has begun a change");
  return outcome;
}

async function askAll(bench: ConsoleBench, requests: readonly Asked[]): Promise<string> {
  const outcomes: string[] = [];
  for (const one of requests) outcomes.push(await ask(bench, one));
  return outcomes.at(-1) ?? "";
}

const { paths } = JSON.parse(Deno.readTextFileSync(projectPath("docs/openapi.json"))) as { readonly paths: object };

const PATHS = [
  ...Object.keys(paths).map((path) => path.replaceAll(/\{\w+\}/g, "x")),
  ...["/", "/listeners", "/config", "/live?path=/", "/sign-in", "/sign-out", "/reload", "/new/listener", "/nowhere"],
  ...["/sign-in?next=/listeners", "/sign-in?next=//evil.example", "/sign-in?next=/%5Cevil.example", "//evil.example/"],
  ...[assetPath("console.js"), "/assets/x/console.js", "/assets/../config", "/v1/../config", "/%2e%2e/v1/config"],
];

const FORM = "content-type: application/x-www-form-urlencoded";

const HEADERS = [
  ...["host: localhost", "host: evil.example", "host: 127.0.0.1", "host: [::1]:1", "host: 127.0.0.1:9900 ", "host:"],
  ...["origin: null", "origin: http://evil.example", `origin: ${OWN}`, "origin: https://127.0.0.1:9900"],
  ...["sec-fetch-site: cross-site", "sec-fetch-mode: navigate", "sec-fetch-dest: document", "sec-fetch-site: none"],
  ...["authorization: Bearer x", "authorization: Bearer ", "authorization: bearer\tx", "authorization: Basic eDp4"],
  ...["cookie: weir_session_9900=x", "cookie: weir_session=x", "cookie: __proto__=x; weir_session_9900=%", "cookie: ="],
  ...["content-type: application/json", FORM, "content-length: 1e9"],
  ...["content-type: multipart/form-data; boundary=x", "accept: text/event-stream", "last-event-id: 99999999999999999"],
  ...["x-http-method-override: GET", "x-forwarded-for: 127.0.0.1", "x-forwarded-host: localhost", "accept: */*;q=x"],
  ...["if-match: *", "range: bytes=0-1", "transfer-encoding: chunked", "upgrade: websocket", "connection: upgrade"],
];

const ARRIVAL = "sec-fetch-site: cross-site\nsec-fetch-mode: navigate\nsec-fetch-dest: document";

const BODIES = [
  ...["token=x&next=/", "token=&next=//evil.example", "next=%2F%00", "form-token=x", "token[]=x&__proto__=x"],
  ...['{"weight":1}', '{"name":"x"}', "--x", '--x\r\ncontent-disposition: form-data; name="token"\r\n\r\nx\r\n--x--'],
];

const request = fc.record({
  method: fc.constantFrom("GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "PROPFIND"),
  path: fc.constantFrom(...PATHS),
  headers: fc.oneof(fc.subarray(HEADERS, { maxLength: 5 }).map((lines) => lines.join("\n")), fc.constant(ARRIVAL)),
  body: fc.constantFrom(...BODIES),
}).map(({ method, path, headers, body }) => `${method} ${path}\n${headers}\n> ${body}`);

/** The target. */
export const strangersTarget: FuzzTarget = {
  name: "strangers",
  holds:
    "without the token nobody gets in, learns a name, gets a cookie or changes anything; never 500; no answer leads to " +
    "another site, and nothing that was sent is part of a page",
  isText: true,
  seeds: () =>
    [
      ...PATHS.flatMap((path) => [`GET ${path}\n`, `GET ${path}\n${ARRIVAL}\n`, `open\nGET ${path}\n`]),
      ...BODIES.flatMap((body) => ["", "open\n"].map((open) => `${open}POST /sign-in\n${FORM}\n> ${body}\n`)),
    ].map(inputOf),
  words: [
    ...[
      "\n\n",
      "\n",
      "> ",
      ": ",
      "open\n",
      "GET ",
      "POST ",
      "/",
      "//",
      "\\",
      "%5c",
      "%2f",
      "%00",
      "%0d%0a",
      "%09",
      "%ff",
    ],
    ...[
      "?next=",
      "next=",
      "&",
      "evil.example",
      "/sign-in",
      "/v1/",
      "/metrics",
      "@",
      ";",
      "#",
      "..",
      SCRIPT,
      "javascript:",
    ],
    ...[encodeURIComponent(SCRIPT), "%E2%82%AC", "%ED%A0%80", ...HEADERS, ARRIVAL],
  ],
  generated: fc.tuple(fc.constantFrom("", "", "", "open\n"), fc.array(request, { minLength: 1, maxLength: 4 }))
    .map(([open, requests]) => inputOf(open + requests.join("\n\n"))),
  longest: 50_000,
  check,
};
