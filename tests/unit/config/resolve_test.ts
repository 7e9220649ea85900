/** The model is what the file means: every reference looked up, every address in its one form. @module */

import assert from "node:assert/strict";
import { type Model, type PoolPlan, probedPort, protocolOf, serverPort } from "../../../src/config/model.ts";
import { resolveModel } from "../../../src/config/resolve.ts";
import { NO_FACTS } from "../../../src/config/runtime.ts";
import { makeCaseFiles } from "../../config/cases.ts";
import { loadText } from "../../config/load_text.ts";

const files = await makeCaseFiles();
const modelOf = (text: string): Model => resolveModel(loadText(text, { files }));

const CHECK = {
  enabled: true,
  timeout: 2,
  interval: 5,
  unhealthyThreshold: 3,
  healthyThreshold: 3,
  port: null,
  passive: true,
};

Deno.test("resolveModel() makes one plan of a listener, its group and its servers", () => {
  const { listeners, groups } = modelOf(`
backendGroups:
  web:
    algorithm: wlc
    defaultPort: 8080
    whenAllUnhealthy: reject
    slowStart: 30
    healthCheck: { port: 81 }
    servers:
      - { address: 10.0.0.11, ports: [80, 81], weight: 7 }
      - { address: 10.0.0.12, backup: true }
listeners:
  - { name: front, protocol: TCP, port: 9000, backendGroup: web, tags: { env: prod }, description: the door }
`);
  const server = (address: string, port: number, weight: number, backup: boolean) => ({
    key: `${address}:${port}`,
    configured: `${address}:${port}`,
    host: null,
    address,
    family: "IPv4",
    port,
    ports: null,
    weight,
    backup,
    draining: false,
  });
  const pool = {
    algorithm: "wlc",
    servers: [
      server("10.0.0.11", 80, 7, false),
      server("10.0.0.11", 81, 7, false),
      server("10.0.0.12", 8080, 10, true),
    ],
    names: [],
    unresolved: [],
    healthCheck: { ...CHECK, port: 81 },
    backendTls: null,
    whenAllUnhealthy: "reject",
    slowStart: 30,
  };
  assert.deepEqual(groups.get("web"), pool);
  assert.deepEqual(listeners.get("front"), {
    name: "front",
    address: "0.0.0.0",
    ports: [{ first: 9000, last: 9000 }],
    tls: null,
    group: "web",
    pool,
    ipTranslation: false,
    proxyProtocol: null,
    acceptProxy: null,
    access: null,
    maxConnections: null,
    maxNewConnections: null,
    idleTimeout: 300,
    connectTimeout: 4,
    tcpKeepAlive: true,
    backlog: 4096,
    workers: 1,
    tags: { env: "prod" },
    description: "the door",
  });
});

Deno.test("resolveModel() puts the certificate's text into the plan", () => {
  const plan = modelOf(`
certificates:
  www: { certFile: certs/good.pem, keyFile: certs/good.key }
listeners:
  - { name: front, protocol: TCP_SSL, port: 9443, backends: {}, tls: { certificate: www, handshakeTimeout: 5 } }
`).listeners.get("front");
  assert.deepEqual(plan?.tls, {
    engine: "full",
    certificates: [{
      name: "www",
      certPem: files["certs/good.pem"],
      keyPem: files["certs/good.key"],
      serverNames: ["weir.test"],
    }],
    clientCA: null,
    minVersion: "1.2",
    alpn: [],
    handshakeTimeout: 5,
    maxHandshakes: 10_000,
  });
  assert.equal(plan?.group, null);
  assert.deepEqual([protocolOf({ tls: plan?.tls ?? null }), protocolOf({ tls: null })], ["TCP_SSL", "TCP"]);
});

