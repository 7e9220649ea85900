/** The admin API under attack: everything is refused or bounded, nothing changes, and clients of listeners notice nothing. */

import assert from "node:assert/strict";
import { backends, listener } from "../support/configs.ts";
import { peerTest } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { startNginx } from "../support/processes.ts";
import { RunningWeir } from "../support/program.ts";
import { type RawAnswer, rawRequest } from "../support/raw_http.ts";
import { echoServer } from "../support/servers.ts";
import { wrkDuring } from "../support/wrk.ts";

const TOKEN = "a-long-secret";
const AUTHORIZATION = `Authorization: Bearer ${TOKEN}\r\n`;
const JSON_TYPE = "Content-Type: application/json\r\n";

/** A weir with a token, and a listener on an echo server. */
async function start() {
  const server = echoServer();
  const running = await RunningWeir.start({
    admin: { token: TOKEN },
    listeners: [listener(freePort(), backends([{ port: server.port }]))],
  });
  return {
    running,
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function revision(running: RunningWeir): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${running.adminPort}/v1/config`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  await response.body?.cancel();
  return [response.status, response.headers.get("etag"), await Deno.readTextFile(running.file)];
}

interface Attack {
  readonly title: string;
  /** The request behind `METHOD path HTTP/1.1` and before the empty line; HOST stands for the own Host header. */
  readonly line: string;
  readonly headers?: string;
  readonly body?: string;
  /** One of them. */
  readonly status: readonly number[];
  readonly kind?: string;
}

const FORM = "listen=0.0.0.0:9900";
const LISTENER = JSON.stringify({ name: "evil", protocol: "TCP", port: 9999, backends: { servers: [] } });
const length = (text: string) => `Content-Length: ${text.length}\r\n`;

const CHANGES = [
  "POST /v1/listeners",
  "PUT /v1/listeners/evil",
  "DELETE /v1/listeners/web",
  "POST /v1/backend-groups",
  "PUT /v1/backend-groups/evil",
  "DELETE /v1/backend-groups/web",
  "POST /v1/listeners/web/servers",
  "PUT /v1/listeners/web/servers/10.0.0.1:80",
  "DELETE /v1/listeners/web/servers/10.0.0.1:80",
  "PATCH /v1/listeners/web/servers/10.0.0.1:80",
  "POST /v1/ip-groups",
  "PUT /v1/config",
  "PUT /v1/certificates/evil",
  "DELETE /v1/certificates/www",
  "POST /v1/reload",
];
const READS = [
  ...["status", "listeners", "listeners/web", "backend-groups", "ip-groups", "config", "certificates", "events"].map(
    (path) => `GET /v1/${path}`,
  ),
  "GET /v1/openapi.json",
  "GET /metrics",
  "GET /v1/nothing",
];

/** What a stranger gets: a refusal of the API, or the way to the console's sign-in. */
const UNKNOWN = [303, 401, 404];

const ATTACKS: readonly Attack[] = [
  ...[...CHANGES, ...READS].flatMap((line): Attack[] => [
    { title: "no token", line, headers: `HOST${JSON_TYPE}`, status: [401], kind: "token_missing" },
    {
      title: "a wrong token",
      line,
      headers: `HOSTAuthorization: Bearer a-long-secreT\r\n${JSON_TYPE}`,
      status: [401],
      kind: "token_wrong",
    },
    {
      title: "another Host",
      line,
      headers: `Host: rebound.example\r\n${AUTHORIZATION}`,
      status: [421],
      kind: "wrong_host",
    },
  ]),
  ...CHANGES.flatMap((line): Attack[] => [
    {
      title: "a form of another origin",
      line,
      headers: `HOST${AUTHORIZATION}Origin: http://evil.example\r\nContent-Type: application/x-www-form-urlencoded\r\n${
        length(FORM)
      }`,
      body: FORM,
      status: [403],
      kind: "wrong_origin",
    },
    {
      title: "a form of a sandbox",
      line,
      headers: `HOST${AUTHORIZATION}Origin: null\r\nContent-Type: text/plain\r\n${length(FORM)}`,
      body: FORM,
      status: [403],
      kind: "wrong_origin",
    },
    {
      title: "what a browser marks as cross-site",
      line,
      headers: `HOST${AUTHORIZATION}Sec-Fetch-Site: cross-site\r\n${JSON_TYPE}`,
      status: [403],
      kind: "wrong_origin",
    },
  ]),
  ...CHANGES.filter((line) => /^(POST|PUT|PATCH)/.test(line) && line !== "POST /v1/reload").map((line): Attack => ({
    title: "a form, with the token",
    line,
    headers: `HOST${AUTHORIZATION}Content-Type: application/x-www-form-urlencoded\r\n${length(FORM)}`,
    body: FORM,
    status: [415],
    kind: "wrong_content_type",
  })),
  {
    title: "a sign-in of another origin",
    line: "POST /sign-in",
    headers: `HOSTOrigin: http://evil.example\r\nContent-Type: application/x-www-form-urlencoded\r\n${
      length(`token=${TOKEN}`)
    }`,
    body: `token=${TOKEN}`,
    status: [403],
  },
  {
    title: "10 MB announced",
    line: "POST /v1/listeners",
    headers: `HOST${AUTHORIZATION}${JSON_TYPE}Content-Length: 10000000\r\n`,
    body: LISTENER,
    status: [413],
    kind: "body_too_large",
  },
  {
    title: "10 MB in pieces",
    line: "POST /v1/listeners",
    headers: `HOST${AUTHORIZATION}${JSON_TYPE}Transfer-Encoding: chunked\r\n`,
    body: `${`${(64 * 1024).toString(16)}\r\n${" ".repeat(64 * 1024)}\r\n`.repeat(160)}0\r\n\r\n`,
    status: [413],
    kind: "body_too_large",
  },
  {
    title: "10 MB from a stranger",
    line: "POST /v1/listeners",
    headers: `HOST${JSON_TYPE}Content-Length: 10000000\r\n`,
    body: " ".repeat(10_000_000),
    status: [401],
    kind: "token_missing",
  },
  {
    title: "a stranger's body that never comes",
    line: "POST /v1/listeners",
    headers: `HOST${JSON_TYPE}Content-Length: 100\r\n`,
    body: "{",
    status: [401],
    kind: "token_missing",
  },
  { title: "dots", line: "GET /healthz/../v1/status", headers: "HOST", status: UNKNOWN },
  { title: "encoded dots", line: "GET /healthz/%2e%2e/v1/config", headers: "HOST", status: UNKNOWN },
  { title: "dots that are encoded twice", line: "GET /healthz/%252e%252e/v1/config", headers: "HOST", status: UNKNOWN },
  { title: "a backslash", line: "GET /healthz\\..\\v1\\config", headers: "HOST", status: UNKNOWN },
  { title: "an encoded slash", line: "GET /healthz%2f..%2fv1%2fconfig", headers: "HOST", status: UNKNOWN },
  { title: "a path parameter", line: "GET /healthz;/v1/config", headers: "HOST", status: UNKNOWN },
  { title: "a slash too many", line: "GET //v1/config", headers: "HOST", status: UNKNOWN },
  { title: "a host in the path", line: "GET //evil.example/v1/config", headers: "HOST", status: UNKNOWN },
  { title: "a slash at the end", line: "GET /healthz/", headers: "HOST", status: UNKNOWN },
  { title: "no letter case", line: "GET /V1/config", headers: "HOST", status: UNKNOWN },
  { title: "nothing at the end", line: "GET /v1/listeners/%00", headers: `HOST${AUTHORIZATION}`, status: [404] },
  { title: "a file", line: "GET /v1/listeners/..%2f..%2fetc%2fpasswd", headers: `HOST${AUTHORIZATION}`, status: [404] },
  { title: "half of a letter", line: "GET /v1/listeners/%c3%28", headers: `HOST${AUTHORIZATION}`, status: [404] },
  { title: "a prototype", line: "GET /v1/ip-groups/__proto__", headers: `HOST${AUTHORIZATION}`, status: [404] },
  {
    title: "a constructor",
    line: "GET /v1/backend-groups/constructor",
    headers: `HOST${AUTHORIZATION}`,
    status: [404],
  },
  {
    title: "a path of 60 KB",
    line: `GET /v1/listeners/${"a".repeat(60_000)}`,
    headers: `HOST${AUTHORIZATION}`,
    status: [404],
  },
  {
    title: "a path of 1 MB",
    line: `GET /v1/listeners/${"a".repeat(1_000_000)}`,
    headers: `HOST${AUTHORIZATION}`,
    status: [0, 400, 414, 431],
  },
  { title: "5,000 headers", line: "GET /healthz", headers: `HOST${"X-Y: z\r\n".repeat(5000)}`, status: [0, 400, 431] },
  {
    title: "two hosts",
    line: "GET /v1/config",
    headers: `HOSTHost: evil.example\r\n${AUTHORIZATION}`,
    status: [400, 421],
  },
  {
    title: "a host that is none",
    line: "GET /v1/config",
    headers: `Host: a b\r\n${AUTHORIZATION}`,
    status: [400, 421],
  },
  { title: "an unknown method", line: "BREW /v1/listeners", headers: `HOST${AUTHORIZATION}`, status: [405] },
  {
    title: "a method in small letters",
    line: "delete /v1/listeners/web",
    headers: `HOST${AUTHORIZATION}`,
    status: [400, 405],
  },
  { title: "TRACE", line: "TRACE /v1/listeners", headers: `HOST${AUTHORIZATION}`, status: [405] },
  { title: "CONNECT", line: "CONNECT 127.0.0.1:22", headers: `HOST${AUTHORIZATION}`, status: [303, 400, 404, 405] },
  {
    title: "a preflight",
    line: "OPTIONS /v1/listeners",
    headers: `HOSTOrigin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n`,
    status: [403],
  },
  {
    title: "two lengths",
    line: "POST /v1/reload",
    headers: `HOST${AUTHORIZATION}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n`,
    body: `0\r\n\r\nGET /v1/config HTTP/1.1\r\n\r\n`,
    // Deno 2.7 takes the pieces; what comes behind them is a request of its own, without the token.
    status: [200, 400],
  },
  { title: "another protocol", line: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", status: [0, 400] },
];

Deno.test("every attack on the admin API is refused, nothing changes, and nothing is logged as a fault", async () => {
  await using started = await start();
  const { running } = started;
  const before = await revision(running);
  for (const { title, line, headers = "", body = "", status, kind } of ATTACKS) {
    const host = `Host: 127.0.0.1:${running.adminPort}\r\n`;
    const request = `${line} HTTP/1.1\r\n${headers.replace("HOST", host)}\r\n${body}`;
    const answer = await rawRequest(running.adminPort, request);
    const what = `${title}: ${line.slice(0, 60)}: ${answer.status} ${answer.body.slice(0, 200)}`;
    assert.ok(status.includes(answer.status), what);
    if (kind !== undefined) assert.equal(JSON.parse(answer.body).type, `urn:weir:problem:${kind}`, what);
    assert.doesNotMatch(answer.body, new RegExp(TOKEN), what);
    assert.doesNotMatch(answer.body, /drainTimeout/, what);
    assert.match(answer.headers.get("location") ?? "/", /^\/(?!\/)/, what);
    assert.equal(answer.headers.get("access-control-allow-origin"), undefined, what);
    if (answer.status === 405) assert.match(answer.headers.get("allow") ?? "", /GET, HEAD/, what);
  }
  assert.deepEqual(await revision(running), before);
  assert.doesNotMatch(running.log, /"level":"error"/);
  assert.doesNotMatch(running.log, new RegExp(TOKEN));
});

const SLOW: readonly (readonly [title: string, line: string, headers: string, body: string, status: number])[] = [
  ["with a length", "PUT /v1/listeners/slow", `${AUTHORIZATION}${JSON_TYPE}Content-Length: 100\r\n`, "{", 408],
  ["in pieces", "PUT /v1/config", `${AUTHORIZATION}${JSON_TYPE}Transfer-Encoding: chunked\r\n`, "1\r\n{\r\n", 408],
  ["that nobody needs", "POST /v1/reload", `${AUTHORIZATION}Content-Length: 100\r\n`, "{", 408],
  ["of a stranger", "PUT /v1/config", `${JSON_TYPE}Content-Length: 100\r\n`, "{", 401],
  [
    "of a form",
    "POST /sign-in",
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n",
    "t",
    408,
  ],
];

Deno.test("a body that never comes holds up its request for ten seconds at most, a stranger's not at all", async () => {
  await using started = await start();
  const { running } = started;
  const before = await revision(running);
  const answers = await Promise.all(SLOW.map(async ([title, line, headers, body]) => {
    const text = `${line} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n${body}`;
    return `${title}: ${(await rawRequest(running.adminPort, text)).status}`;
  }));
  assert.deepEqual(answers, SLOW.map(([title, , , , status]) => `${title}: ${status}`));
  assert.deepEqual(await revision(running), before);
});

/** A client that opens a stream of events and does not read it. */
async function openStream(port: number): Promise<{ readonly status: number; readonly connection: Deno.TcpConn }> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const text = `GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n${AUTHORIZATION}Accept: text/event-stream\r\n\r\n`;
  await connection.write(new TextEncoder().encode(text));
  const buffer = new Uint8Array(1024);
  const count = await connection.read(buffer) ?? 0;
  return { status: Number(new TextDecoder().decode(buffer.subarray(9, Math.min(count, 12)))), connection };
}

const STREAMS = 1000;

peerTest("1,000 streams, 10 MB bodies, wrong tokens and slow bodies at once: clients of a listener notice nothing", [
  "wrk",
  "nginx",
], async (paths) => {
  await using server = await startNginx(paths.nginx, "ok");
  const port = freePort();
  await using running = await RunningWeir.start({
    admin: { token: TOKEN },
    listeners: [listener(port, backends([{ port: server.port }]))],
  });
  const { adminPort } = running;
  await wrkDuring(paths.wrk, ["-t1", "-c20", `http://127.0.0.1:${port}/`], () => attackAtOnce(adminPort));
  const { status } = await running.admin("/v1/status", { headers: { authorization: `Bearer ${TOKEN}` } });
  assert.equal(status, 200, "and it answers its owner");
  assert.doesNotMatch(running.log, /"level":"error"/);
});

