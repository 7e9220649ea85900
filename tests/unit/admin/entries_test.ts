/** Listeners, backend groups, servers and IP groups through the admin API: what serves, and what the file says then. */

import assert from "node:assert/strict";
import { type Answer, StoreBench } from "./store_bench.ts";

const CONFIG = `# The shop
ipGroups:
  office: [192.0.2.0/24] # first floor
  abusers: { file: blocklist.txt }

backendGroups:
  # the front
  web:
    algorithm: wlc # why not
    servers:
      # the big one
      - { address: 10.0.0.11, ports: [80, 81], weight: 10 }
      # the small one
      - { address: 10.0.0.12, port: 80 } # in the cellar
  idle: { servers: [{ address: 10.0.1.1, port: 80 }] }

listeners:
  # what everybody uses
  - name: front # the door
    protocol: TCP
    port: \${PORT:-9000}
    backendGroup: web
    accessControl: { mode: blacklist, groups: [abusers] }
  - { name: own, protocol: TCP, port: 9001, backends: { servers: [{ address: 10.0.2.1, port: 80 }] } }
`;

const FILES = { "weir.yaml": CONFIG, "blocklist.txt": "203.0.113.0/24\n2001:db8:bad::/48 # them\n" };

function assertRefused({ status, body }: Answer, expected: number, kind: string, detail: RegExp): void {
  assert.deepEqual([status, body.type], [expected, `urn:weir:problem:${kind}`], JSON.stringify(body));
  assert.match(body.detail, detail);
}

const ENTRIES = [
  ["/v1/listeners/front", { name: "front", protocol: "TCP", port: "${PORT:-9000}", backendGroup: "web" }],
  ["/v1/backend-groups/web", { algorithm: "wlc" }],
  ["/v1/backend-groups/web/servers/10.0.0.12:80", { address: "10.0.0.12", port: 80 }],
  ["/v1/backend-groups/web/servers/10.0.0.11:81", { address: "10.0.0.11", ports: [80, 81], weight: 10 }],
  ["/v1/listeners/own/servers/10.0.2.1", { address: "10.0.2.1", port: 80 }],
  ["/v1/ip-groups/office", ["192.0.2.0/24"]],
  ["/v1/ip-groups/abusers", { file: "blocklist.txt" }],
] as const;

for (const [path, part] of ENTRIES) {
  Deno.test(`PUT ${path} of the settings that GET shows changes nothing, in what serves and in the file`, async () => {
    await using bench = await StoreBench.start(FILES);
    const before = await bench.call("GET", path);
    assert.equal(before.status, 200);
    assert.deepEqual(
      Array.isArray(part) ? before.body.settings : { ...before.body.settings, ...part },
      before.body.settings,
      "the settings are as the file says them",
    );
    for (const persist of ["false", "true"]) {
      const { status, body, etag } = await bench.call("PUT", `${path}?persist=${persist}`, before.body.settings, {
        "if-match": before.etag ?? "",
      });
      assert.deepEqual([status, etag, body.persisted, body.settings], [
        ...[200, before.etag, persist === "true", before.body.settings],
      ]);
      assert.deepEqual([bench.steps.splice(0), bench.files()], [["prepare", "commit"], FILES]);
    }
    assert.deepEqual((await bench.call("GET", "/v1/status")).body.unsaved, []);
  });
}

Deno.test("POST /v1/listeners creates one that serves until the next reload, which says so", async () => {
  await using bench = await StoreBench.start(FILES);
  const { status, body, headers } = await bench.call("POST", "/v1/listeners", {
    name: "new",
    protocol: "TCP",
    port: 9002,
    backendGroup: "idle",
  });
  assert.deepEqual([status, body.name, body.port, body.persisted, body.backendGroup], [
    201,
    "new",
    9002,
    false,
    "idle",
  ]);
  assert.equal(headers.get("location"), "/v1/listeners/new");
  assert.deepEqual([bench.steps.splice(0), bench.files()], [["prepare", "start new", "commit"], FILES]);
  assert.deepEqual((await bench.call("GET", "/v1/status")).body.unsaved, ["listeners.new"]);
  const reload = await bench.call("POST", "/v1/reload");
  assert.deepEqual(reload.body.warnings.map(({ path }: { path: string }) => path), ["listeners.new"]);
  assert.deepEqual(bench.steps, ["prepare", "stop new", "commit"]);
  assertRefused(await bench.call("GET", "/v1/listeners/new"), 404, "no_such_listener", /"new"/);
});

