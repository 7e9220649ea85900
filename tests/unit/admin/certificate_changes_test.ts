/** Certificates through the admin API: what serves, what is on disk, and that the two never differ in silence. */

import assert from "node:assert/strict";
import { issue, issueChain } from "../../support/authority.ts";
import { type Answer, StoreBench } from "./store_bench.ts";

const [first, second, third, ca, expired] = await Promise.all([
  issue({ name: "first" }),
  issue({ name: "second" }),
  issue({ name: "third" }),
  issue({ name: "CA", ca: true }),
  issue({ name: "expired", to: "2021-01-01T00:00:00Z" }),
]);
const chain = await issueChain("chain.test");

const CONFIG = `# The shop
certificates:
  # renewed by hand
  www: { certFile: www.pem, keyFile: "\${DIR:-.}/www.key" } # one

listeners:
  - { name: safe, protocol: TCP_SSL, port: 9000, backends: { servers: [{ address: 10.0.0.1, port: 80 }] }, tls: { certificate: www } }
`;

const FILES = { "weir.yaml": CONFIG, "www.pem": first.certPem, "www.key": first.keyPem };

const MARK = "Written by the Weir load balancer, which deletes this file with its entry.\n";

const upload = ({ certPem, keyPem }: { readonly certPem: string; readonly keyPem: string }) => ({
  certificate: certPem,
  key: keyPem,
});

function assertRefused({ status, body }: Answer, expected: number, kind: string, detail: RegExp): void {
  assert.deepEqual([status, body.type], [expected, `urn:weir:problem:${kind}`], JSON.stringify(body));
  assert.match(body.detail, detail);
}

Deno.test("PUT renews a certificate in memory: it serves, the files stay, and the answer says so", async () => {
  await using bench = await StoreBench.start(FILES);
  const before = bench.files();
  const { status, body } = await bench.call("PUT", "/v1/certificates/www", upload(second));
  assert.deepEqual([status, body.subject, body.persisted, body.users, body.warnings], [
    ...[200, "CN=second", false, ["safe"], []],
  ]);
  assert.deepEqual(bench.served("www"), { certPem: second.certPem, keyPem: second.keyPem });
  assert.deepEqual(bench.steps, ["prepare", "update safe", "commit"]);
  assert.deepEqual(bench.files(), before);
  assert.deepEqual((await bench.call("GET", "/v1/status")).body.unsaved, ["certificates.www"]);
});

Deno.test("what is not saved ends with the next reload, which says so", async () => {
  await using bench = await StoreBench.start(FILES);
  await bench.call("PUT", "/v1/certificates/www", upload(second));
  await bench.call("PUT", "/v1/certificates/api", upload(third));
  const { body } = await bench.call("POST", "/v1/reload");
  assert.deepEqual(
    body.warnings.map(({ path, message }: { path: string; message: string }) => `${path} ${message}`),
    ["certificates.api", "certificates.www"].map((path) =>
      `${path} was changed through the admin API without being saved; the file holds again`
    ),
  );
  assert.deepEqual([bench.served("www")?.certPem, bench.served("api")], [first.certPem, undefined]);
  assert.deepEqual((await bench.call("GET", "/v1/status")).body.unsaved, []);
});

Deno.test("a renewal by changed files wins over an upload only when the files change after it", async () => {
  await using bench = await StoreBench.start(FILES);
  await bench.write({ "www.pem": third.certPem });
  await bench.call("PUT", "/v1/certificates/www", upload(second));
  await bench.reloader.renewCertificates();
  assert.equal(bench.served("www")?.certPem, second.certPem, "the files are as they were at the upload");
  await bench.write({ "www.key": third.keyPem });
  await bench.reloader.renewCertificates();
  assert.equal(bench.served("www")?.certPem, third.certPem);
  const { body } = await bench.call("GET", "/v1/certificates/www");
  assert.deepEqual([body.persisted, (await bench.call("GET", "/v1/status")).body.unsaved], [true, []]);
});

