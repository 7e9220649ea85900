/** Signing in to the console, and what keeps others out. @module */

import assert from "node:assert/strict";
import { IDLE_MS, LONGEST_MS, MOST_SESSIONS, Sessions } from "../../../src/console/session/sessions.ts";
import { SignInAttempts } from "../../../src/console/session/attempts.ts";
import { ownPath } from "../../../src/console/session/sign_in.tsx";
import { CONTENT_SECURITY_POLICY } from "../../../src/console/security.ts";
import { FakeClock } from "../fake_clock.ts";
import { ConsoleBench } from "./bench.ts";

const TOKEN = "correct horse battery staple";

const PATHS = ["/", "/listeners", "/listeners/front", "/events", "/config", "/new/certificate", "/nothing"];

Deno.test("console asks nobody to sign in while there is no token", async () => {
  await using bench = await ConsoleBench.start();
  for (const path of PATHS) assert.equal((await bench.get(path)).status, path === "/nothing" ? 404 : 200, path);
  assert.doesNotMatch((await bench.get("/")).html, /Sign out/);
  assert.equal((await bench.get("/sign-in")).location, "/");
});

Deno.test("console shows nothing to somebody who has not signed in, and leads to where he wanted to go", async () => {
  await using bench = await ConsoleBench.start();
  bench.token = TOKEN;
  for (const path of PATHS) {
    const { status, location, html } = await bench.get(path);
    assert.deepEqual([status, html], [303, ""], path);
    assert.equal(location, path === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(path)}`);
  }
  assert.equal((await bench.get("/live?path=/")).status, 401);
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1024)) });
  const sent = await bench.ask("/listeners/front/delete", { method: "POST", body: endless });
  assert.equal(sent.headers.get("location"), "/sign-in", "a body of somebody who has not is not even read");
  assert.equal((await bench.send("/reload", {})).location, "/sign-in");
  const page = await bench.get("/sign-in?next=%2Flisteners");
  assert.match(page.html, /<input type="hidden" name="next" value="\/listeners"/);
  const done = await bench.send("/sign-in", { token: TOKEN, next: "/listeners" });
  assert.equal(done.location, "/listeners");
  assert.match((await bench.follow(done)).html, /Sign out/);
});

Deno.test("console's cookie is for the browser alone, and Secure once the browser speaks https", async () => {
  await using bench = await ConsoleBench.start();
  bench.token = TOKEN;
  const plain = (await bench.signIn(TOKEN)).headers.get("set-cookie") ?? "";
  assert.match(plain, /^weir_session_9900=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
  bench.forget();
  const https = await bench.send("/sign-in", { token: TOKEN }, { origin: "https://127.0.0.1:9900" });
  assert.match(https.headers.get("set-cookie") ?? "", /; Secure/);
  bench.forget();
  const claimed = await bench.send("/sign-in", { token: TOKEN }, { "x-forwarded-proto": "https" });
  assert.doesNotMatch(claimed.headers.get("set-cookie") ?? "", /Secure/, "anybody can write that header");
});

Deno.test("console refuses a wrong token, and after a few of them any", async () => {
  await using bench = await ConsoleBench.start();
  bench.token = TOKEN;
  for (let attempt = 0; attempt < 5; attempt++) {
    const { status, html } = await bench.signIn(`${TOKEN}x`);
    assert.equal(status, 401);
    assert.match(html, /The token is wrong/);
    assert.match(html, /aria-invalid="true"/);
    assert.doesNotMatch(html, /staplex/, "what was typed is not sent back");
  }
  const { status, html, headers } = await bench.signIn(TOKEN);
  assert.equal(status, 429);
  assert.match(html, /Too many attempts. Try again in 10 s/);
  assert.equal(headers.get("retry-after"), "10");
  bench.from = "192.0.2.2";
  assert.equal((await bench.signIn(TOKEN)).status, 303, "somebody else may");
  bench.from = "192.0.2.1";
  bench.clock.advance(10_000);
  assert.equal((await bench.signIn(TOKEN)).status, 303);
  assert.equal(bench.logged.filter((line) => line.includes("wrong token")).length, 5);
  assert.doesNotMatch(bench.logged.join(), /horse/);
});

Deno.test("console's session ends on signing out, for this browser alone", async () => {
  await using bench = await ConsoleBench.start();
  bench.token = TOKEN;
  await bench.signIn(TOKEN);
  assert.equal((await bench.send("/sign-out", {})).location, "/sign-in");
  assert.equal((await bench.get("/")).status, 200, "a form of another site signs nobody out");
  await bench.post("/sign-out");
  assert.equal((await bench.get("/")).status, 303);
});

Deno.test("console's session ends when the token changes, and so does a live page", async () => {
  await using bench = await ConsoleBench.start();
  bench.token = TOKEN;
  await bench.signIn(TOKEN);
  const live = await bench.ask("/live?path=/listeners&shape=");
  assert.equal(live.status, 200);
  bench.token = "another";
  assert.match(await live.text(), /event: signed-out/);
  assert.equal((await bench.get("/")).status, 303);
  bench.token = TOKEN;
  assert.equal((await bench.get("/")).status, 303, "for good");
});

Deno.test("console's session ends after a time of no use, and a live page is none", async () => {
  await using bench = await ConsoleBench.start();
  bench.token = TOKEN;
  await bench.signIn(TOKEN);
  bench.clock.advance(IDLE_MS - 1);
  assert.equal((await bench.get("/")).status, 200);
  const shape = /data-page-live="([^"]+)"/.exec((await bench.get("/listeners")).html)?.[1] ?? "";
  const live = await bench.ask(`/live?path=/listeners&shape=${shape}`);
  const text = live.text();
  bench.clock.advance(IDLE_MS);
  await bench.tick();
  assert.match(await text, /event: signed-out/);
  assert.equal((await bench.get("/")).status, 303);
});

Deno.test("Sessions end after their longest time, are few, and the one used last stays", () => {
  const clock = new FakeClock();
  const sessions = new Sessions(clock.now);
  const first = sessions.begin("t");
  for (let more = 1; more < MOST_SESSIONS; more++) sessions.begin("t");
  assert.notEqual(sessions.use(first, "t"), undefined);
  sessions.begin("t");
  assert.equal(sessions.size, MOST_SESSIONS);
  assert.notEqual(sessions.use(first, "t"), undefined);
  assert.equal(sessions.use("", "t"), undefined);
  for (let time = 0; time < LONGEST_MS; time += IDLE_MS / 2) {
    assert.notEqual(sessions.use(first, "t"), undefined, String(time));
    clock.advance(IDLE_MS / 2);
  }
  assert.equal(sessions.use(first, "t"), undefined);
});

Deno.test("SignInAttempts bounds all addresses together, and remembers few", () => {
  const clock = new FakeClock();
  const attempts = new SignInAttempts(clock.now);
  for (let one = 0; one < 99; one++) attempts.failed(`10.0.0.${one}`);
  assert.equal(attempts.wait("192.0.2.1"), 0);
  attempts.failed("10.0.0.100");
  assert.equal(attempts.wait("192.0.2.1"), 1);
  clock.advance(1000);
  assert.equal(attempts.wait("192.0.2.1"), 0);
});

const NEXTS: readonly (readonly [given: string | undefined, path: string])[] = [
  [undefined, "/"],
  ["/listeners?tag=a%3Ab", "/listeners?tag=a%3Ab"],
  ["//evil.example", "/"],
  ["/\\evil.example", "/"],
  ["https://evil.example", "/"],
  ["evil.example", "/"],
  ["/a\r\nb", "/"],
  ["/a\0b", "/"],
  ["javascript:alert(1)", "/"],
  ["/sign-in", "/"],
];

for (const [given, path] of NEXTS) {
  Deno.test(`ownPath() makes ${path} of ${JSON.stringify(given)}`, () => assert.equal(ownPath(given), path));
}

Deno.test("console tells the browser on every answer what a page may do", async () => {
  await using bench = await ConsoleBench.start();
  const file = /href="([^"]+\.css)"/.exec((await bench.get("/")).html)?.[1] ?? "";
  for (const path of [...PATHS, "/sign-in", file, "/assets/old/console.css"]) {
    const { headers } = await bench.get(path);
    assert.equal(headers.get("content-security-policy"), CONTENT_SECURITY_POLICY, path);
    assert.equal(headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(headers.get("referrer-policy"), "same-origin", path);
    assert.equal(headers.get("cross-origin-opener-policy"), "same-origin", path);
    assert.equal(
      headers.get("cache-control"),
      path === file ? "public, max-age=31536000, immutable" : "no-store",
      path,
    );
  }
  assert.match(CONTENT_SECURITY_POLICY, /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'/);
  assert.doesNotMatch(CONTENT_SECURITY_POLICY, /unsafe|\*|http/);
});

Deno.test("console's pages hold no script and no style of their own, which the browser would refuse", async () => {
  await using bench = await ConsoleBench.start();
  for (const path of PATHS) {
    const { html } = await bench.get(path);
    assert.doesNotMatch(html, /<style|\sstyle=|\son[a-z]+=|javascript:/i, path);
    for (const [tag] of html.matchAll(/<script[^>]*>[^<]*/g)) {
      assert.match(tag, /^<script src="\/assets\/[^"]+" defer="">$/);
    }
    for (const [, url = ""] of html.matchAll(/(?:href|src|action)="([^"]*)"/g)) {
      assert.match(url, /^(\/(?!\/)|#)/, path);
    }
  }
});

Deno.test("console takes no form without the session's token, of another session, or of another site", async () => {
  await using bench = await ConsoleBench.start();
  const reloads = () => bench.store.reloader.last;
  const before = reloads();
  for (const fields of [{}, { "form-token": "" }, { "form-token": "x".repeat(43) }]) {
    assert.equal((await bench.send("/reload", fields)).status, 403);
  }
  const formToken = /name="form-token" value="([^"]+)"/.exec((await bench.get("/")).html)?.[1] ?? "";
  for (
    const headers of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
    ]
  ) {
    assert.equal((await bench.send("/reload", { "form-token": formToken }, headers)).status, 403);
  }
  bench.token = TOKEN;
  await bench.signIn(TOKEN);
  assert.equal((await bench.send("/reload", { "form-token": formToken })).status, 403, "from before");
  assert.equal(reloads(), before);
  assert.equal((await bench.post("/reload")).status, 303);
  assert.notEqual(reloads(), before);
});

Deno.test("console sends somebody who follows a link from another site to the same page once more", async () => {
  await using bench = await ConsoleBench.start();
  bench.token = TOKEN;
  const headers = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
  const { status, html } = await bench.get("/listeners?q=a%22b", headers);
  assert.equal(status, 200);
  assert.match(html, /<meta http-equiv="refresh" content="0; url=\/listeners\?q=a%22b"/);
  assert.doesNotMatch(html, /front/);
  const elsewhere = await bench.get("//evil.example/listeners", headers);
  assert.match(elsewhere.html, /<meta http-equiv="refresh" content="0; url=\/evil.example\/listeners"/);
  const frame = { ...headers, "sec-fetch-dest": "iframe" };
  assert.equal((await bench.get("/listeners", frame)).status, 403);
});

Deno.test("console is not there under another name (DNS rebinding)", async () => {
  await using bench = await ConsoleBench.start();
  for (const path of ["/", "/listeners", "/sign-in"]) {
    const { status, html } = await bench.get(path, { host: "evil.example:9900" });
    assert.equal(status, 421);
    assert.doesNotMatch(html, /Listeners|Sign in/);
  }
});

Deno.test("console never shows the token, in no page and no address", async () => {
  await using bench = await ConsoleBench.start(`admin: { token: ${JSON.stringify(TOKEN)} }`);
  bench.token = TOKEN;
  const pages = [await bench.signIn(TOKEN), ...await Promise.all(PATHS.map((path) => bench.get(path)))];
  for (const { html, location, headers } of pages) {
    assert.doesNotMatch(`${html} ${location} ${[...headers].join()}`, /horse/);
  }
  assert.match((await bench.get("/config")).html, /token: &quot;\*\*\*&quot;|token: &#39;\*\*\*&#39;|token: \*\*\*/);
});

Deno.test("console refuses a form of more than 3 MiB, and of 16 KiB from somebody who has not signed in", async () => {
  await using bench = await ConsoleBench.start();
  assert.equal((await bench.send("/sign-in", { token: "y".repeat(16 * 1024) })).status, 413);
  assert.equal((await bench.send("/reload", { x: "y".repeat(3 * 1024 * 1024) })).status, 413);
});