Deno.test("?persist alone saves, as persist=true does", async () => {
  await using bench = await StoreBench.start(FILES);
  const sent = { protocol: "TCP", port: 9003, backendGroup: "idle", tags: { a: "a", "{": "a" } };
  const { status, body } = await bench.call("PUT", "/v1/listeners/new?persist", sent);
  assert.deepEqual([status, body.persisted], [201, true]);
  assert.match(bench.files()["weir.yaml"] ?? "", /name: new/);
  const weight = await bench.call("PATCH", "/v1/backend-groups/web/servers/10.0.0.12:80?persist", { weight: 7 });
  assert.equal(weight.status, 200, JSON.stringify(weight.body));
  assert.match(bench.files()["weir.yaml"] ?? "", /10\.0\.0\.12, port: 80, weight: 7/);
  const empty = await bench.call("DELETE", "/v1/listeners/new?persist=");
  assert.equal(empty.status, 400, "a variable in a script that has no value");
  assert.deepEqual((await bench.call("DELETE", "/v1/listeners/new?persist")).body.persisted, true);
  assert.doesNotMatch(bench.files()["weir.yaml"] ?? "", /name: new/);
});

const SAVED: readonly (readonly [call: string, sent: unknown, change: readonly [from: string, to: string]])[] = [
  ["POST /v1/listeners", { name: "new", protocol: "TCP", port: 9002, backendGroup: "idle" }, [
    "port: 80 }] } }\n",
    "port: 80 }] } }\n  - { name: new, protocol: TCP, port: 9002, backendGroup: idle }\n",
  ]],
  ["PUT /v1/listeners/front", {
    protocol: "TCP",
    name: "front",
    port: "${PORT:-9000}",
    backendGroup: "idle",
    accessControl: { mode: "blacklist", groups: ["abusers", "office"] },
    idleTimeout: 60,
  }, [
    "backendGroup: web\n    accessControl: { mode: blacklist, groups: [abusers] }\n",
    "backendGroup: idle\n    accessControl: { mode: blacklist, groups: [abusers, office] }\n    idleTimeout: 60\n",
  ]],
  ["DELETE /v1/listeners/own", undefined, [
    "  - { name: own, protocol: TCP, port: 9001, backends: { servers: [{ address: 10.0.2.1, port: 80 }] } }\n",
    "",
  ]],
  ["POST /v1/backend-groups", { name: "more", servers: [{ address: "10.0.3.1", port: 80 }] }, [
    "10.0.1.1, port: 80 }] }\n",
    "10.0.1.1, port: 80 }] }\n  more: { servers: [ { address: 10.0.3.1, port: 80 } ] }\n",
  ]],
  ["DELETE /v1/backend-groups/idle", undefined, ["  idle: { servers: [{ address: 10.0.1.1, port: 80 }] }\n", ""]],
  ["POST /v1/backend-groups/web/servers", { address: "10.0.0.13", port: 80 }, [
    "# in the cellar\n",
    "# in the cellar\n      - { address: 10.0.0.13, port: 80 }\n",
  ]],
  ["POST /v1/backend-groups/web/servers", [{ address: "10.0.0.13", port: 80 }, { address: "10.0.0.14", port: 80 }], [
    "# in the cellar\n",
    "# in the cellar\n      - { address: 10.0.0.13, port: 80 }\n      - { address: 10.0.0.14, port: 80 }\n",
  ]],
  ["PUT /v1/backend-groups/web/servers/10.0.0.12:80", { address: "10.0.0.12", port: 80, weight: 3 }, [
    "port: 80 } # in",
    "port: 80, weight: 3 } # in",
  ]],
  ["DELETE /v1/backend-groups/web/servers/10.0.0.11:80", undefined, ["[80, 81]", "[81]"]],
  ["DELETE /v1/backend-groups/web/servers/10.0.0.11", undefined, [
    "      - { address: 10.0.0.11, ports: [80, 81], weight: 10 }\n",
    "",
  ]],
  ["PATCH /v1/backend-groups/web/servers/10.0.0.12:80", { weight: 4 }, [
    "port: 80 } # in",
    "port: 80, weight: 4 } # in",
  ]],
  ["PATCH /v1/backend-groups/web/servers/10.0.0.11:81", { weight: 4 }, [
    "ports: [80, 81], weight: 10 }\n",
    "ports: [80], weight: 10 }\n      - { address: 10.0.0.11, weight: 4, port: 81 }\n",
  ]],
  ["POST /v1/listeners/own/servers", { address: "10.0.2.2", port: 80 }, [
    "10.0.2.1, port: 80 }] }",
    "10.0.2.1, port: 80 }, { address: 10.0.2.2, port: 80 }] }",
  ]],
  ["POST /v1/ip-groups", { name: "home", addresses: ["198.51.100.7"] }, [
    "blocklist.txt }\n",
    "blocklist.txt }\n  home: [ 198.51.100.7 ]\n",
  ]],
  ["POST /v1/ip-groups", { name: "same", file: "blocklist.txt" }, [
    "blocklist.txt }\n",
    "blocklist.txt }\n  same: { file: blocklist.txt }\n",
  ]],
  ["PUT /v1/ip-groups/office", ["192.0.2.0/24", "198.51.100.0/24"], ["/24] #", "/24, 198.51.100.0/24] #"]],
  ["DELETE /v1/ip-groups/office", undefined, ["  office: [192.0.2.0/24] # first floor\n", ""]],
];