async function attackAtOnce(adminPort: number): Promise<void> {
  const opened = await Promise.all(Array.from({ length: STREAMS }, () => openStream(adminPort)));
  const withStatus = (status: number) => opened.filter((one) => one.status === status).length;
  assert.deepEqual([withStatus(200), withStatus(503)], [50, STREAMS - 50]);

  const head = `Host: 127.0.0.1\r\n${JSON_TYPE}`;
  const big = `POST /v1/listeners HTTP/1.1\r\n${head}${AUTHORIZATION}Content-Length: 10000000\r\n\r\n${
    " ".repeat(2_000_000)
  }`;
  const slow = `POST /v1/listeners HTTP/1.1\r\n${head}${AUTHORIZATION}Content-Length: 9\r\n\r\n{`;
  const wrong = `POST /v1/reload HTTP/1.1\r\n${head}Authorization: Bearer guess\r\n\r\n`;
  const send = (count: number, text: string): Promise<RawAnswer>[] =>
    Array.from({ length: count }, () => rawRequest(adminPort, text));
  const answers = await Promise.all([...send(50, big), ...send(100, slow), ...send(500, wrong)]);
  assert.deepEqual(
    [413, 408, 401].map((status) => answers.filter((one) => one.status === status).length),
    [50, 100, 500],
  );
  for (const { connection } of opened) connection.close();
}
