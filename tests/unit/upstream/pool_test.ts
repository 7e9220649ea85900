/** Who may take a connection, and reserving. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { HealthState } from "../../../src/board/layout.ts";
import type { PoolPlan, ServerPlan } from "../../../src/config/model.ts";
import type { IpFamily } from "../../../src/net/ip.ts";
import type { Lease, Pool, Server } from "../../../src/upstream/pool.ts";
import { poolPlan, serverPlan, TestPool, weighted } from "../plans.ts";

interface Case {
  readonly what: string;
  /** Weight 10 and Healthy unless it says otherwise; keys are ports. */
  readonly servers: readonly (Partial<Omit<ServerPlan, "key" | "family">> & { readonly health?: HealthState })[];
  readonly client?: IpFamily;
  readonly ipTranslation?: boolean;
  readonly whenAllUnhealthy?: PoolPlan["whenAllUnhealthy"];
  /** The ports that get connections. */
  readonly expected: readonly number[];
}

const CASES: readonly Case[] = [
  { what: "takes every server that nothing is known against", servers: [{}, { health: "Unknown" }], expected: [1, 2] },
  { what: "takes servers whose health checks are off", servers: [{ health: "Disabled" }], expected: [1] },
  { what: "skips a server of weight 0", servers: [{ weight: 0 }, {}], expected: [2] },
  { what: "skips an Abnormal server", servers: [{ health: "Abnormal" }, {}], expected: [2] },
  { what: "finds nobody without servers", servers: [], expected: [] },
  { what: "finds nobody when every weight is 0", servers: [{ weight: 0 }, { weight: 0 }], expected: [] },
  { what: "skips servers of the other family", servers: [{ address: "::1" }, {}], expected: [2] },
  {
    what: "gives an IPv6 client the IPv6 servers",
    servers: [{ address: "::1" }, {}],
    client: "IPv6",
    expected: [1],
  },
  {
    what: "takes both families with address translation",
    servers: [{ address: "::1" }, {}],
    ipTranslation: true,
    expected: [1, 2],
  },
  {
    what: "keeps backups back while a primary can be used",
    servers: [{ backup: true }, {}, { health: "Abnormal" }],
    expected: [2],
  },
  {
    what: "uses backups when every primary is Abnormal",
    servers: [{ backup: true }, { health: "Abnormal" }],
    expected: [1],
  },
  { what: "uses backups when every primary has weight 0", servers: [{ backup: true }, { weight: 0 }], expected: [1] },
  {
    what: "uses backups when every primary is of the other family",
    servers: [{ backup: true }, { address: "::1" }],
    expected: [1],
  },
  {
    what: "treats all as healthy when all are Abnormal",
    servers: [{ health: "Abnormal" }, { health: "Abnormal" }],
    expected: [1, 2],
  },
  {
    what: "finds nobody when all are Abnormal and that means reject",
    servers: [{ health: "Abnormal" }, { health: "Abnormal" }],
    whenAllUnhealthy: "reject",
    expected: [],
  },
  {
    what: "does not forward to a server of weight 0 even when all are Abnormal",
    servers: [{ health: "Abnormal" }, { health: "Abnormal", weight: 0 }],
    expected: [1],
  },
  {
    what: "asks per family whether all are Abnormal",
    servers: [{ health: "Abnormal" }, { address: "::1" }],
    expected: [1],
  },
  {
    what: "takes primaries first when all, backups too, are Abnormal",
    servers: [{ health: "Abnormal", backup: true }, { health: "Abnormal" }],
    expected: [2],
  },
  {
    what: "still rejects nothing that is well when reject is set",
    servers: [{ health: "Abnormal" }, { health: "Unknown" }],
    whenAllUnhealthy: "reject",
    expected: [2],
  },
];

/** The ports that get something out of many connections that end at once. */
function portsOf(pool: Pool, family: IpFamily = "IPv4"): number[] {
  const ports = new Set<number>();
  for (let count = 0; count < 50; count++) {
    using lease = pool.acquire(family === "IPv4" ? "192.0.2.1" : "2001:db8::1");
    if (lease !== undefined) ports.add(lease.server.plan.port ?? 0);
  }
  return [...ports].sort();
}

for (const { what, servers, client, ipTranslation, whenAllUnhealthy, expected } of CASES) {
  Deno.test(`pool.acquire() ${what}`, () => {
    const plans = servers.map((server, index) => serverPlan({ port: index + 1, ...server }));
    const plan = poolPlan(plans, { whenAllUnhealthy: whenAllUnhealthy ?? "forward" });
    const test = new TestPool(plan, ipTranslation);
    for (const [index, { health }] of servers.entries()) {
      test.pool.setHealth(test.server(plans[index]?.key ?? ""), health ?? "Healthy");
    }
    assert.deepEqual(portsOf(test.pool, client), expected);
  });
}

