/** Forms and pages of the console, one request a line: `/path field=value&…` sends a form, `GET /path` opens a page. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { issue } from "../../support/authority.ts";
import { randomFrom } from "../../support/random.ts";
import { ConsoleBench } from "../../unit/console/bench.ts";
import { type Fields, filled } from "../../unit/console/filled.ts";
import { type FuzzTarget, inputOf, textOf } from "../target.ts";

const MOST_REQUESTS = 6;

/** What must never be part of a page as it is. */
const SCRIPT = "<img src=x onerror=alert(1)>";

const pair = await issue({ name: "new" });

const FORMS = [
  ...["/new/listener", "/new/backend-group", "/new/ip-group", "/new/certificate", "/new/client-ca"],
  ...["/listeners/front/modify", "/listeners/own/modify", "/backend-groups/web/modify", "/ip-groups/office/modify"],
  ...["/listeners/own/bind", "/backend-groups/web/bind", "/listeners/own/delete", "/backend-groups/spare/delete"],
];

const PAGES = [
  "/",
  "/listeners",
  "/backend-groups",
  "/ip-groups",
  "/certificates",
  "/events",
  "/config",
  "/listeners/front",
];

async function check(input: Uint8Array): Promise<string> {
  const lines = textOf(input).split("\n").slice(0, MOST_REQUESTS).filter((line) => /^(GET )?\/[!-~]*( |$)/.test(line));
  if (lines.length === 0) return "no request";
  await using bench = await ConsoleBench.start();
  const token = /name="form-token" value="([^"]+)"/.exec((await bench.get("/")).html)?.[1] ?? "";
  const outcomes: string[] = [];
  for (const line of lines) outcomes.push(await ask(bench, line, token));
  const { status, body } = await bench.store.call("POST", "/v1/reload");
  assert.equal(status, 200, `what was saved is refused: ${JSON.stringify(body)}`);
  return outcomes.join(", ");
}

async function ask(bench: ConsoleBench, line: string, token: string): Promise<string> {
  const [, get, path = "", form = ""] = /^(GET )?(\/\S*) ?(.*)$/.exec(line) ?? [];
  if (!URL.canParse(`http://127.0.0.1:9900${path}`)) return "no address";
  const { reloader } = bench.store;
  const [accepted, serving, files] = [reloader.accepted, reloader.serving, bench.store.files()];
  const body = new URLSearchParams(form);
  body.set("form-token", token);
  const response = await bench.ask(path, get === undefined ? { method: "POST", body } : {});
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  if (isStream) await response.body?.cancel();
  const html = isStream ? "" : await response.text();
  const what = `${line.slice(0, 200)} was answered with ${response.status}\n${bench.logged.slice(-2).join("\n")}`;
  assert.ok(response.status < 500, what);
  assert.ok(!html.includes(SCRIPT), `what was typed is part of the page: ${what}`);
  assert.ok(!/\[object Object\]|>undefined<|>NaN</.test(html), `a page shows what nobody means: ${what}`);
  if (response.status !== 303) {
    assert.equal(reloader.accepted, accepted, `it was refused and another configuration serves: ${what}`);
    assert.equal(reloader.serving, serving, `it was refused and another model serves: ${what}`);
    assert.deepEqual(bench.store.files(), files, `it was refused and files have changed: ${what}`);
  } else {
    const next = await bench.get(response.headers.get("location") ?? "");
    assert.ok(next.status < 500, `${what}, and leads to ${next.status}`);
    assert.ok(!next.html.includes(SCRIPT), `what was typed is part of the page: ${what}`);
  }
  return `${path.split("/").slice(1, 3).join("/").slice(0, 30)} ${response.status} ${
    html.split('class="error"').length
  }`;
}

/** What a browser sends of every form, as it is. */
const sent: readonly (readonly [path: string, fields: Fields])[] = await (async () => {
  await using bench = await ConsoleBench.start();
  const forms: [string, Fields][] = [];
  for (const path of FORMS) {
    const { status, html } = await bench.get(path);
    assert.equal(status, 200, path);
    forms.push([path, filled(html)]);
  }
  return forms;
})();

function written(path: string, fields: Fields): string {
  const pairs = Object.entries(fields).flatMap(([name, value]) =>
    (typeof value === "string" ? [value] : value).map((one): [string, string] => [name, one])
  );
  return `${path} ${new URLSearchParams(pairs)}`;
}

const TYPED = [
  ...[
    "",
    " ",
    "new",
    "front",
    "web",
    "10.0.0.9",
    "10.0.0.9\n10.0.0.10/8",
    "80",
    "0",
    "65536",
    "1-5",
    "-1",
    "1e3",
    "true",
  ],
  ...[
    "false",
    "TCP_SSL",
    "TCP",
    "source-hash",
    "unlimited",
    "a=b, c=d",
    "=",
    "own",
    SCRIPT,
    `"'${SCRIPT}`,
    "${A}",
    "\0",
  ],
  ...["x".repeat(5000), "ü", "500", "999999", "servers", "review", "back", "next", "add-row", "remove-0", "create"],
  ...[pair.certPem, pair.keyPem],
];

const form = fc.tuple(fc.constantFrom(...sent), fc.integer()).map(([[path, fields], seed]) => {
  const random = randomFrom(seed);
  const changed: Record<string, string | readonly string[]> = { ...fields };
  const keys = [...Object.keys(fields), "go", "step", "persist", "etag", "name", "servers.count", "backends.count"];
  for (let left = random(5); left > 0; left--) {
    const key = keys[random(keys.length)] ?? "go";
    if (random(6) === 0) delete changed[key];
    else changed[key] = random(6) === 0 ? ["a", "b"] : TYPED[random(TYPED.length)] ?? "";
  }
  return written(path, changed);
});

/** The target. */
export const consoleTarget: FuzzTarget = {
  name: "console",
  holds:
    "never 500, and nothing that was typed is part of a page; refused: nothing has changed; saved: a reload finds it good",
  isText: true,
  seeds: () =>
    [...sent.map(([path, fields]) => written(path, fields)), ...PAGES.map((path) => `GET ${path}`)].map(inputOf),
  words: [
    ...[
      "GET ",
      "\n",
      "&",
      "=",
      "%",
      "%00",
      "%0a",
      "+",
      "/",
      "..",
      "?",
      "go=",
      "step=",
      "servers.0.address=",
      "count=",
      "name=",
    ],
    ...[
      "/listeners/front/servers/10.0.0.11:80/drain drain=true",
      "/backend-groups/web/servers/10.0.0.11:80/weight weight=3",
    ],
    ...[
      "/reload",
      "/live?page=",
      "?tag=env:prod",
      "?q=",
      "?note=",
      "?sort=",
      "?severity=",
      encodeURIComponent(SCRIPT),
      SCRIPT,
    ],
  ],
  generated: fc.array(form, { minLength: 1, maxLength: 4 }).map((lines) => inputOf(lines.join("\n"))),
  longest: 50_000,
  check,
};