Deno.test("resolveModel() puts all of mutual authentication into the plan, and knows whose certificate is whose", () => {
  const { listeners, certificates, clientCAs } = modelOf(`
certificates:
  www: { certFile: certs/good.pem, keyFile: certs/good.key }
  api: { certFile: certs/chain.pem, keyFile: certs/chain.key }
clientCAs:
  partners: { certFile: certs/ca.pem }
listeners:
  - name: front
    protocol: TCP_SSL
    port: 9443
    backends: {}
    tls:
      certificates: [api, www]
      authentication: mutual
      clientCA: partners
      minVersion: "1.3"
      alpn: [h2, http/1.1]
      maxHandshakes: 7
  - { name: quick, protocol: TCP_SSL, port: 9444, backends: {}, tls: { certificates: [www], engine: fast } }
`);
  const tls = listeners.get("front")?.tls;
  assert.deepEqual(tls?.certificates.map(({ name, certPem, serverNames }) => [name, certPem, serverNames]), [
    ["api", files["certs/chain.pem"], ["weir.test"]],
    ["www", files["certs/good.pem"], ["weir.test"]],
  ]);
  assert.deepEqual({ ...tls, certificates: [] }, {
    engine: "full",
    certificates: [],
    clientCA: { name: "partners", pem: files["certs/ca.pem"] },
    minVersion: "1.3",
    alpn: ["h2", "http/1.1"],
    handshakeTimeout: 10,
    maxHandshakes: 7,
  });
  assert.equal(listeners.get("quick")?.tls?.engine, "fast");
  assert.deepEqual([certificates.get("api")?.users, certificates.get("www")?.users], [["front"], ["front", "quick"]]);
  assert.deepEqual(clientCAs.get("partners")?.users, ["front"]);
});

Deno.test("resolveModel() writes every address in its one form", () => {
  const { listeners } = modelOf(`
listeners:
  - name: front
    protocol: TCP
    address: "2001:DB8:0::0:1"
    port: 9000
    backends: { servers: [{ address: "2001:DB8:0:0::2", port: 80 }] }
`);
  const plan = listeners.get("front");
  assert.equal(plan?.address, "2001:db8::1");
  assert.deepEqual(plan?.pool.servers[0], {
    key: "[2001:db8::2]:80",
    configured: "[2001:db8::2]:80",
    host: null,
    address: "2001:db8::2",
    family: "IPv6",
    port: 80,
    ports: null,
    weight: 10,
    backup: false,
    draining: false,
  });
});

Deno.test("resolveModel() gives servers of a listener with ports that port, or their own in the same order", () => {
  const { listeners, groups } = modelOf(`
backendGroups:
  same: { servers: [{ address: 10.0.0.11 }, { address: "2001:DB8::0:1" }] }
  mapped: { servers: [{ address: 10.0.0.11, ports: "20000-20001, 20005" }, { address: "2001:db8::1", ports: "1,3,2" }] }
listeners:
  - { name: same, protocol: TCP, address: "::", ports: "10000-10100,10200", backendGroup: same }
  - { name: mapped, protocol: TCP, address: "::", ports: "9000,9002,9001", backendGroup: mapped }
  - { name: one, protocol: TCP, ports: "8000", backends: { servers: [{ address: 10.0.0.11 }] } }
`);
  assert.deepEqual(listeners.get("same")?.ports, [{ first: 10000, last: 10100 }, { first: 10200, last: 10200 }]);
  assert.deepEqual(listeners.get("one")?.ports, [{ first: 8000, last: 8000 }]);
  const places = (name: string) =>
    listeners.get(name)?.pool.servers.map(({ key, address, port, ports }) => ({ key, address, port, ports }));
  assert.deepEqual(places("same"), [
    { key: "10.0.0.11", address: "10.0.0.11", port: null, ports: null },
    { key: "2001:db8::1", address: "2001:db8::1", port: null, ports: null },
  ]);
  assert.deepEqual(places("one"), places("same")?.slice(0, 1));
  assert.deepEqual(places("mapped"), [
    {
      key: "10.0.0.11:20000+",
      address: "10.0.0.11",
      port: null,
      ports: [{ first: 20000, last: 20001 }, { first: 20005, last: 20005 }],
    },
    {
      key: "[2001:db8::1]:1+",
      address: "2001:db8::1",
      port: null,
      ports: [{ first: 1, last: 1 }, { first: 3, last: 3 }, { first: 2, last: 2 }],
    },
  ]);
  assert.equal(groups.get("same"), listeners.get("same")?.pool);
});