Deno.test("pool.acquire() counts the connection before anybody dials", () => {
  const { pool } = new TestPool(poolPlan(weighted([1])));
  const lease = pool.acquire("192.0.2.1");
  assert.equal(lease?.server.active, 1);
  pool.acquire("192.0.2.1");
  assert.equal(lease?.server.active, 2);
});

Deno.test("lease.dispose() gives the server back once, however often it is called", () => {
  const { pool } = new TestPool(poolPlan(weighted([1])));
  const [one, other] = [pool.acquire("192.0.2.1"), pool.acquire("192.0.2.1")];
  one?.[Symbol.dispose]();
  one?.[Symbol.dispose]();
  assert.equal(other?.server.active, 1);
});

Deno.test("pool.acquire() leaves out servers that were tried, and goes on to backups", () => {
  const plan = poolPlan([...weighted([5, 5]), serverPlan({ port: 3, backup: true })]);
  const { pool } = new TestPool(plan);
  const tried = new Set<Server>();
  const order: number[] = [];
  for (;;) {
    using lease = pool.acquire("192.0.2.1", tried);
    if (lease === undefined) break;
    order.push(lease.server.plan.port ?? 0);
    tried.add(lease.server);
  }
  assert.deepEqual(order, [1, 2, 3]);
});

Deno.test("pool.setHealth() takes effect with the next connection", () => {
  const test = new TestPool(poolPlan(weighted([1, 1])));
  assert.deepEqual(portsOf(test.pool), [1, 2]);
  test.pool.setHealth(test.server("127.0.0.1:1"), "Abnormal");
  assert.deepEqual(portsOf(test.pool), [2]);
  test.pool.setHealth(test.server("127.0.0.1:1"), "Healthy");
  assert.deepEqual(portsOf(test.pool), [1, 2]);
});

Deno.test("pool.update() keeps a server's state by its identity, whatever its settings and its place", () => {
  const test = new TestPool(poolPlan(weighted([5, 5])));
  const server = test.server("127.0.0.1:2");
  test.pool.setHealth(server, "Healthy");
  test.pool.acquire("192.0.2.1", new Set([test.server("127.0.0.1:1")]));
  server.counters.connected();
  test.update(poolPlan([serverPlan({ port: 9 }), serverPlan({ port: 2, weight: 77, backup: true })]));
  assert.equal(test.server("127.0.0.1:2"), server);
  assert.equal(server.weight, 77);
  assert.equal(server.plan.backup, true);
  assert.equal(server.active, 1);
  const { health, connectionsTotal } = server.counters.read();
  assert.deepEqual({ health, connectionsTotal }, { health: "Healthy", connectionsTotal: 1 });
});

Deno.test("pool.update() gives removed servers nothing new, and new ones their share at once", () => {
  const test = new TestPool(poolPlan(weighted([5, 5])));
  assert.deepEqual(portsOf(test.pool), [1, 2]);
  test.update(poolPlan([serverPlan({ port: 2 }), serverPlan({ port: 3 })]));
  assert.deepEqual(portsOf(test.pool), [2, 3]);
  assert.deepEqual([...test.pool.servers].map((server) => server.plan.port), [2, 3]);
});

Deno.test("pool.update() takes up another algorithm and another whenAllUnhealthy", () => {
  const test = new TestPool(poolPlan(weighted([1, 1])));
  for (const server of test.pool.servers) test.pool.setHealth(server, "Abnormal");
  assert.deepEqual(portsOf(test.pool), [1, 2]);
  test.update(poolPlan(weighted([1, 1]), { whenAllUnhealthy: "reject" }));
  assert.deepEqual(portsOf(test.pool), []);
  test.update(poolPlan(weighted([3, 1]), { algorithm: "wlc" }));
  for (let count = 0; count < 8; count++) test.pool.acquire("192.0.2.1");
  assert.deepEqual([...test.pool.servers].map((server) => server.active), [6, 2]);
});

