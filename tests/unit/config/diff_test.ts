/** A change of settings means start, update, replace or stop, and nothing where nothing changed. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { diffListeners, sameData } from "../../../src/config/diff.ts";
import type { ListenerPlan, PoolPlan, ServerPlan } from "../../../src/config/model.ts";
import { formatPorts, type PortRange } from "../../../src/net/ports.ts";
import { certificatePlan, healthPlan, listenerPlan, poolPlan, serverPlan, tlsPlan } from "../plans.ts";

const server = (port: number, change: Partial<Omit<ServerPlan, "key" | "family">> = {}): ServerPlan =>
  serverPlan({ address: "10.0.0.1", port, ...change });

const POOL: PoolPlan = poolPlan([server(80), server(81)], { healthCheck: healthPlan() });

const TLS = tlsPlan({ certificates: [certificatePlan(), certificatePlan({ name: "spare" })] });

const PLAN: ListenerPlan = listenerPlan({
  name: "front",
  address: "0.0.0.0",
  ports: [{ first: 9443, last: 9443 }],
  tls: TLS,
  group: "web",
  pool: POOL,
  tags: { env: "prod" },
});

const ranges = (...pairs: readonly (readonly [number, number])[]): PortRange[] =>
  pairs.map(([first, last]) => ({ first, last }));

const model = (...plans: readonly ListenerPlan[]) => new Map(plans.map((plan) => [plan.name, plan]));

Deno.test("diffListeners() updates in place whatever a running socket can take up", () => {
  const changes: readonly (readonly [string, Partial<ListenerPlan>])[] = [
    ["pool", { pool: { ...POOL, servers: [server(80, { weight: 5 }), server(81)] } }],
    ["pool", { pool: { ...POOL, servers: [server(80)] } }],
    ["pool", { pool: { ...POOL, servers: [...POOL.servers, server(82)] } }],
    ["pool", { pool: { ...POOL, servers: POOL.servers.toReversed() } }],
    ["pool", { pool: { ...POOL, servers: [server(80, { backup: true }), server(81)] } }],
    ["pool", { pool: { ...POOL, algorithm: "wlc" } }],
    ["pool", { pool: { ...POOL, whenAllUnhealthy: "reject" } }],
    ["pool", { pool: { ...POOL, slowStart: 30 } }],
    ["pool", { pool: { ...POOL, backendTls: { serverName: null, ca: null, verify: true } } }],
    ["pool", { pool: { ...POOL, healthCheck: { ...POOL.healthCheck, passive: false } } }],
    ["pool", { pool: { ...POOL, healthCheck: { ...POOL.healthCheck, interval: 10 } } }],
    ["group", { group: "api" }],
    ["idleTimeout", { idleTimeout: 60 }],
    ["connectTimeout", { connectTimeout: 1 }],
    ["tcpKeepAlive", { tcpKeepAlive: false }],
    ["backlog", { backlog: 128 }],
    ["workers", { workers: 4 }],
    ["tags", { tags: { env: "test" } }],
    ["tags", { tags: {} }],
    ["description", { description: "the door" }],
    ["tls", { tls: tlsPlan() }],
    ["tls", { tls: { ...TLS, certificates: [certificatePlan({ name: "other" })] } }],
    ["tls", { tls: { ...TLS, certificates: [certificatePlan({ certPem: "a newer cert", keyPem: "a newer key" })] } }],
    ["tls", { tls: { ...TLS, clientCA: { name: "partners", pem: "ca" } } }],
    ["tls", { tls: { ...TLS, minVersion: "1.3" } }],
    ["tls", { tls: { ...TLS, alpn: ["h2"] } }],
    ["tls", { tls: { ...TLS, handshakeTimeout: 5 } }],
    ["tls", { tls: { ...TLS, maxHandshakes: 5 } }],
  ];
  for (const [key, change] of changes) {
    const plan = { ...PLAN, ...change };
    assert.deepEqual(diffListeners(model(PLAN), model(plan)), [{ kind: "update", plan, changed: [key] }]);
  }
});

Deno.test("diffListeners() replaces a listener for what needs a new socket, and disconnects for ipTranslation only", () => {
  const moved = { ports: ranges([9444, 9444]) };
  const changes: readonly (readonly [Partial<ListenerPlan>, boolean])[] = [
    [{ address: "::" }, false],
    [moved, false],
    [{ tls: null }, false],
    [{ tls: { ...TLS, engine: "fast" } }, false],
    [{ ipTranslation: true }, true],
    [{ ipTranslation: true, ...moved }, true],
    [{ ...moved, idleTimeout: 60 }, false],
  ];
  for (const [change, disconnect] of changes) {
    const plan = { ...PLAN, ...change };
    const [only, ...others] = diffListeners(model(PLAN), model(plan));
    assert.deepEqual(others, []);
    assert.equal(only?.kind, "replace");
    assert.ok(only.kind === "replace");
    assert.deepEqual(
      only.changed.toSorted(),
      Object.keys(change).map((key) => key === "ports" ? "port" : key).toSorted(),
    );
    assert.equal(only.disconnect, disconnect);
    assert.equal(only.plan, plan);
  }
  const plain = { ...PLAN, tls: null };
  assert.equal(diffListeners(model(plain), model(PLAN))[0]?.kind, "replace");
});

Deno.test("diffListeners() updates a listener in place while at least one of its ports stays", () => {
  const pairs:
    readonly (readonly [before: PortRange[], after: PortRange[], kind: "update" | "replace", key: string])[] = [
      [ranges([9443, 9443]), ranges([9443, 9450]), "update", "ports"],
      [ranges([9443, 9450]), ranges([9443, 9443]), "update", "ports"],
      [ranges([9443, 9450]), ranges([9450, 9460]), "update", "ports"],
      [ranges([9443, 9450]), ranges([9440, 9445], [9450, 9450]), "update", "ports"],
      [ranges([9443, 9450]), ranges([9443, 9446], [9447, 9450]), "update", "ports"],
      [ranges([9443, 9450]), ranges([9451, 9460]), "replace", "ports"],
      [ranges([9443, 9450]), ranges([9451, 9451]), "replace", "ports"],
      [ranges([9443, 9443]), ranges([9444, 9444]), "replace", "port"],
    ];
  for (const [before, after, kind, key] of pairs) {
    const [only] = diffListeners(model({ ...PLAN, ports: before }), model({ ...PLAN, ports: after }));
    assert.ok(only?.kind === kind, `${formatPorts(before)} to ${formatPorts(after)} is ${only?.kind}`);
    assert.deepEqual(only.changed, [key]);
  }
  const both = { ...PLAN, ports: ranges([9443, 9450]), ipTranslation: true };
  assert.equal(diffListeners(model(PLAN), model(both))[0]?.kind, "replace");
});

Deno.test("diffListeners() starts what is new and stops what is gone, stopping first", () => {
  const other = { ...PLAN, name: "other" };
  assert.deepEqual(diffListeners(model(), model(PLAN)), [{ kind: "start", plan: PLAN }]);
  assert.deepEqual(diffListeners(model(PLAN), model()), [{ kind: "stop", name: "front" }]);
  assert.deepEqual(diffListeners(model(PLAN), model(other)), [
    { kind: "stop", name: "front" },
    { kind: "start", plan: other },
  ]);
});

const plans = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom("a", "b", "c", "d"),
    ports: fc.integer({ min: 1, max: 3 }).chain((first) =>
      fc.integer({ min: first, max: 4 }).map((last) => ranges([first, last]))
    ),
    idleTimeout: fc.integer({ min: 10, max: 12 }),
    ipTranslation: fc.boolean(),
    tls: fc.constantFrom(null, TLS, tlsPlan({ engine: "fast" })),
    tags: fc.dictionary(fc.constantFrom("x", "y"), fc.constantFrom("1", "2"), { noNullPrototype: true }),
  }).map((change): ListenerPlan => ({ ...PLAN, ...change })),
  { selector: (plan) => plan.name },
).map((all) => model(...all));

Deno.test("diffListeners() finds nothing between a model and its copy", () => {
  fc.assert(fc.property(plans, (serving) => assert.deepEqual(diffListeners(serving, structuredClone(serving)), [])));
});

Deno.test("diffListeners() leads from any model to any other", () => {
  fc.assert(fc.property(plans, plans, (serving, next) => {
    const result = new Map(serving);
    for (const change of diffListeners(serving, next)) {
      if (change.kind === "stop") result.delete(change.name);
      else {
        assert.equal(change.kind === "start", !serving.has(change.plan.name));
        result.set(change.plan.name, change.plan);
      }
    }
    const sorted = (of: ReadonlyMap<string, ListenerPlan>) =>
      [...of.values()].toSorted((a, b) => a.name < b.name ? -1 : 1);
    assert.deepEqual(sorted(result), sorted(next));
  }));
});

Deno.test("sameData() agrees with deep equality of plain data", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
    const equal = (left: unknown, right: unknown) => {
      try {
        assert.deepStrictEqual(left, right);
        return true;
      } catch {
        return false;
      }
    };
    const [left, right] = [JSON.parse(JSON.stringify(a)) as unknown, JSON.parse(JSON.stringify(b)) as unknown];
    assert.equal(sameData(left, right), equal(left, right));
    assert.ok(sameData(left, structuredClone(left)));
  }));
});

Deno.test("sameData() does not care for the order of keys, and does for the order of lists", () => {
  assert.ok(sameData({ a: 1, b: 2 }, { b: 2, a: 1 }));
  assert.ok(!sameData([1, 2], [2, 1]));
  assert.ok(!sameData({ a: undefined }, { b: undefined }));
  assert.ok(!sameData([], {}));
  assert.ok(!sameData(null, {}));
});