for (const [call, sent, [from, to]] of SAVED) {
  Deno.test(`${call} ${JSON.stringify(sent) ?? ""} is saved, with every comment; a reload finds nothing to do`, async () => {
    await using bench = await StoreBench.start(FILES);
    const [method = "", path = ""] = call.split(" ");
    const { status, body } = await bench.call(method, `${path}?persist=true`, sent);
    assert.ok(status === 200 || status === 201, JSON.stringify(body));
    assert.equal(CONFIG.split(from).length, 2, "the text that changes is there once");
    assert.equal(bench.files()["weir.yaml"], CONFIG.replace(from, () => to));
    const reload = await bench.call("POST", "/v1/reload");
    assert.deepEqual([reload.status, reload.body.changes, reload.body.general], [200, [], []]);
  });
}

Deno.test("what is saved leaves out what is not, of the same list as well", async () => {
  await using bench = await StoreBench.start(FILES);
  await bench.call("POST", "/v1/backend-groups/web/servers", { address: "10.0.0.21", port: 80 });
  await bench.call("POST", "/v1/backend-groups/web/servers?persist=true", { address: "10.0.0.22", port: 80 });
  await bench.call("DELETE", "/v1/backend-groups/web/servers/10.0.0.11?persist=true");
  const { body } = await bench.call("GET", "/v1/backend-groups/web/servers");
  assert.deepEqual(body.servers.map(({ name }: { name: string }) => name), [
    ...["10.0.0.12:80", "10.0.0.21:80", "10.0.0.22:80"],
  ]);
  assert.equal(
    bench.files()["weir.yaml"],
    CONFIG.replace("      - { address: 10.0.0.11, ports: [80, 81], weight: 10 }\n", "")
      .replace("# in the cellar\n", "# in the cellar\n      - { address: 10.0.0.22, port: 80 }\n"),
  );
  assert.deepEqual((await bench.call("GET", "/v1/status")).body.unsaved, ["backendGroups.web"]);
  await bench.call("DELETE", "/v1/backend-groups/web/servers/10.0.0.21:80");
  assert.deepEqual((await bench.call("GET", "/v1/status")).body.unsaved, []);
});

interface Refused {
  readonly call: string;
  readonly sent?: unknown;
  readonly headers?: Record<string, string>;
  readonly status: number;
  readonly kind: string;
  readonly detail: RegExp;
  /** `line requestPath: message` */
  readonly errors?: readonly string[];
}

const LISTENER = { name: "new", protocol: "TCP", port: 9002, backendGroup: "idle" };