Deno.test("PUT of what serves already is no change", async () => {
  await using bench = await StoreBench.start(FILES);
  const { body } = await bench.call("PUT", "/v1/certificates/www", upload(first));
  assert.deepEqual([body.persisted, bench.steps], [true, ["prepare", "commit"]]);
});

Deno.test("PUT ?persist=true creates files that only the owner can read, and the entry; a restart serves it", async () => {
  await using bench = await StoreBench.start(FILES);
  const { status, body, etag } = await bench.call("PUT", "/v1/certificates/api?persist=true", {
    certificate: `Bag Attributes\r\n${
      chain.leaf.certPem.replaceAll("\n", "\r\n")
    }${chain.intermediate.certPem}${chain.leaf.keyPem}`,
    key: chain.leaf.keyPem,
  });
  assert.deepEqual([status, body.persisted, body.chainLength, body.certFile, body.keyFile], [
    ...[201, true, 2, "certificates/api.pem", "certificates/api.key"],
  ]);
  assert.equal(etag, (await bench.call("GET", "/v1/certificates/api")).etag);
  assert.deepEqual(bench.files(), {
    "certificates/": "",
    "certificates/api.key": MARK + chain.leaf.keyPem,
    "certificates/api.pem": MARK + chain.leaf.certPem + chain.intermediate.certPem,
    ...FILES,
    "weir.yaml": CONFIG.replace(
      "# one\n",
      "# one\n  api: { certFile: certificates/api.pem, keyFile: certificates/api.key }\n",
    ),
  });
  assert.deepEqual(
    ["certificates", "certificates/api.pem", "certificates/api.key", "weir.yaml"].map((one) => bench.mode(one)),
    ["700", "600", "600", "600"],
  );
  const before = bench.served("api");
  assert.deepEqual((await bench.call("POST", "/v1/reload")).body, {
    ...(await bench.call("GET", "/v1/status")).body.lastReload.report,
    changes: [],
    warnings: [],
  });
  assert.deepEqual(bench.served("api"), before);
});

Deno.test("PUT ?persist=true renews the files that the entry has, and keeps their modes and links", async () => {
  await using bench = await StoreBench.start({ ...FILES, "real.pem": first.certPem });
  await Deno.remove(`${bench.folder}/www.pem`);
  await Deno.symlink("real.pem", `${bench.folder}/www.pem`);
  await Deno.chmod(`${bench.folder}/real.pem`, 0o644);
  await Deno.chmod(`${bench.folder}/www.key`, 0o640);
  const { status, body } = await bench.call("PUT", "/v1/certificates/www?persist=true", upload(second));
  assert.deepEqual([status, body.persisted], [200, true]);
  assert.deepEqual(bench.files(), {
    "real.pem": second.certPem,
    "weir.yaml": CONFIG,
    "www.key": second.keyPem,
    "www.pem": second.certPem,
  });
  assert.equal(await Deno.readLink(`${bench.folder}/www.pem`), "real.pem");
  assert.deepEqual([bench.mode("real.pem"), bench.mode("www.key")], ["644", "600"]);
  const { valid } = bench.reloader.accepted ?? assert.fail();
  bench.steps.length = 0;
  await bench.reloader.renewCertificates();
  assert.deepEqual([bench.reloader.accepted?.valid === valid, bench.steps], [true, []], "the watch has nothing to do");
});

Deno.test("PUT ?persist=true writes certificate and key into one file when the entry has one", async () => {
  const config = CONFIG.replace('"${DIR:-.}/www.key"', "www.pem");
  await using bench = await StoreBench.start({ "weir.yaml": config, "www.pem": first.certPem + first.keyPem });
  assert.equal((await bench.call("PUT", "/v1/certificates/www?persist=true", upload(second))).status, 200);
  assert.deepEqual(bench.files(), { "weir.yaml": config, "www.pem": second.certPem + second.keyPem });
  assert.equal(bench.mode("www.pem"), "600");
  assert.equal((await bench.call("PUT", "/v1/certificates/www", upload(third))).status, 200);
  assert.deepEqual(bench.served("www"), { certPem: third.certPem, keyPem: third.keyPem });
});