Deno.test("resolveModel() lets a group's defaultPort hold for its listeners with one port only", () => {
  const { listeners, groups } = modelOf(`
backendGroups:
  web: { defaultPort: 8080, servers: [{ address: 10.0.0.11 }] }
  range: { defaultPort: 8080, servers: [{ address: 10.0.0.11 }] }
  unused: { servers: [{ address: 10.0.0.11 }] }
listeners:
  - { name: one, protocol: TCP, port: 9000, backendGroup: web }
  - { name: many, protocol: TCP, ports: "9001-9002", backendGroup: web }
  - { name: other, protocol: TCP, ports: "9003-9004", backendGroup: range }
`);
  const keysOf = (pool: PoolPlan | undefined) => pool?.servers.map(({ key }) => key);
  assert.deepEqual(keysOf(listeners.get("one")?.pool), ["10.0.0.11:8080"]);
  assert.deepEqual(keysOf(listeners.get("many")?.pool), ["10.0.0.11"]);
  assert.deepEqual(keysOf(groups.get("web")), ["10.0.0.11:8080"], "the group by itself");
  assert.deepEqual(keysOf(groups.get("range")), ["10.0.0.11"]);
  assert.deepEqual(keysOf(groups.get("unused")), ["10.0.0.11"]);
});

const same = { port: null, ports: null };
const mapped = { port: null, ports: [{ first: 20000, last: 20009 }, { first: 1, last: 1 }] };
const LISTENER_PORTS = [{ first: 10000, last: 10004 }, { first: 30, last: 35 }];

Deno.test("serverPort() is the server's port, the client's, or the one in its place", () => {
  const vectors = [
    [{ port: 80, ports: null }, 10000, 80],
    [same, 10003, 10003],
    [same, 5, 5],
    [mapped, 10000, 20000],
    [mapped, 10004, 20004],
    [mapped, 30, 20005],
    [mapped, 34, 20009],
    [mapped, 35, 1],
    [mapped, 36, undefined],
    [mapped, 10005, undefined],
  ] as const;
  for (const [server, port, expected] of vectors) {
    assert.equal(serverPort(server, port, LISTENER_PORTS), expected, String(port));
  }
});

Deno.test("probedPort() is the server's port, or the first it serves on", () => {
  assert.equal(probedPort({ port: 80, ports: null }, LISTENER_PORTS), 80);
  assert.equal(probedPort(same, LISTENER_PORTS), 10000);
  assert.equal(probedPort(mapped, LISTENER_PORTS), 20000);
});

Deno.test("resolveModel() looks up the admin API's address", () => {
  const vectors = [
    ["off", null],
    ["127.0.0.1:9901", { address: "127.0.0.1", port: 9901 }],
    ["localhost:9902", { address: "127.0.0.1", port: 9902 }],
    ["[::1]:9903", { address: "::1", port: 9903 }],
  ] as const;
  for (const [listen, expected] of vectors) {
    assert.deepEqual(modelOf(JSON.stringify({ admin: { listen } })).admin.listen, expected, listen);
  }
});

Deno.test("resolveModel() makes a number of workers: auto, of the processors, within what there may be", () => {
  const workersOf = (workers: string, processors: number, maxWorkers: number) => {
    const text = `
maxWorkers: ${maxWorkers}
backendGroups: { web: {} }
listeners: [{ name: web, protocol: TCP, port: 9000, backendGroup: web, workers: ${workers} }]
`;
    return resolveModel(loadText(text), { ...NO_FACTS, processors }).listeners.get("web")?.workers;
  };
  assert.equal(workersOf("3", 8, 32), 3);
  assert.equal(workersOf("auto", 8, 32), 8);
  assert.equal(workersOf("auto", 1, 32), 1);
  assert.equal(workersOf("auto", 8, 4), 4);
  assert.equal(workersOf("auto", 128, 256), 64);
});