const REFUSED: readonly Refused[] = [
  { call: "PUT /v1/listeners/front", sent: "{", status: 400, kind: "bad_request", detail: /no JSON/ },
  { call: "PUT /v1/listeners/front", sent: "", status: 400, kind: "bad_request", detail: /empty/ },
  {
    call: "PUT /v1/listeners/front",
    sent: `${"[".repeat(100)}${"]".repeat(100)}`,
    status: 400,
    kind: "bad_request",
    detail: /32 levels/,
  },
  {
    call: "PUT /v1/listeners/front",
    sent: '{"__proto__": {}}',
    status: 400,
    kind: "bad_request",
    detail: /"__proto__"/,
  },
  {
    call: "PUT /v1/listeners/front",
    sent: '{"name": "\\ud800"}',
    status: 400,
    kind: "bad_request",
    detail: /surrogate/,
  },
  {
    call: "PUT /v1/listeners/front?persist=yes",
    sent: LISTENER,
    status: 400,
    kind: "bad_request",
    detail: /^persist: must be "true" or "false", or stand alone for "true", got "yes"$/,
  },
  {
    call: "PUT /v1/listeners/front",
    sent: '{"protocol": "TCP", "tags": {"a": "{", "b": {}, "\\u0061" : "\\"2"}}',
    status: 400,
    kind: "bad_request",
    detail: /^The body holds the key "a" twice, in "tags"$/,
  },
  {
    call: "POST /v1/listeners",
    sent: "name=x",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    status: 415,
    kind: "wrong_content_type",
    detail: /application\/json/,
  },
  {
    call: "PUT /v1/listeners/front",
    sent: { name: "front", protocol: "TCP", port: 90000, backendGroup: "wbe" },
    status: 422,
    kind: "config_invalid",
    detail: /2 errors; the old one serves on/,
    errors: [
      "21 port: must be between 1 and 65535, got 90000",
      '22 backendGroup: must be the name of a defined backend group, got "wbe" (did you mean "web"?)',
    ],
  },
  {
    call: "PUT /v1/listeners/front",
    sent: { name: "other" },
    status: 422,
    kind: "config_invalid",
    detail: /1 error/,
    errors: ['0 name: must be "front", because that is what is changed, got "other"'],
  },
  {
    call: "PUT /v1/listeners/front",
    sent: 5,
    status: 422,
    kind: "config_invalid",
    detail: /1 error/,
    errors: [
      "19 : must be a listener, got 5",
    ],
  },
  {
    call: "POST /v1/listeners",
    sent: { ...LISTENER, port: 9001 },
    status: 422,
    kind: "config_invalid",
    detail: /1 error/,
    errors: [
      '19 port: must not share an address and port, but listener "own" already uses 0.0.0.0 port 9001, got 0.0.0.0 port 9001',
    ],
  },
  {
    call: "POST /v1/listeners",
    sent: { ...LISTENER, name: "" },
    status: 422,
    kind: "config_invalid",
    detail: /1 error/,
    errors: [
      '0 name: must be a name of 1 to 63 letters, digits, dots, dashes or underscores that starts with a letter or digit, got ""',
    ],
  },
  {
    call: "POST /v1/listeners",
    sent: [],
    status: 422,
    kind: "config_invalid",
    detail: /1 error/,
    errors: ["0 : must be a mapping with a name"],
  },
  {
    call: "POST /v1/listeners",
    sent: { ...LISTENER, name: "own" },
    status: 409,
    kind: "already_exists",
    detail: /listener "own"/,
  },
  {
    call: "POST /v1/backend-groups/web/servers",
    sent: [{ address: "10.0.0.13", port: 80 }, { address: "10.0.0.14", port: 0 }],
    status: 422,
    kind: "config_invalid",
    detail: /error/,
    errors: [
      "12 [1].port: must be between 1 and 65535, got 0",
    ],
  },
  {
    call: "POST /v1/backend-groups/web/servers",
    sent: [],
    status: 422,
    kind: "config_invalid",
    detail: /1 error/,
    errors: [
      "0 : must be a server or a list of servers, at least 1, got an empty list",
    ],
  },
  {
    call: "POST /v1/ip-groups",
    sent: { name: "x", addresses: ["10.0.0.0/8", "here"] },
    status: 422,
    kind: "config_invalid",
    detail: /1 error/,
    errors: ['3 addresses[1]: must be an IPv4 or IPv6 address or CIDR block such as 10.0.0.0/8, got "here"'],
  },
  { call: "DELETE /v1/backend-groups/web", status: 409, kind: "in_use", detail: /"web" is used by listener "front"/ },
  {
    call: "DELETE /v1/ip-groups/abusers",
    status: 409,
    kind: "in_use",
    detail: /"abusers" is used by listener "front"/,
  },
  { call: "DELETE /v1/listeners/frnt", status: 404, kind: "no_such_listener", detail: /did you mean "front"/ },
  { call: "DELETE /v1/backend-groups/wb", status: 404, kind: "no_such_backend_group", detail: /did you mean "web"/ },
  { call: "DELETE /v1/ip-groups/offic", status: 404, kind: "no_such_ip_group", detail: /did you mean "office"/ },
  {
    call: "DELETE /v1/backend-groups/web/servers/10.0.0.12:8",
    status: 404,
    kind: "no_such_server",
    detail: /did you mean "10.0.0.12:80"/,
  },
  {
    call: "POST /v1/listeners/front/servers",
    sent: { address: "10.0.0.13", port: 80 },
    status: 409,
    kind: "in_use",
    detail: /backend group "web"/,
  },
  {
    call: "PUT /v1/listeners/front",
    sent: LISTENER,
    headers: { "if-match": '"old"' },
    status: 412,
    kind: "precondition_failed",
    detail: /has changed since it was read/,
  },
  {
    call: "PUT /v1/listeners/front",
    sent: LISTENER,
    headers: { "if-none-match": "*" },
    status: 412,
    kind: "precondition_failed",
    detail: /one of that name already/,
  },
  {
    call: "DELETE /v1/backend-groups/idle",
    headers: { "if-match": '"old"' },
    status: 412,
    kind: "precondition_failed",
    detail: /has changed/,
  },
  {
    call: "POST /v1/backend-groups/web/servers",
    sent: { address: "10.0.0.13", port: 80 },
    headers: { "if-match": '"old"' },
    status: 412,
    kind: "precondition_failed",
    detail: /has changed/,
  },
  {
    call: "PUT /v1/config",
    sent: { admin: { token: "***" } },
    status: 422,
    kind: "config_invalid",
    detail: /1 error/,
    errors: ['0 admin.token: must not be "***", which stands for the token that is set, because none is'],
  },
];

