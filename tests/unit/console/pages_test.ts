/** What the console's pages show. @module */

import assert from "node:assert/strict";
import { isApiPath } from "../../../src/admin/paths.ts";
import { ConsoleBench } from "./bench.ts";

const NASTY = `<script>alert("1")</script>'&`;

Deno.test("console escapes whatever the configuration says", async () => {
  const config = `
listeners:
  - name: front
    protocol: TCP
    port: 8000
    description: ${JSON.stringify(NASTY)}
    tags: { ${JSON.stringify(NASTY)}: ${JSON.stringify(NASTY)} }
    backends: { servers: [{ address: 10.0.0.1, port: 80 }] }
`;
  await using bench = await ConsoleBench.start(config);
  bench.admin.events.add({
    ...{ kind: "health_changed", severity: "warning", listener: NASTY, server: null, message: NASTY, details: {} },
  });
  const tag = encodeURIComponent(`${NASTY}:${NASTY}`);
  for (
    const path of [
      ...["/", "/listeners", `/listeners?q=${encodeURIComponent(NASTY)}`, `/listeners?tag=${tag}`, "/listeners/front"],
      ...["/events", `/events?listener=${encodeURIComponent(NASTY)}`, "/config"],
      ...[`/listeners/${encodeURIComponent(NASTY)}`, `/${encodeURIComponent(NASTY)}`, "/nothing%3Cscript%3E"],
    ]
  ) {
    const { html } = await bench.get(path);
    assert.doesNotMatch(html, /<script>|alert\("/, path);
  }
  assert.match(
    (await bench.get("/listeners/front")).html,
    /&lt;script&gt;alert\(&quot;1&quot;\)&lt;\/script&gt;&#39;&amp;/,
  );
});

const READS: readonly (readonly [path: string, shows: readonly RegExp[]])[] = [
  ["/", [/<h1>Overview/, /Total connections/, /weir\.yaml/, /Nothing: every listener accepts/]],
  ["/listeners", [/>front</, />own</, /front door/, /0\.0\.0\.0:8000/, /env: prod/, /Accepting/]],
  ["/listeners?tag=env%3Aprod", [/>front</, /1 of 2 listeners/]],
  ["/listeners?q=8001", [/>own</, /1 of 2 listeners/]],
  ["/listeners?q=nothing+at+all", [/No listener is like that/]],
  ["/listeners/front", [/10\.0\.0\.11:80/, /weighted round robin/, /Idle timeout/, /href="\/backend-groups\/web"/]],
  ["/backend-groups", [/>web</, /no listener/, /weighted round robin/]],
  ["/backend-groups/web", [/10\.0\.0\.12:80/, /href="\/listeners\/front"/]],
  ["/certificates", [/There are none/]],
  ["/ip-groups", [/>office</, /192\.0\.2\.0\/24, 2001:db8::\/32/]],
  ["/ip-groups/office", [/2001:db8::\/32/, /2 entries/]],
  ["/events", [/Nothing has happened yet/]],
  ["/config", [/idleTimeout: 300/, /10\.0\.0\.14/]],
];

for (const [path, shows] of READS) {
  Deno.test(`console shows ${path}`, async () => {
    await using bench = await ConsoleBench.start();
    const { status, html } = await bench.get(path);
    assert.equal(status, 200);
    for (const pattern of shows) assert.match(html, pattern);
    assert.match(html, /^<!DOCTYPE html><html lang="en">/);
    assert.equal((html.match(/<h1[ >]/g) ?? []).length, 1);
    assert.equal((html.match(/aria-current="page"/g) ?? []).length, 1);
  });
}

Deno.test("console says what is not there, with the nearest name", async () => {
  await using bench = await ConsoleBench.start();
  for (
    const [path, text] of [
      ["/listeners/frnt", /There is no listener &quot;frnt&quot;.*front/],
      ["/backend-groups/wbe", /There is no backend group &quot;wbe&quot;/],
      ["/ip-groups/offce", /There is no IP group &quot;offce&quot;.*office/],
      ["/certificates/www", /There is no certificate &quot;www&quot;/],
      ["/listeners/%E0%A4%A", /There is nothing at/],
      ["/nothing", /There is nothing at \/nothing/],
    ] as const
  ) {
    const { status, html } = await bench.get(path);
    assert.equal(status, 404, path);
    assert.match(html, text);
  }
});

Deno.test("console's listeners come in pages", async () => {
  const listeners = Array.from(
    { length: 120 },
    (_, index) => `  - { name: l${index}, protocol: TCP, port: ${9000 + index}, backendGroup: web }\n`,
  ).join("");
  await using bench = await ConsoleBench.start(
    `backendGroups: { web: { servers: [{ address: 10.0.0.1, port: 80 }] } }\nlisteners:\n${listeners}`,
  );
  const names = async (path: string) =>
    [...(await bench.get(path)).html.matchAll(/href="\/listeners\/(l\d+)"/g)].map(([, name]) => name);
  assert.equal((await names("/listeners")).length, 50);
  assert.deepEqual((await names("/listeners?page=3")).slice(0, 2), ["l100", "l101"]);
  assert.equal((await names("/listeners?page=99")).length, 20);
  assert.match((await bench.get("/listeners?page=2&q=l")).html, /Page 2 of 3/);
});

Deno.test("console shows why a server is Abnormal, that it is drained, and what needs attention", async () => {
  await using bench = await ConsoleBench.start();
  const server = bench.admin.boards.server("front", "10.0.0.11:80");
  server?.probed(false, bench.admin.now);
  if (server !== undefined) server.health = "Abnormal";
  const drained = await bench.post("/listeners/front/servers/10.0.0.12:80/drain", { drain: "true" });
  const { html } = await bench.follow(drained);
  assert.match(html, /Server 10\.0\.0\.12:80 is drained/);
  assert.match(html, /data-tone="bad">Abnormal/);
  assert.match(html, /3 probes failed/);
  assert.match(html, /connection refused/);
  assert.match(html, /data-tone="warning">Draining/);
  assert.match((await bench.get("/")).html, /10\.0\.0\.11:80 of listener front is Abnormal/);
  assert.doesNotMatch((await bench.get(drained.location ?? "")).html, /is drained: it takes/, "a note is shown once");
  await bench.post("/listeners/front/servers/10.0.0.12:80/drain", { drain: "false" });
  assert.doesNotMatch((await bench.get("/listeners/front")).html, /data-tone="warning">Draining/);
});

Deno.test("console gives a server another weight, in the listener or the group", async () => {
  await using bench = await ConsoleBench.start();
  const weights = () => bench.runtime().model.listeners.get("front")?.pool.servers.map(({ weight }) => weight);
  await bench.post("/listeners/front/servers/10.0.0.11%3A80/weight", { weight: "7" });
  assert.deepEqual(weights(), [7, 5]);
  await bench.post("/backend-groups/web/servers/10.0.0.12%3A80/weight", { weight: "0" });
  assert.deepEqual(weights(), [7, 0]);
  for (const weight of ["101", "-1", "x", "", "1.5"]) {
    const refused = await bench.post("/listeners/front/servers/10.0.0.11%3A80/weight", { weight });
    assert.match((await bench.follow(refused)).html, /must be between 0 and 100/, weight);
  }
  const gone = await bench.post("/listeners/front/servers/10.0.0.99%3A80/weight", { weight: "1" });
  assert.match((await bench.follow(gone)).html, /has no server &quot;10\.0\.0\.99:80&quot;/);
  assert.deepEqual(weights(), [7, 0]);
});

Deno.test("console reloads, and shows every error with its place while the old configuration serves on", async () => {
  await using bench = await ConsoleBench.start();
  await bench.store.write({ "weir.yaml": bench.file.replace("port: 8000", "port: 8002") });
  assert.match(
    (await bench.follow(await bench.post("/reload"))).html,
    /read again: 1 change\..*Listener front: replace/,
  );
  await bench.store.write({ "weir.yaml": bench.file.replace("8002", "80020").replace("weight: 5", "weight: 500") });
  const { html } = await bench.follow(await bench.post("/reload"));
  assert.match(html, /The configuration has 2 errors; the old one serves on/);
  assert.match(html, /weir\.yaml:8:\d+ backendGroups\.web\.servers\[1\]\.weight: must be between 0 and 100/);
  assert.match(html, /weir\.yaml:11:\d+ listeners\[0\]\.port: must be between 1 and 65535/);
  assert.match((await bench.get("/")).html, /The configuration file was refused at the last reload/);
  assert.match((await bench.get("/listeners")).html, /0\.0\.0\.0:8002/);
});

Deno.test("console filters events", async () => {
  await using bench = await ConsoleBench.start();
  const add = (listener: string, severity: "info" | "error") =>
    bench.admin.events.add({
      ...{
        kind: "listener_down",
        severity,
        listener,
        server: null,
        message: `${listener} is ${severity}`,
        details: {},
      },
    });
  for (let one = 0; one < 120; one++) {
    add(`l${one}`, "info");
    bench.admin.now += 60_000;
  }
  add("front", "error");
  const messages = async (query: string) =>
    [...(await bench.get(`/events${query}`)).html.matchAll(/<span class="message[^"]*">([^<]*)/g)].map(([, text]) =>
      text
    );
  assert.deepEqual((await messages("")).slice(0, 2), ["front is error", "l119 is info"]);
  assert.equal((await messages("")).length, 100);
  assert.deepEqual(await messages("?severity=error"), ["front is error"]);
  assert.deepEqual(await messages("?listener=l7"), ["l7 is info"]);
  assert.deepEqual(await messages("?kind=reloaded"), []);
  const older = /href="(\/events\?[^"]*before=[^"]*)"/.exec((await bench.get("/events")).html)?.[1] ?? "";
  assert.equal((await messages(older.replaceAll("&amp;", "&").slice("/events".length))).at(-1), "l0 is info");
});

Deno.test("isApiPath() leaves the admin API what is its own", () => {
  for (const path of ["/v1", "/v1/status", "/metrics", "/healthz", "/readyz"]) {
    assert.equal(isApiPath(path), true, path);
  }
  for (const path of ["/", "/v1x", "/listeners", "/metricsx", "/live", "/V1/status"]) {
    assert.equal(isApiPath(path), false, path);
  }
});