Deno.test("pool.update() treats a server that comes back as a new one; its totals and connections count on", () => {
  const test = new TestPool(poolPlan(weighted([5, 3])));
  const [kept, gone] = [test.server("127.0.0.1:1"), test.server("127.0.0.1:2")];
  for (const server of [kept, gone]) test.pool.setHealth(server, "Abnormal");
  using _held = test.pool.acquire("192.0.2.1", new Set([kept]));
  gone.counters.connected();
  gone.counters.probed(false, 1);
  gone.turn = -7;
  kept.turn = 7;
  test.update(poolPlan(weighted([5])));
  test.update(poolPlan(weighted([5, 3])));
  const back = test.server("127.0.0.1:2");
  assert.notEqual(back, gone);
  assert.deepEqual([back.turn, back.counters.health], [0, "Unknown"]);
  const { health, lastProbeOk, lastProbeAt, connectionsTotal, connectionsActive } = back.counters.read();
  assert.deepEqual([health, lastProbeOk, lastProbeAt], ["Unknown", null, null]);
  assert.deepEqual([connectionsTotal, connectionsActive], [1, 1]);
  assert.deepEqual([kept.turn, kept.counters.health], [7, "Abnormal"], "one that stayed keeps what is known of it");
  assert.deepEqual(portsOf(test.pool), [2]);
});

Deno.test("pool of a worker that starts over goes on with what the board knows", () => {
  const test = new TestPool(poolPlan(weighted([1, 1])));
  test.pool.setHealth(test.server("127.0.0.1:1"), "Abnormal");
  assert.deepEqual(portsOf(test.successor(poolPlan(weighted([1, 1])))), [2]);
});

Deno.test("pool.setHealth() takes effect in every thread of the listener, and one of them sees the change", () => {
  const plan = poolPlan(weighted([1, 1]));
  const test = new TestPool(plan);
  const other = test.successor(plan);
  const [mine] = test.pool.servers;
  const [theirs] = other.servers;
  assert.ok(mine !== undefined && theirs !== undefined && mine !== theirs);
  assert.deepEqual(portsOf(test.pool), [1, 2]);
  for (const [before, health, ports] of [["Unknown", "Abnormal", [2]], ["Abnormal", "Healthy", [1, 2]]] as const) {
    assert.equal(other.setHealth(theirs, health), before);
    assert.deepEqual(portsOf(test.pool), ports);
    assert.equal(test.pool.setHealth(mine, health), health, "no news any more");
    assert.deepEqual(portsOf(other), ports);
  }
});

Deno.test("lease of a removed server still gives it back, and the server that comes back counts on", () => {
  const test = new TestPool(poolPlan(weighted([1])));
  const [first, second] = [test.pool.acquire("192.0.2.1"), test.pool.acquire("192.0.2.1")];
  const counters = first?.server.counters;
  test.update(poolPlan([serverPlan({ port: 7 })]));
  first?.[Symbol.dispose]();
  assert.equal(counters?.active, 1);
  test.update(poolPlan(weighted([1])));
  assert.equal(test.server("127.0.0.1:1").active, 1);
  second?.[Symbol.dispose]();
  assert.equal(test.server("127.0.0.1:1").active, 0);
});

Deno.test("server.active equals the leases held at every moment, and is 0 when all are back", () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("acquire" as const), tried: fc.subarray([1, 2, 3]) }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("dispose" as const), which: fc.nat(20) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant("health" as const),
          port: fc.integer({ min: 1, max: 3 }),
          health: fc.constantFrom<HealthState>("Healthy", "Abnormal", "Unknown"),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant("update" as const),
          weights: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 3 }),
          algorithm: fc.constantFrom<PoolPlan["algorithm"]>("wrr", "wlc"),
        }),
      },
    ),
    { maxLength: 60 },
  );
  fc.assert(fc.property(steps, (steps) => {
    const test = new TestPool(poolPlan(weighted([3, 2, 1])));
    const held: Lease[] = [];
    const ever: Lease[] = [];
    for (const step of steps) {
      const servers = [...test.pool.servers];
      if (step.kind === "acquire") {
        const tried = new Set(servers.filter((server) => step.tried.includes(server.plan.port ?? 0)));
        const lease = test.pool.acquire("192.0.2.1", tried);
        if (lease !== undefined) {
          held.push(lease);
          ever.push(lease);
        }
      } else if (step.kind === "dispose") {
        const [lease] = held.splice(step.which, 1);
        lease?.[Symbol.dispose]();
      } else if (step.kind === "health") {
        const server = servers.find((server) => server.plan.port === step.port);
        if (server !== undefined) test.pool.setHealth(server, step.health);
      } else {
        test.update(poolPlan(weighted(step.weights), { algorithm: step.algorithm }));
      }
      for (const server of test.pool.servers) {
        assert.equal(server.active, held.filter((lease) => lease.server.plan.key === server.plan.key).length);
      }
    }
    for (const lease of ever) lease[Symbol.dispose]();
    for (const lease of ever) assert.equal(lease.server.active, 0);
    for (const server of test.pool.servers) assert.equal(server.active, 0);
  }));
});