Deno.test("admin.persist saves without being asked, and persist=false does not", async () => {
  await using bench = await StoreBench.start({ ...FILES, "weir.yaml": `admin: { persist: true }\n${CONFIG}` });
  assert.equal((await bench.call("PUT", "/v1/certificates/www?persist=false", upload(third))).body.persisted, false);
  assert.equal(bench.files()["www.pem"], first.certPem);
  assert.equal((await bench.call("PUT", "/v1/certificates/www", upload(second))).body.persisted, true);
  assert.equal(bench.files()["www.pem"], second.certPem);
  assertRefused(
    await bench.call("PUT", "/v1/certificates/www?persist=yes", upload(third)),
    400,
    "bad_request",
    /persist/,
  );
});

Deno.test("saving one change leaves what else is not saved out of the file", async () => {
  await using bench = await StoreBench.start(FILES);
  await bench.call("PUT", "/v1/certificates/memory", upload(second));
  await bench.call("PUT", "/v1/certificates/disk?persist=true", upload(third));
  assert.doesNotMatch(bench.files()["weir.yaml"] ?? "", /memory/);
  assert.deepEqual((await bench.call("GET", "/v1/status")).body.unsaved, ["certificates.memory"]);
  assert.deepEqual([...bench.reloader.accepted?.valid.certificates.keys() ?? []], ["www", "memory", "disk"]);
  const { status, body } = await bench.call("PUT", "/v1/certificates/memory?persist=true", upload(second));
  assert.deepEqual([status, body.persisted], [200, true]);
  assert.match(bench.files()["weir.yaml"] ?? "", /\n {2}memory: \{ certFile: certificates\/memory\.pem/);
  assert.deepEqual((await bench.call("GET", "/v1/status")).body.unsaved, []);
});

const UNUSABLE: readonly (readonly [what: string, body: object, message: string])[] = [
  [
    "the key of another",
    { certificate: second.certPem, key: third.keyPem },
    `certificates.NAME.keyFile: must be the certificate's private key, got KEY for CERT; compare "openssl x509 -noout -pubkey -in CERT" with "openssl pkey -pubout -in KEY"`,
  ],
  [
    "one that has expired",
    upload(expired),
    "certificates.NAME.certFile: must not have expired, got CERT, valid until 2021-01-01T00:00:00.000Z",
  ],
  [
    "no certificate",
    { certificate: "x", key: second.keyPem },
    "certificates.NAME.certFile: must hold a PEM certificate, got CERT",
  ],
  [
    "no key",
    { certificate: second.certPem, key: "x" },
    "certificates.NAME.keyFile: must hold an unencrypted PEM private key, got KEY",
  ],
];

for (const [what, body, message] of UNUSABLE) {
  Deno.test(`PUT refuses ${what} with the words of a reload, and changes nothing`, async () => {
    await using bench = await StoreBench.start(FILES);
    const [before, accepted] = [bench.files(), bench.reloader.accepted];
    for (
      const [name, cert, key] of [["www", "www.pem", "./www.key"], [
        "new",
        "certificates/new.pem",
        "certificates/new.key",
      ]]
    ) {
      for (const query of ["", "?persist=true"]) {
        const answer = await bench.call("PUT", `/v1/certificates/${name}${query}`, body);
        assertRefused(answer, 422, "config_invalid", /^The configuration has 1 error; the old one serves on$/);
        const [error] = answer.body.errors;
        assert.equal(
          `${error.path}: ${error.message}`,
          message.replace("NAME", name ?? "").replace("KEY", `"${key}"`).replace("CERT", `"${cert}"`),
        );
        assert.deepEqual([error.file, error.line > 0], [bench.file, true]);
      }
    }
    assert.deepEqual([bench.files(), bench.reloader.accepted, bench.steps], [before, accepted, []]);
  });
}

const WRONG: readonly (readonly [what: string, path: string, body: unknown, status: number, detail: RegExp])[] = [
  ["a name that is no file name", "/v1/certificates/..%2Fetc", upload(second), 400, /^name: must be a name of 1 to 63/],
  ["a name with a leading dot", "/v1/certificates/.hidden", upload(second), 400, /^name: must be a name/],
  ["no key", "/v1/certificates/www", { certificate: second.certPem }, 400, /^The body needs "key"$/],
  ["no certificate", "/v1/certificates/www", { key: second.keyPem }, 400, /^certificate: is required/],
  ["an unknown key", "/v1/certificates/www", { ...upload(second), cert: "" }, 400, /unknown key "cert"/],
  ["a key for a client CA", "/v1/certificates/ca?kind=clientCA", upload(ca), 400, /^A client CA has no "key"/],
  ["half a body", "/v1/certificates/www", JSON.stringify(upload(second)).slice(0, -9), 400, /JSON/],
  ["too much", "/v1/certificates/www", { ...upload(second), key: "x".repeat(1024 * 1024) }, 413, /1048576 bytes/],
];

for (const [what, path, body, status, detail] of WRONG) {
  Deno.test(`PUT refuses ${what}`, async () => {
    await using bench = await StoreBench.start(FILES);
    const answer = await bench.call("PUT", path, body);
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    assert.match(answer.body.detail, detail);
  });
}

Deno.test("a private key gets into no answer and no line of the log", async () => {
  await using bench = await StoreBench.start(FILES);
  const secret = (keyPem: string) => keyPem.split("\n").slice(1, 3);
  const bodies = [
    upload(second),
    upload(expired),
    { certificate: second.keyPem, key: second.keyPem },
    { certificate: [second.keyPem], key: { [second.keyPem]: second.keyPem } },
    { certificate: second.certPem, key: third.keyPem },
    { certificate: second.certPem, key: second.keyPem.replace("PRIVATE", "ENCRYPTED PRIVATE") },
    JSON.stringify(upload(second)).replace("PRIVATE KEY-----", 'PRIVATE KEY-----"'),
  ];
  const texts: string[] = [];
  for (const body of bodies) {
    for (const query of ["", "?persist=true", "?kind=clientCA"]) {
      texts.push(JSON.stringify((await bench.call("PUT", `/v1/certificates/www${query}`, body)).body));
    }
  }
  for (const path of ["/v1/certificates", "/v1/certificates/www", "/v1/config", "/v1/status"]) {
    texts.push(JSON.stringify((await bench.call("GET", path)).body));
  }
  for (const { keyPem } of [first, second, third, expired]) {
    for (const line of secret(keyPem)) {
      assert.ok(![...texts, ...bench.logged].some((text) => text.includes(line)));
    }
  }
});

Deno.test("another certificate that has expired meanwhile, or is half-written, keeps nobody from renewing this one", async () => {
  const config = CONFIG.replace("listeners:", "  old: { certFile: old.pem, keyFile: old.key }\nlisteners:");
  await using bench = await StoreBench.start({
    ...FILES,
    "weir.yaml": config,
    "old.pem": third.certPem,
    "old.key": third.keyPem,
  });
  await bench.write({ "old.pem": expired.certPem });
  assert.equal((await bench.call("PUT", "/v1/certificates/www?persist=true", upload(second))).status, 200);
  assert.equal(bench.served("old")?.certPem, third.certPem, "and what others have written is not taken up by it");
});

Deno.test("a certificate that shares a file with another one must fit both", async () => {
  const config = CONFIG.replace("listeners:", "  twin: { certFile: ./www.pem, keyFile: twin.key }\nlisteners:");
  await using bench = await StoreBench.start({ ...FILES, "weir.yaml": config, "twin.key": first.keyPem });
  const before = bench.files();
  const answer = await bench.call("PUT", "/v1/certificates/www?persist=true", upload(second));
  assertRefused(answer, 422, "config_invalid", /1 error/);
  assert.deepEqual([answer.body.errors[0].path, bench.files()], ["certificates.twin.keyFile", before]);
  assert.equal((await bench.call("PUT", "/v1/certificates/www", upload(second))).status, 200, "in memory it is alone");
  assert.equal(bench.served("twin")?.certPem, first.certPem);
});

Deno.test("a file that somebody has edited meanwhile is not overwritten", async () => {
  await using bench = await StoreBench.start(FILES);
  const edited = CONFIG.replace("# The shop", "# The other shop");
  await bench.write({ "weir.yaml": edited });
  const conflict = await bench.call("PUT", "/v1/certificates/api?persist=true", upload(second));
  assertRefused(conflict, 409, "config_changed", /weir\.yaml" has changed on disk since it was read; nothing was over/);
  assert.deepEqual(bench.files(), { ...FILES, "weir.yaml": edited });
  assert.equal(bench.served("api"), undefined);
  await bench.call("POST", "/v1/reload");
  assert.equal((await bench.call("PUT", "/v1/certificates/api?persist=true", upload(second))).status, 201);
  assert.match(bench.files()["weir.yaml"] ?? "", /^# The other shop\n/);

  await bench.write({ "www.key": third.keyPem });
  const other = await bench.call("PUT", "/v1/certificates/www?persist=true", upload(second));
  assertRefused(other, 409, "config_changed", /"\.\/www\.key" has changed on disk/);
  assert.deepEqual([bench.files()["www.pem"], bench.files()["www.key"]], [first.certPem, third.keyPem]);
});

Deno.test("a file that is there already is not taken for a new entry", async () => {
  await using bench = await StoreBench.start(FILES);
  await Deno.mkdir(`${bench.folder}/certificates`);
  await bench.write({ "certificates/api.key": "somebody else's" });
  const before = bench.files();
  const answer = await bench.call("PUT", "/v1/certificates/api?persist=true", upload(second));
  assertRefused(answer, 409, "config_changed", /"certificates\/api\.key" is there already; move it away first/);
  assert.deepEqual(bench.files(), before);
});

Deno.test("what cannot be written changes nothing and is one clear error", async () => {
  await using bench = await StoreBench.start(FILES);
  await bench.write({ certificates: "a file in the folder's place" });
  const [before, accepted] = [bench.files(), bench.reloader.accepted];
  const answer = await bench.call("PUT", "/v1/certificates/api?persist=true", upload(second));
  assertRefused(
    answer,
    500,
    "write_failed",
    /^Cannot write "certificates\/api\.pem": "certificates" is not a folder; the /,
  );
  assert.deepEqual([bench.files(), bench.reloader.accepted], [before, accepted]);
  assert.deepEqual(bench.steps, ["prepare", "abort"]);
});

for (const failing of ["prepare", "commit"] as const) {
  Deno.test(`what cannot be made to serve does not stay on disk: ${failing} fails`, async () => {
    await using bench = await StoreBench.start(FILES);
    const [before, accepted] = [bench.files(), bench.reloader.accepted];
    bench.failing = failing;
    for (const name of ["www", "api"]) {
      const answer = await bench.call("PUT", `/v1/certificates/${name}?persist=true`, upload(second));
      assertRefused(answer, 422, "worker_failed", new RegExp(`^${failing} failed; the old configuration serves on$`));
    }
    assert.deepEqual([bench.files(), bench.reloader.accepted], [before, accepted]);
    assert.equal(bench.mode("www.key"), "600");
  });
}

Deno.test("DELETE refuses what a listener uses, and what is not there", async () => {
  await using bench = await StoreBench.start(FILES);
  for (const query of ["", "?persist=true"]) {
    const answer = await bench.call("DELETE", `/v1/certificates/www${query}`);
    assertRefused(answer, 409, "in_use", /^Certificate "www" is used by listener "safe"$/);
    assertRefused(await bench.call("DELETE", `/v1/certificates/wwv${query}`), 404, "no_such_certificate", /"www"/);
  }
  assertRefused(
    await bench.call("DELETE", "/v1/certificates/www?kind=clientCA"),
    404,
    "no_such_certificate",
    /client CA/,
  );
});

Deno.test("DELETE ?persist=true takes the entry out of the file, and deletes what Weir has written", async () => {
  await using bench = await StoreBench.start(FILES);
  await bench.call("PUT", "/v1/certificates/api?persist=true", upload(second));
  const { status, body } = await bench.call("DELETE", "/v1/certificates/api?persist=true");
  assert.deepEqual([status, body], [200, {
    name: "api",
    kind: "certificate",
    persisted: true,
    filesDeleted: ["certificates/api.pem", "certificates/api.key"],
  }]);
  assert.deepEqual(bench.files(), { ...FILES, "certificates/": "" });
  assert.equal(bench.served("api"), undefined);
});

Deno.test("DELETE leaves files of somebody else, and files that are still used", async () => {
  const config = CONFIG
    .replace("listeners:", "  api: { certFile: certificates/api.pem, keyFile: certificates/api.key }\nlisteners:")
    .replace("www.pem", "certificates/www.pem");
  await using bench = await StoreBench.start(FILES);
  await Deno.mkdir(`${bench.folder}/certificates`);
  await bench.write({
    "weir.yaml": config,
    "certificates/www.pem": first.certPem,
    "certificates/api.pem": second.certPem,
    "certificates/api.key": MARK + second.keyPem,
  });
  await bench.call("POST", "/v1/reload");
  const { body } = await bench.call("DELETE", "/v1/certificates/api?persist=true");
  assert.deepEqual(body.filesDeleted, ["certificates/api.key"]);
  assert.equal(bench.files()["certificates/api.pem"], second.certPem);
});

Deno.test("DELETE in memory holds until the next reload", async () => {
  const config = CONFIG.replace("listeners:", "  api: { certFile: www.pem, keyFile: www.key }\nlisteners:");
  await using bench = await StoreBench.start({ ...FILES, "weir.yaml": config });
  const { body } = await bench.call("DELETE", "/v1/certificates/api");
  assert.deepEqual([body.persisted, body.filesDeleted, bench.served("api")], [false, [], undefined]);
  assert.deepEqual((await bench.call("GET", "/v1/status")).body.unsaved, ["certificates.api"]);
  await bench.call("POST", "/v1/reload");
  assert.equal(bench.served("api")?.certPem, first.certPem);
  await bench.call("PUT", "/v1/certificates/new", upload(second));
  await bench.call("DELETE", "/v1/certificates/new");
  assert.deepEqual((await bench.call("GET", "/v1/status")).body.unsaved, [], "nothing is left of it");
});

Deno.test("client CAs are put and deleted as certificates are, without a key and in a folder of their own", async () => {
  await using bench = await StoreBench.start(FILES);
  const path = "/v1/certificates/www?kind=clientCA&persist=true";
  const { status, body } = await bench.call("PUT", path, { certificate: ca.certPem });
  assert.deepEqual([status, body.kind, body.keyFile, body.certFile], [
    ...[201, "clientCA", null, "certificates/clientCAs/www.pem"],
  ]);
  assert.equal(bench.files()["certificates/clientCAs/www.pem"], MARK + ca.certPem);
  assert.equal(
    bench.files()["weir.yaml"],
    `${CONFIG}
clientCAs:
  www:
    certFile: certificates/clientCAs/www.pem
`,
  );
  assert.equal(bench.reloader.accepted?.valid.clientCAs.get("www"), ca.certPem);
  assertRefused(await bench.call("PUT", path, { certificate: first.certPem }), 422, "config_invalid", /1 error/);
  assert.equal((await bench.call("DELETE", path)).status, 200);
  assert.equal((await bench.call("GET", "/v1/certificates/www?kind=clientCA")).status, 404);
  assert.equal((await bench.call("GET", "/v1/certificates/www")).status, 200);
});

Deno.test("If-Match and If-None-Match keep two people from overwriting each other", async () => {
  await using bench = await StoreBench.start(FILES);
  const path = "/v1/certificates/www";
  const { etag } = await bench.call("GET", path);
  assert.match(etag ?? "", /^"[0-9a-f]{32}"$/);
  const mine = await bench.call("PUT", path, upload(second), { "if-match": `"x", ${etag}` });
  assert.equal(mine.status, 200);
  assert.notEqual(mine.etag, etag);
  const late = await bench.call("PUT", path, upload(third), { "if-match": etag ?? "" });
  assertRefused(late, 412, "precondition_failed", /^It has changed since it was read/);
  assertRefused(
    await bench.call("DELETE", path, undefined, { "if-match": etag ?? "" }),
    412,
    "precondition_failed",
    /ch/,
  );
  const weak = await bench.call("PUT", path, upload(third), { "if-match": `W/${mine.etag}` });
  assertRefused(weak, 412, "precondition_failed", /If-Match/);
  assert.equal(bench.served("www")?.certPem, second.certPem);
  assert.equal((await bench.call("PUT", path, upload(third), { "if-match": mine.etag ?? "" })).status, 200);
  assert.equal((await bench.call("PUT", path, upload(second), { "if-match": "*" })).status, 200);

  const again = await bench.call("PUT", path, upload(third), { "if-none-match": "*" });
  assertRefused(again, 412, "precondition_failed", /^There is one of that name already/);
  const none = await bench.call("PUT", "/v1/certificates/api", upload(third), { "if-match": "*" });
  assertRefused(none, 412, "precondition_failed", /there is none of that name$/);
  assert.equal((await bench.call("PUT", "/v1/certificates/api", upload(third), { "if-none-match": "*" })).status, 201);
});

Deno.test("of two editors with the same ETag at once one wins", async () => {
  await using bench = await StoreBench.start(FILES);
  const { etag } = await bench.call("GET", "/v1/certificates/www");
  const headers = { "if-match": etag ?? "" };
  const answers = await Promise.all(
    [second, third].map((one) => bench.call("PUT", "/v1/certificates/www?persist=true", upload(one), headers)),
  );
  assert.deepEqual(answers.map(({ status }) => status), [200, 412]);
  assert.equal(bench.files()["www.pem"], second.certPem);
});

Deno.test("GET /v1/config shows what serves with its defaults, and no secret; its ETag stands for it", async () => {
  await using bench = await StoreBench.start({ ...FILES, "weir.yaml": `admin: { token: "s3cret" }\n${CONFIG}` });
  const before = await bench.call("GET", "/v1/config");
  assert.deepEqual(before.body.admin, { listen: "127.0.0.1:9900", token: "***", persist: false });
  assert.deepEqual(before.body.certificates, { www: { certFile: "www.pem", keyFile: "./www.key" } });
  assert.equal(before.body.listeners[0].idleTimeout, 300);
  assert.doesNotMatch(JSON.stringify(before.body), /s3cret/);
  assert.equal((await bench.call("GET", "/v1/config")).etag, before.etag);
  await bench.call("PUT", "/v1/certificates/www", upload(second));
  const after = await bench.call("GET", "/v1/config");
  assert.notEqual(after.etag, before.etag, "another certificate serves");
  await bench.call("POST", "/v1/reload");
  assert.equal((await bench.call("GET", "/v1/config")).etag, before.etag, "and the old one again");
});

Deno.test("a JSON configuration is saved as JSON, as it was indented", async () => {
  const config = { certificates: { www: { certFile: "www.pem", keyFile: "www.key" } }, listeners: [] };
  await using bench = await StoreBench.start({ ...FILES, "weir.json": JSON.stringify(config, null, 4) }, "weir.json");
  assert.equal((await bench.call("PUT", "/v1/certificates/api?persist=true", upload(second))).status, 201);
  const wanted = {
    ...config,
    certificates: {
      ...config.certificates,
      api: { certFile: "certificates/api.pem", keyFile: "certificates/api.key" },
    },
  };
  assert.equal(bench.files()["weir.json"], JSON.stringify(wanted, null, 4));
});