Deno.test("resolveModel() takes the general settings over", () => {
  const model = modelOf(`
admin: { token: secret }
log: { level: warn, format: json }
shutdown: { drainTimeout: 5 }
maxWorkers: 4
`);
  assert.equal(model.admin.token, "secret");
  assert.deepEqual(model.log, { level: "warn", format: "json", access: null });
  assert.deepEqual([model.drainTimeout, model.maxWorkers], [5, 4]);
});

Deno.test("resolveModel() says where lines for finished connections go", () => {
  const vectors: readonly (readonly [log: string, access: unknown])[] = [
    ["{ access: off, accessFile: a.log }", null],
    ["{ access: on }", { file: null, format: "auto" }],
    ["{ access: on, format: text }", { file: null, format: "text" }],
    ["{ access: on, format: text, accessFormat: json, accessFile: a.log }", { file: "a.log", format: "json" }],
  ];
  for (const [log, access] of vectors) assert.deepEqual(modelOf(`log: ${log}`).log.access, access, log);
});

Deno.test("resolveModel() gives plans that can be sent to a worker as they are", () => {
  const plan = modelOf("listeners: [{ name: a, protocol: TCP, port: 1, backends: {}, tags: { a: b } }]").listeners.get(
    "a",
  );
  assert.deepEqual(structuredClone(plan), plan);
});

const NAMES = `
backendGroups:
  web:
    servers:
      - { address: App.Internal, ports: [80, 81], weight: 5 }
      - { address: "10.0.0.12", port: 80 }
      - { address: other.internal, port: 80, weight: 3, backup: true }
listeners:
  - { name: four, protocol: TCP, port: 9000, backendGroup: web }
  - { name: both, protocol: TCP, port: 9001, address: "::", backendGroup: web }
  - { name: any, protocol: TCP, port: 9002, address: 127.0.0.1, ipTranslation: true, backendGroup: web }
`;

/** The servers of each listener, and what has none. */
function serversWith(addresses: Readonly<Record<string, readonly string[]>>, text = NAMES) {
  const facts = { addresses: new Map(Object.entries(addresses)), overrides: new Map(), processors: 1 };
  const { listeners } = resolveModel(loadText(text), facts);
  return Object.fromEntries([...listeners].map(([name, { pool }]) => [
    name,
    [pool.servers.map(({ key }) => key), pool.unresolved],
  ]));
}