for (const { call, sent, headers, status, kind, detail, errors } of REFUSED) {
  Deno.test(`${call} ${JSON.stringify(sent) ?? ""} is refused with ${status} ${kind}, and nothing changes`, async () => {
    await using bench = await StoreBench.start(FILES);
    const [method = "", path = ""] = call.split(" ");
    const before = bench.reloader.accepted;
    const answer = await bench.call(method, path, sent, headers);
    assertRefused(answer, status, kind, detail);
    const found = answer.body.errors?.map((one: { line: number; requestPath: string; message: string }) =>
      `${one.line} ${one.requestPath}: ${one.message}`
    );
    assert.deepEqual(found, errors);
    assert.deepEqual([bench.reloader.accepted === before, bench.steps, bench.files()], [true, [], FILES]);
  });
}

Deno.test("of two editors with the same ETag one wins, and the other is told", async () => {
  await using bench = await StoreBench.start(FILES);
  const { body, etag } = await bench.call("GET", "/v1/backend-groups/web");
  const put = (slowStart: number) =>
    bench.call("PUT", "/v1/backend-groups/web?persist=true", { ...body.settings, slowStart }, {
      "if-match": etag ?? "",
    });
  const answers = await Promise.all([put(10), put(20)]);
  assert.deepEqual(answers.map(({ status }) => status), [200, 412]);
  const after = await bench.call("GET", "/v1/backend-groups/web");
  assert.deepEqual([after.body.slowStart, after.etag], [10, answers[0]?.etag]);
});

