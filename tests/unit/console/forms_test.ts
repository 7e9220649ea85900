/** Creating, modifying and deleting through the console's forms. @module */

import assert from "node:assert/strict";
import { issue } from "../../support/authority.ts";
import { CONFIG, ConsoleBench, type Shown } from "./bench.ts";
import { type Fields, filled, unescaped } from "./filled.ts";

/** Sends the form of a page. */
async function submit(bench: ConsoleBench, path: string, page: Shown, changes: Fields): Promise<Shown> {
  return await bench.send(path, filled(page.html, changes));
}

/** The errors of a page by field, as they are tied to them. */
function errorsOf({ html }: Shown): Record<string, string> {
  const found = [...html.matchAll(/<p class="error" id="f-([^"]+)-error">(.*?)<\/p>/gs)];
  for (const [, field = ""] of found) {
    assert.match(html, new RegExp(`aria-describedby="f-${field}-error`), `${field} is described by its error`);
  }
  return Object.fromEntries(
    found.map(([, field = "", text = ""]) => [field, unescaped(text.replaceAll(/<[^>]+>/g, ""))]),
  );
}

const stepOf = ({ html }: Shown) => /<span aria-current="step">([^<]*)/.exec(html)?.[1];

Deno.test("a listener is created in steps, with servers of its own", async () => {
  await using bench = await ConsoleBench.start();
  const basic = await bench.get("/new/listener");
  assert.equal(stepOf(basic), "Basic configuration");
  const path = "/new/listener";
  const health = await submit(bench, path, basic, {
    ...{ name: "shop", protocol: "TCP", port: "8100", description: 'The "shop"', tags: "env: prod\nteam: a:b" },
    ...{ idleTimeout: "60", maxConnections: "5000", go: "health" },
  });
  assert.equal(stepOf(health), "Health check");
  const servers = await submit(bench, path, health, { "backends.healthCheck.interval": "10", go: "servers" });
  assert.equal(stepOf(servers), "Bind servers");
  const more = await submit(bench, path, servers, {
    ...{ "backends.servers.0.address": "10.1.0.1", "backends.servers.0.port": "80, 81", go: "add" },
    ...{ "backends.servers.1.address": "10.1.0.2", "backends.servers.1.port": "80", "backends.servers.1.weight": "3" },
    "backends.algorithm": "wlc",
  });
  assert.match(more.html, /name="backends\.servers\.2\.address"/);
  const fewer = await submit(bench, path, more, {
    ...{ "backends.servers.2.address": "10.1.0.3", "backends.servers.2.backup": "true", go: "remove-1" },
  });
  const review = await submit(bench, path, fewer, { "backends.servers.1.port": "90", go: "review" });
  assert.equal(stepOf(review), "Review");
  assert.match(review.html, /idleTimeout: 60/);
  assert.match(review.html, /<input type="checkbox" name="persist"/);
  const done = await submit(bench, path, review, { go: "save" });
  assert.equal(done.status, 303, JSON.stringify(errorsOf(done)));
  assert.match(done.location ?? "", /^\/listeners\/shop\?note=/);
  assert.match((await bench.follow(done)).html, /Listener shop was created \(not saved/);
  const { settings } = bench.store.editor.read({ kind: "listener", name: "shop" });
  assert.deepEqual(settings, {
    name: "shop",
    protocol: "TCP",
    port: 8100,
    description: 'The "shop"',
    idleTimeout: 60,
    maxConnections: 5000,
    tags: { env: "prod", team: "a:b" },
    backends: {
      servers: [{ address: "10.1.0.1", ports: [80, 81] }, { address: "10.1.0.3", port: 90, backup: true }],
      algorithm: "wlc",
      healthCheck: { interval: 10 },
    },
  });
  assert.doesNotMatch(bench.file, /shop"/);
});

Deno.test("what is saved goes into the file, whose comments stay", async () => {
  await using bench = await ConsoleBench.start();
  const basic = await bench.get("/new/listener");
  const review = await submit(bench, "/new/listener", basic, {
    ...{ name: "shop", protocol: "TCP", port: "8100", backendGroup: "spare", go: "review" },
  });
  const done = await submit(bench, "/new/listener", review, { go: "save", persist: ["false", "true"] });
  assert.match((await bench.follow(done)).html, /saved to the configuration file/);
  assert.match(bench.file, /name: shop/);
  assert.match(bench.file, /port: 8100/);
  for (const line of CONFIG.trimEnd().split("\n")) assert.ok(bench.file.includes(line), line);
});

Deno.test("what is wrong is said at its field, on its step, and nothing typed is lost", async () => {
  await using bench = await ConsoleBench.start();
  const path = "/new/listener";
  const basic = await bench.get(path);
  const typedIn = {
    ...{ name: "my shop", protocol: "TCP", address: "nowhere", port: "80000", idleTimeout: "soon" },
    ...{ tags: "novalue\na: 1\na: 2", description: "<kept>" },
  };
  const refused = await submit(bench, path, basic, { ...typedIn, go: "health" });
  assert.equal(refused.status, 422);
  assert.equal(stepOf(refused), "Basic configuration");
  const errors = errorsOf(refused);
  assert.match(errors["name"] ?? "", /must be a name of 1 to 63 letters/);
  assert.match(errors["address"] ?? "", /must be an IPv4 or IPv6 address, got "nowhere"/);
  assert.match(errors["port"] ?? "", /must be between 1 and 65535, got 80000/);
  assert.match(
    errors["idleTimeout"] ?? "",
    /must be a whole number between 10 and 4000 seconds, got "soon"|must be between/,
  );
  assert.match(errors["tags"] ?? "", /one "key: value" a line, got "novalue".*has the key "a" twice/s);
  for (const text of ["my shop", "nowhere", "80000", "soon", "&lt;kept&gt;"]) {
    assert.ok(refused.html.includes(text), text);
  }
  assert.match(refused.html, /<details class="more" open/, "what is wrong is in sight");
  assert.match(refused.html, /<a href="#f-port">Port or ports<\/a>/);

  const right = await submit(bench, path, refused, {
    ...{ name: "shop", address: "0.0.0.0", port: "8100", idleTimeout: "60", tags: "a: 1", go: "servers" },
  });
  assert.equal(stepOf(right), "Bind servers");
  const wrongRow = await submit(bench, path, right, {
    ...{ "backends.servers.1.address": "10.0.0.1", "backends.servers.1.port": "x", "backends.servers.1.weight": "101" },
    ...{ "backends.defaultPort": "0", go: "review" },
  });
  const inRows = errorsOf(wrongRow);
  assert.match(inRows["backends_servers_1_port"] ?? "", /got "x"/);
  assert.match(inRows["backends_servers_1_weight"] ?? "", /must be between 0 and 100, got 101/);
  assert.match(inRows["backends_defaultPort"] ?? "", /between 1 and 65535, got 0/);
  assert.match(wrongRow.html, /value="101"/);
  const back = await submit(bench, path, wrongRow, { go: "basic" });
  assert.equal(stepOf(back), "Basic configuration", "backwards one may always go");
  assert.match(back.html, /value="8100"/);
});

Deno.test("what only the whole configuration can tell is said at its field as well", async () => {
  await using bench = await ConsoleBench.start();
  const path = "/new/listener";
  const basic = await bench.get(path);
  const attempt = async (changes: Fields) =>
    await submit(bench, path, basic, {
      name: "shop",
      protocol: "TCP",
      port: "8100",
      backendGroup: "web",
      go: "save",
      ...changes,
    });
  const taken = await attempt({ port: "8000" });
  assert.equal(taken.status, 422);
  assert.equal(stepOf(taken), "Basic configuration");
  assert.match(errorsOf(taken)["port"] ?? "", /front/);
  assert.match(errorsOf(await attempt({ name: "front" }))["name"] ?? "", /There is a listener "front" already/);
  assert.match(errorsOf(await attempt({ protocol: "TCP_SSL" }))["tls_certificate"] ?? "", /is required/);
  assert.match(errorsOf(await attempt({ backendGroup: "gone" }))["backendGroup"] ?? "", /gone/);
  const family = await attempt({
    ...{ backendGroup: "", "backends.servers.0.address": "10.0.0.1", "backends.servers.1.address": "2001:db8::1" },
    ...{ "backends.servers.0.port": "80", "backends.servers.1.port": "80" },
  });
  assert.equal(stepOf(family), "Bind servers");
  assert.match(errorsOf(family)["backends_servers"] ?? "", /got server 2001:db8::1/);
  assert.equal(bench.runtime().model.listeners.size, 2);
});

Deno.test("modifying changes what was changed and nothing else", async () => {
  await using bench = await ConsoleBench.start();
  const path = "/listeners/front/modify";
  const before = bench.store.editor.read({ kind: "listener", name: "front" });
  const page = await bench.get(path);
  const same = await submit(bench, path, page, { go: "save" });
  assert.equal(same.status, 303);
  assert.deepEqual(bench.store.editor.read({ kind: "listener", name: "front" }), before);
  const done = await submit(bench, path, page, {
    description: "",
    maxNewConnections: "100",
    go: "save",
    name: "other",
  });
  assert.match((await bench.follow(done)).html, /Listener front was modified/);
  assert.deepEqual(bench.store.editor.read({ kind: "listener", name: "front" }).settings, {
    ...{ name: "front", protocol: "TCP", port: 8000, backendGroup: "web", tags: { env: "prod" } },
    maxNewConnections: 100,
  });
});

Deno.test("two who modify one listener do not overwrite each other unawares", async () => {
  await using bench = await ConsoleBench.start();
  const path = "/listeners/front/modify";
  const [mine, theirs] = [await bench.get(path), await bench.get(path)];
  assert.equal((await submit(bench, path, theirs, { description: "theirs", go: "save" })).status, 303);
  const refused = await submit(bench, path, mine, { description: "mine", go: "save" });
  assert.equal(refused.status, 409);
  assert.equal(stepOf(refused), "Review");
  assert.match(refused.html, /Somebody else has changed this since you opened it/);
  assert.match(refused.html, /description: mine/);
  assert.match(refused.html, /description: theirs/);
  assert.equal(bench.runtime().model.listeners.get("front")?.description, "theirs");
  assert.equal((await submit(bench, path, refused, { go: "save" })).status, 303);
  assert.equal(bench.runtime().model.listeners.get("front")?.description, "mine");
});

const FULL = `
certificates: { www: { certFile: www.pem, keyFile: www.key }, api: { certFile: www.pem, keyFile: www.key } }
clientCAs: { partners: { certFile: ca.pem } }
ipGroups: { office: [192.0.2.0/24], abusers: [203.0.113.1] }
listeners:
  - name: full
    protocol: TCP_SSL
    address: 127.0.0.1
    ports: "9000-9001"
    description: "\${TEXT:-said}"
    tags: { a: b, "c d": "e: f" }
    tls:
      certificates: [www, api]
      authentication: mutual
      clientCA: partners
      minVersion: "1.3"
      alpn: [h2, http/1.1]
      handshakeTimeout: 5
      maxHandshakes: 100
    accessControl: { mode: blacklist, groups: [abusers] }
    acceptProxyProtocol: { from: [office], timeout: 3 }
    proxyProtocol: v2
    proxyProtocolChecksum: true
    idleTimeout: 300
    connectTimeout: 9
    tcpKeepAlive: false
    backlog: 10
    maxNewConnections: unlimited
    maxConnections: 7
    workers: auto
    ipTranslation: true
    backends:
      algorithm: source-hash
      slowStart: 7
      whenAllUnhealthy: reject
      servers:
        - { address: 10.0.0.1, ports: "80-81", weight: 10, backup: false }
        - { address: "2001:db8::1", weight: 0, backup: true }
      healthCheck: { enabled: true, port: 99, timeout: 3, interval: 7, unhealthyThreshold: 4, healthyThreshold: 5, passive: false }
      backendTls: { serverName: app.internal, ca: partners, verify: true }
`;

Deno.test("a listener with every setting goes through the form unchanged", async () => {
  const [leaf, ca] = [await issue({ name: "www" }), await issue({ name: "CA", ca: true })];
  const files = { "www.pem": leaf.certPem, "www.key": leaf.keyPem, "ca.pem": ca.certPem };
  await using bench = await ConsoleBench.start(FULL, files);
  const read = () => bench.store.editor.read({ kind: "listener", name: "full" }).settings;
  const before = read();
  const path = "/listeners/full/modify";
  let page = await bench.get(path);
  for (const step of ["health", "servers", "review", "basic", "review"]) {
    page = await submit(bench, path, page, { go: step });
    assert.equal(page.status, 200, `${step}: ${JSON.stringify(errorsOf(page))}`);
  }
  const done = await submit(bench, path, page, { go: "save" });
  assert.equal(done.status, 303, JSON.stringify(errorsOf(done)));
  assert.deepEqual(read(), before);
});

Deno.test("a backend group is created, modified and deleted", async () => {
  await using bench = await ConsoleBench.start();
  const read = (name: string) => bench.store.editor.read({ kind: "backendGroup", name }).settings;
  const page = await bench.get("/new/backend-group");
  const refused = await submit(bench, "/new/backend-group", page, {
    ...{ name: "", "servers.0.address": "10.0.0.1", "healthCheck.timeout": "90", go: "save" },
  });
  assert.deepEqual(Object.keys(errorsOf(refused)).toSorted(), ["healthCheck_timeout", "name"]);
  const done = await submit(bench, "/new/backend-group", refused, {
    ...{ name: "mail", "healthCheck.timeout": "9", defaultPort: "25", go: "save" },
  });
  assert.match((await bench.follow(done)).html, /Backend group mail was created/);
  assert.deepEqual(read("mail"), {
    ...{ defaultPort: 25, healthCheck: { timeout: 9 }, servers: [{ address: "10.0.0.1" }] },
  });
  const modify = await bench.get("/backend-groups/mail/modify");
  await submit(bench, "/backend-groups/mail/modify", modify, { algorithm: "wlc", reach: "tls", go: "save" });
  assert.deepEqual(read("mail"), {
    ...{ algorithm: "wlc", defaultPort: 25, healthCheck: { timeout: 9 }, servers: [{ address: "10.0.0.1" }] },
    backendTls: {},
  });
  const late = await submit(bench, "/backend-groups/mail/modify", modify, { slowStart: "9", go: "save" });
  assert.equal(late.status, 409);
  assert.match(late.html, /What serves by now/);
  const question = await bench.get("/backend-groups/mail/delete");
  const gone = await submit(bench, "/backend-groups/mail/delete", question, {});
  assert.match((await bench.follow(gone)).html, /Backend group mail was deleted/);
  assert.equal((await bench.get("/backend-groups/mail")).status, 404);
});

Deno.test("what is in use cannot be deleted, and the page says by whom", async () => {
  await using bench = await ConsoleBench.start();
  const { html } = await bench.get("/backend-groups/web/delete");
  assert.match(html, /while listeners use it.*href="\/listeners\/front"/);
  assert.doesNotMatch(html, />Delete<\/button>/);
  const { etag } = bench.store.editor.read({ kind: "backendGroup", name: "web" });
  const forced = await bench.post("/backend-groups/web/delete", { etag });
  assert.equal(forced.status, 409);
  assert.match(forced.html, /is used by listener &quot;front&quot;/);
});

Deno.test("a listener is deleted, unless it has changed meanwhile", async () => {
  await using bench = await ConsoleBench.start();
  const question = await bench.get("/listeners/own/delete");
  assert.match(question.html, /0 open connections<\/span> have up to 30 s/);
  await bench.store.editor.put({ kind: "listener", name: "own" }, { protocol: "TCP", port: 8009, backendGroup: "web" });
  const refused = await submit(bench, "/listeners/own/delete", question, {});
  assert.equal(refused.status, 409);
  assert.match(refused.html, /Somebody else has changed it/);
  const done = await submit(bench, "/listeners/own/delete", refused, { persist: "true" });
  assert.match((await bench.follow(done)).html, /Listener own was deleted \(saved/);
  assert.doesNotMatch(bench.file, /own/);
  assert.equal((await bench.get("/listeners/own/delete")).status, 404);
});

Deno.test("servers are bound and unbound, and a weight is saved", async () => {
  await using bench = await ConsoleBench.start();
  const servers = () =>
    bench.runtime().model.listeners.get("front")?.pool.servers.map(({ key, weight }) => [key, weight]);
  const page = await bench.get("/backend-groups/web/bind");
  const empty = await submit(bench, "/backend-groups/web/bind", page, { go: "save" });
  assert.match(errorsOf(empty)["servers_0_address"] ?? "", /is required/);
  const wrong = await submit(bench, "/backend-groups/web/bind", page, {
    ...{ "servers.1.address": "10.0.0.11", "servers.1.port": "80", go: "save" },
  });
  assert.equal(wrong.status, 422);
  assert.match(wrong.html, /10\.0\.0\.11:80/);
  const done = await submit(bench, "/backend-groups/web/bind", wrong, {
    ...{ "servers.1.address": "10.0.0.21", "servers.1.weight": "1", persist: "true", go: "save" },
  });
  assert.match((await bench.follow(done)).html, /1 server entry was bound to web \(saved/);
  assert.deepEqual(servers(), [["10.0.0.11:80", 10], ["10.0.0.12:80", 5], ["10.0.0.21:80", 1]]);
  const question = await bench.get("/backend-groups/web/unbind?server=10.0.0.12%3A80");
  const gone = await submit(bench, "/backend-groups/web/unbind", question, { persist: "true" });
  assert.match((await bench.follow(gone)).html, /Server 10\.0\.0\.12:80 was unbound from web/);
  const weighed = await bench.post("/listeners/front/servers/10.0.0.21%3A80/weight", { weight: "9", persist: "true" });
  assert.match((await bench.follow(weighed)).html, /has weight 9 \(saved/);
  assert.deepEqual(servers(), [["10.0.0.11:80", 10], ["10.0.0.21:80", 9]]);
  assert.match(bench.file, /10\.0\.0\.21.*weight: 9/);
  assert.match(bench.file, /# two of them/);
  assert.equal((await bench.get("/listeners/front/bind")).status, 409, "its servers are the group's");
  assert.equal((await bench.get("/listeners/own/bind")).status, 200);
  assert.equal((await bench.get("/backend-groups/web/unbind?server=10.0.0.99%3A80")).status, 404);
});

Deno.test("an IP group is created, modified and deleted, and wrong entries are named", async () => {
  await using bench = await ConsoleBench.start();
  const page = await bench.get("/new/ip-group");
  const wrong = await submit(bench, "/new/ip-group", page, { name: "lab", addresses: "10.0.0.0/8\n10.0.0.0/33\nhere" });
  assert.match(errorsOf(wrong)["addresses"] ?? "", /10\.0\.0\.0\/33: must be.*here: must be/s);
  assert.match(wrong.html, /10\.0\.0\.0\/8\n10\.0\.0\.0\/33\nhere/);
  const both = await submit(bench, "/new/ip-group", page, { name: "lab", addresses: "10.0.0.0/8", file: "lab.txt" });
  assert.match(errorsOf(both)["file"] ?? "", /leave one of the two empty/);
  const done = await submit(bench, "/new/ip-group", wrong, { addresses: "10.0.0.0/8" });
  assert.match((await bench.follow(done)).html, /IP group lab was created/);
  const modify = await bench.get("/ip-groups/lab/modify");
  await submit(bench, "/ip-groups/lab/modify", modify, { addresses: "10.0.0.0/8\n2001:db8::/32" });
  assert.deepEqual(bench.store.editor.read({ kind: "ipGroup", name: "lab" }).settings, ["10.0.0.0/8", "2001:db8::/32"]);
  await submit(bench, "/ip-groups/lab/delete", await bench.get("/ip-groups/lab/delete"), {});
  assert.equal((await bench.get("/ip-groups/lab")).status, 404);
});

Deno.test("nothing can be saved without a file, and the forms say why", async () => {
  await using bench = await ConsoleBench.start(CONFIG, {}, "Nothing can be saved: it is a demo.");
  for (
    const path of [
      ...["/backend-groups/web/modify", "/backend-groups/web/bind", "/ip-groups/office/modify", "/new/certificate"],
      ...["/listeners/own/delete", "/backend-groups/web/unbind?server=10.0.0.11:80"],
    ]
  ) {
    const { html } = await bench.get(path);
    assert.match(html, /name="persist" value="true"[^>]*disabled/, path);
    assert.match(html, /Nothing can be saved: it is a demo\./, path);
  }
});

Deno.test("admin.persist says whether the box is ticked", async () => {
  for (const persist of [true, false]) {
    await using bench = await ConsoleBench.start(`admin: { persist: ${persist} }\n${CONFIG}`);
    const { html } = await bench.get("/backend-groups/web/modify");
    assert.equal(/name="persist" value="true" checked/.test(html), persist);
  }
});

Deno.test("certificates are uploaded, renewed and deleted; a key is never sent back", async () => {
  const [first, second] = [await issue({ name: "first" }), await issue({ name: "second" })];
  await using bench = await ConsoleBench.start();
  const upload = (path: string, fields: Fields) => bench.post(path, { persist: "false", etag: "", ...fields });
  const missing = await upload("/new/certificate", { name: "www", certificate: first.certPem });
  assert.match(errorsOf(missing)["key"] ?? "", /is required/);
  assert.match(missing.html, /BEGIN CERTIFICATE/);
  const wrong = await upload("/new/certificate", { name: "www", certificate: first.certPem, key: second.keyPem });
  assert.equal(wrong.status, 422);
  assert.match(wrong.html, /key/);
  assert.doesNotMatch(wrong.html, /PRIVATE KEY-----\n/);
  assert.doesNotMatch(wrong.html, new RegExp(second.keyPem.split("\n")[1]?.slice(0, 20).replaceAll("+", "\\+") ?? "x"));
  const done = await upload("/new/certificate", { name: "www", certificate: first.certPem, key: first.keyPem });
  assert.match((await bench.follow(done)).html, /www was uploaded \(not saved/);
  const twice = await upload("/new/certificate", { name: "www", certificate: first.certPem, key: first.keyPem });
  assert.match(
    errorsOf(twice)["name"] ?? "",
    /There is one of the name &quot;www&quot; already|There is one of the name "www" already/,
  );
  const page = await bench.get("/certificates/www/renew");
  const etag = unescaped(/name="etag" value="([^"]+)"/.exec(page.html)?.[1] ?? "");
  const renewed = await upload("/certificates/www/renew", { certificate: second.certPem, key: second.keyPem, etag });
  assert.match((await bench.follow(renewed)).html, /www was renewed/);
  const late = await upload("/certificates/www/renew", { certificate: first.certPem, key: first.keyPem, etag });
  assert.equal(late.status, 422);
  assert.match(late.html, /Somebody else has changed it/);
  const gone = await submit(bench, "/certificates/www/delete", await bench.get("/certificates/www/delete"), {});
  assert.match((await bench.follow(gone)).html, /www was deleted/);
});
