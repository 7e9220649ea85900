/** A change of settings means start, update, replace or stop, and nothing where nothing changed. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { diffListeners, sameData } from "../../../src/config/diff.ts";
import type { ListenerPlan, PoolPlan, ServerPlan } from "../../../src/config/model.ts";
import { healthPlan, listenerPlan, poolPlan, serverPlan } from "../plans.ts";

const server = (port: number, change: Partial<Omit<ServerPlan, "key" | "family">> = {}): ServerPlan =>
  serverPlan({ address: "10.0.0.1", port, ...change });

const POOL: PoolPlan = poolPlan([server(80), server(81)], { healthCheck: healthPlan() });

const TLS = { certificate: "www", certPem: "cert", keyPem: "key", handshakeTimeout: 10 };

const PLAN: ListenerPlan = listenerPlan({
  name: "front",
  address: "0.0.0.0",
  port: 9443,
  tls: TLS,
  group: "web",
  pool: POOL,
  tags: { env: "prod" },
});

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
    ["pool", { pool: { ...POOL, healthCheck: { ...POOL.healthCheck, interval: 10 } } }],
    ["group", { group: "api" }],
    ["idleTimeout", { idleTimeout: 60 }],
    ["connectTimeout", { connectTimeout: 1 }],
    ["tags", { tags: { env: "test" } }],
    ["tags", { tags: {} }],
    ["description", { description: "the door" }],
    ["tls", { tls: { ...TLS, certificate: "other" } }],
    ["tls", { tls: { ...TLS, certPem: "a newer cert", keyPem: "a newer key" } }],
    ["tls", { tls: { ...TLS, handshakeTimeout: 5 } }],
  ];
  for (const [key, change] of changes) {
    const plan = { ...PLAN, ...change };
    assert.deepEqual(diffListeners(model(PLAN), model(plan)), [{ kind: "update", plan, changed: [key] }]);
  }
});

Deno.test("diffListeners() replaces a listener for what needs a new socket, and disconnects for ipTranslation only", () => {
  const changes: readonly (readonly [Partial<ListenerPlan>, boolean])[] = [
    [{ address: "::" }, false],
    [{ port: 9444 }, false],
    [{ tls: null }, false],
    [{ ipTranslation: true }, true],
    [{ ipTranslation: true, port: 9444 }, true],
    [{ port: 9444, idleTimeout: 60 }, false],
  ];
  for (const [change, disconnect] of changes) {
    const plan = { ...PLAN, ...change };
    const [only, ...others] = diffListeners(model(PLAN), model(plan));
    assert.deepEqual(others, []);
    assert.equal(only?.kind, "replace");
    assert.ok(only.kind === "replace");
    assert.deepEqual(only.changed.toSorted(), Object.keys(change).toSorted());
    assert.equal(only.disconnect, disconnect);
    assert.equal(only.plan, plan);
  }
  const plain = { ...PLAN, tls: null };
  assert.equal(diffListeners(model(plain), model(PLAN))[0]?.kind, "replace");
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
    port: fc.integer({ min: 1, max: 3 }),
    idleTimeout: fc.integer({ min: 10, max: 12 }),
    ipTranslation: fc.boolean(),
    tls: fc.constantFrom(null, TLS),
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