Deno.test("a change that cannot be carried out leaves the file and what serves as they were", async () => {
  await using bench = await StoreBench.start(FILES);
  for (const step of ["prepare", "commit"] as const) {
    bench.failing = step;
    const before = bench.reloader.accepted;
    const answer = await bench.call("PUT", "/v1/listeners/front?persist=true", { ...LISTENER, name: "front" });
    assertRefused(answer, 422, "worker_failed", /the old configuration serves on/);
    assert.deepEqual([bench.files(), bench.reloader.accepted === before], [FILES, true]);
  }
});

Deno.test("a file that was edited meanwhile is not overwritten, and one that cannot be written is an error", async () => {
  await using bench = await StoreBench.start(FILES);
  const create = () => bench.call("POST", "/v1/listeners?persist=true", LISTENER);
  await bench.write({ "weir.yaml": `${CONFIG}# mine\n` });
  assertRefused(await create(), 409, "config_changed", /has changed on disk/);
  assert.equal(bench.files()["weir.yaml"], `${CONFIG}# mine\n`);
  await Deno.remove(bench.file);
  await Deno.symlink("nowhere.yaml", bench.file);
  assertRefused(await create(), 500, "write_failed", /link that leads nowhere/);
  assert.equal((await bench.call("GET", "/v1/listeners/new")).status, 404);
});

const weights = async (bench: StoreBench) =>
  (await bench.call("GET", "/v1/backend-groups/web")).body.servers.map((
    { weight, draining }: { weight: number; draining: boolean },
  ) => `${weight}${draining ? "!" : ""}`);

Deno.test("settings that are given anew end weights that were set at run time, and no drain", async () => {
  await using bench = await StoreBench.start(FILES);
  const servers = "/v1/backend-groups/web/servers";
  for (const server of ["10.0.0.11:80", "10.0.0.11:81", "10.0.0.12:80"]) {
    await bench.call("PATCH", `${servers}/${server}`, { weight: 77, drain: true });
  }
  assert.deepEqual(await weights(bench), ["77!", "77!", "77!"]);
  await bench.call("PUT", "/v1/listeners/own", { ...LISTENER, name: "own" });
  await bench.call("PUT", "/v1/ip-groups/office", []);
  assert.deepEqual(await weights(bench), ["77!", "77!", "77!"], "of others they stay");
  await bench.call("PUT", `${servers}/10.0.0.12:80`, { address: "10.0.0.12", port: 80, weight: 5 });
  assert.deepEqual(await weights(bench), ["77!", "77!", "5!"]);
  await bench.call("PATCH", `${servers}/10.0.0.11:81?persist=true`, { weight: 6, drain: false });
  assert.deepEqual(await weights(bench), ["77!", "6", "5!"]);
  const { body } = await bench.call("GET", "/v1/backend-groups/web");
  await bench.call("PUT", "/v1/backend-groups/web", body.settings);
  assert.deepEqual(await weights(bench), ["10!", "6", "5!"]);
});

Deno.test("PUT /v1/config keeps a token that comes back masked, and sets another", async () => {
  const text = `admin: { token: "\${TOKEN:-secret}" } # mine\n${CONFIG}`;
  await using bench = await StoreBench.start({ ...FILES, "weir.yaml": text });
  const token = () => bench.reloader.serving?.admin.token;
  const { body, etag } = await bench.call("GET", "/v1/config");
  assert.equal(body.admin.token, "***");
  const put = (given: unknown) => bench.call("PUT", "/v1/config?persist=true", given, { "if-match": etag ?? "" });
  assert.equal((await put({ ...body, shutdown: { drainTimeout: 5 } })).status, 200);
  assert.deepEqual([token(), bench.files()["weir.yaml"]], ["secret", `${text}\nshutdown:\n  drainTimeout: 5\n`]);
  assert.equal((await put(body)).status, 412, "it has changed since");
  const now = await bench.call("GET", "/v1/config");
  const other = { ...now.body, admin: { ...now.body.admin, token: "other" } };
  assert.equal((await bench.call("PUT", "/v1/config", other)).status, 200);
  assert.deepEqual([token(), (await bench.call("GET", "/v1/status")).body.unsaved], ["other", ["admin"]]);
});