Deno.test("resolveModel() makes a server of each address of a name, of the families that the listener can use", () => {
  const four = ["10.0.0.21:80", "10.0.0.22:80", "10.0.0.21:81", "10.0.0.22:81", "10.0.0.12:80"];
  const all = [
    ...["10.0.0.21:80", "10.0.0.22:80", "[2001:db8::21]:80"],
    ...["10.0.0.21:81", "10.0.0.22:81", "[2001:db8::21]:81"],
    "10.0.0.12:80",
    "[2001:db8::31]:80",
  ];
  const addresses = {
    "app.internal": ["10.0.0.21", "10.0.0.22", "2001:db8::21"],
    "other.internal": ["2001:db8::31"],
  };
  assert.deepEqual(serversWith(addresses), {
    four: [four, ["other.internal:80"]],
    both: [all, []],
    any: [all, []],
  });
  const six = NAMES.replace('address: "::"', 'address: "2001:db8::1"').replace(/ +- \{ address: "10.0.0.12".*\n/, "");
  assert.deepEqual(serversWith(addresses, six)["both"], [
    ["[2001:db8::21]:80", "[2001:db8::21]:81", "[2001:db8::31]:80"],
    [],
  ]);
});

Deno.test("resolveModel() serves with the servers it has when names have no address", () => {
  const nobody = ["app.internal:80", "app.internal:81", "other.internal:80"];
  const expected = [["10.0.0.12:80"], nobody];
  assert.deepEqual(serversWith({}), { four: expected, both: expected, any: expected });
  assert.deepEqual(serversWith({ "app.internal": [] }), { four: expected, both: expected, any: expected });
});

Deno.test("resolveModel() gives an address of two names to the first in the file, with its settings", () => {
  const facts = {
    addresses: new Map([["app.internal", ["10.0.0.12", "10.0.0.21"]], ["other.internal", ["10.0.0.21"]]]),
    overrides: new Map(),
    processors: 1,
  };
  const pool = resolveModel(loadText(NAMES), facts).listeners.get("four")?.pool;
  assert.deepEqual(pool?.servers.map(({ key, configured, weight, backup }) => [key, configured, weight, backup]), [
    ["10.0.0.12:80", "app.internal:80", 5, false],
    ["10.0.0.21:80", "app.internal:80", 5, false],
    ["10.0.0.12:81", "app.internal:81", 5, false],
    ["10.0.0.21:81", "app.internal:81", 5, false],
  ]);
  assert.deepEqual(pool?.names, ["app.internal", "other.internal"]);
  assert.deepEqual(pool?.unresolved, ["10.0.0.12:80", "other.internal:80"], "they are there, and stand for nobody now");
});

Deno.test("resolveModel() looks up how servers are reached over TLS, and who uses a CA", () => {
  const { groups, listeners, clientCAs } = modelOf(`
clientCAs:
  internal: { certFile: certs/ca.pem }
  unused: { certFile: certs/ca.pem }
backendGroups:
  plain: { servers: [{ address: 10.0.0.11, port: 80 }] }
  off: { backendTls: { enabled: false, ca: unused } }
  on: { backendTls: {} }
  named: { backendTls: { serverName: App.Internal, ca: internal } }
  unverified: { backendTls: { ca: unused, verify: false } }
listeners:
  - { name: a, protocol: TCP, port: 9000, backendGroup: named }
  - { name: b, protocol: TCP, port: 9001, backends: { backendTls: { serverName: "2001:DB8:0::1", ca: internal } } }
  - { name: c, protocol: TCP, port: 9002, backendGroup: unverified }
`);
  const ca = { name: "internal", pem: files["certs/ca.pem"] };
  const expected = [
    ["plain", null],
    ["off", null],
    ["on", { serverName: null, ca: null, verify: true }],
    ["named", { serverName: "app.internal", ca, verify: true }],
    ["unverified", { serverName: null, ca: null, verify: false }],
  ] as const;
  for (const [name, tls] of expected) assert.deepEqual(groups.get(name)?.backendTls, tls, name);
  assert.deepEqual(listeners.get("a")?.pool.backendTls, { serverName: "app.internal", ca, verify: true });
  assert.deepEqual(listeners.get("b")?.pool.backendTls, { serverName: "2001:db8::1", ca, verify: true });
  assert.deepEqual(clientCAs.get("internal")?.users, ["a", "b"]);
  assert.deepEqual(clientCAs.get("unused")?.users, []);
});

Deno.test("resolveModel() tells of each server by which host name it is given", () => {
  const text = `
backendGroups:
  web: { servers: [{ address: App.Internal, port: 443 }, { address: 10.0.0.11, port: 443 }] }
listeners:
  - { name: a, protocol: TCP, port: 9000, backendGroup: web }
`;
  const addresses = new Map([["app.internal", ["10.0.0.1", "10.0.0.2"]]]);
  const { groups } = resolveModel(loadText(text), { addresses, overrides: new Map(), processors: 1 });
  const hosts = groups.get("web")?.servers.map(({ address, host }) => [address, host]);
  assert.deepEqual(hosts, [["10.0.0.1", "app.internal"], ["10.0.0.2", "app.internal"], ["10.0.0.11", null]]);
});
