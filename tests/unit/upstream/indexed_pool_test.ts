/** A pool of many servers picks as one that looks at each of them. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ServerCounters } from "../../../src/board/board.ts";
import { CLAIMS_KEPT } from "../../../src/board/layout.ts";
import type { Algorithm } from "../../../src/config/model.ts";
import { INDEX_FROM } from "../../../src/upstream/pick_index.ts";
import type { Lease, Server } from "../../../src/upstream/pool.ts";
import { poolPlan, TestPool, weighted } from "../plans.ts";

const COUNT = INDEX_FROM + 8;
const WEIGHTS = fc.array(fc.constantFrom(1, 2, 5, 10), { minLength: COUNT, maxLength: COUNT });
const STEPS = fc.array(
  fc.tuple(
    fc.constantFrom("pick", "pick", "pick", "end", "end", "retry", "abnormal", "healthy", "shrink", "share", "foreign"),
    fc.nat(200),
  ),
  { maxLength: 120, size: "max" },
);

/** One of the two pools, with what it holds. */
class Side {
  readonly test: TestPool;
  readonly held: Lease[] = [];
  readonly #weights: readonly number[];
  readonly #algorithm: Algorithm;

  constructor(weights: readonly number[], algorithm: Algorithm, scans: boolean) {
    this.test = new TestPool(this.plan(weights, algorithm), false, Date.now, scans ? Infinity : INDEX_FROM);
    this.#weights = weights;
    this.#algorithm = algorithm;
  }

  plan(weights: readonly number[], algorithm: Algorithm) {
    return poolPlan(weighted(weights), { algorithm });
  }

  server(place: number): Server | undefined {
    const servers = [...this.test.pool.servers];
    return servers[place % servers.length];
  }

  /** @returns the port that was picked, or 0 */
  acquire(tried: ReadonlySet<Server> = new Set()): number {
    const lease = this.test.pool.acquire("192.0.2.1", tried);
    if (lease !== undefined) this.held.push(lease);
    return lease?.server.plan.port ?? 0;
  }

  do(what: string, at: number): number {
    const server = this.server(at);
    if (what === "pick") return this.acquire();
    if (what === "retry") {
      return this.acquire(new Set([at, at + 1, at + 2].flatMap((place) => this.server(place) ?? [])));
    }
    if (what === "end") this.held.splice(at % Math.max(1, this.held.length), 1)[0]?.[Symbol.dispose]();
    else if (what === "shrink") this.test.update(this.plan(this.#weights.slice(at % 4), this.#algorithm));
    else if (server !== undefined) {
      if (what === "abnormal") this.test.pool.setHealth(server, "Abnormal");
      if (what === "healthy") this.test.pool.setHealth(server, "Healthy");
      // A thread that picks no more, and still counts.
      if (what === "foreign") new ServerCounters(this.test.boards.forWorker("web", 2), server.plan.key).reserve();
    }
    return 0;
  }
}

for (const algorithm of ["wrr", "wlc"] as const) {
  Deno.test(`pool.acquire() by ${algorithm} picks among ${COUNT} servers exactly as a pool that looks at each`, () => {
    fc.assert(
      fc.property(WEIGHTS, STEPS, (weights, steps) => {
        const [scanning, indexed] = [new Side(weights, algorithm, true), new Side(weights, algorithm, false)];
        let shared = false;
        for (const [what, at] of steps) {
          if (what === "share") indexed.test.pool.share(shared = !shared);
          else assert.equal(indexed.do(what, at), scanning.do(what, at), `${what} ${at}`);
        }
        assert.deepEqual(
          [...indexed.test.pool.servers].map(({ active }) => active),
          [...scanning.test.pool.servers].map(({ active }) => active),
        );
      }),
      { numRuns: 200 },
    );
  });
}

Deno.test("pool.acquire() notices the end of a connection to a server that went and came back meanwhile", () => {
  const plan = (count: number) => poolPlan(weighted(new Array(count).fill(1)), { algorithm: "wlc" });
  const test = new TestPool(plan(COUNT));
  const leases = Array.from({ length: COUNT }, () => test.pool.acquire("192.0.2.1") ?? assert.fail());
  test.update(plan(COUNT - 1));
  test.update(plan(COUNT));
  const last = leases.find(({ server }) => server.plan.port === COUNT) ?? assert.fail();
  const another = test.pool.acquire("192.0.2.1") ?? assert.fail();
  another[Symbol.dispose]();
  last[Symbol.dispose]();
  assert.equal(test.pool.acquire("192.0.2.1")?.server.plan.port, COUNT, "it has the fewest connections now");
});

Deno.test("pool.acquire() notices what another thread has done meanwhile, little or much", () => {
  const test = new TestPool(poolPlan(weighted(new Array(COUNT).fill(1)), { algorithm: "wlc" }));
  const memory = test.boards.forWorker("web", 2);
  const others = Array.from({ length: COUNT }, (_, index) => new ServerCounters(memory, `127.0.0.1:${index + 1}`));
  for (const changes of [1, 100, CLAIMS_KEPT - 1, CLAIMS_KEPT, CLAIMS_KEPT + 1, 3 * CLAIMS_KEPT]) {
    for (let change = 0; change < changes; change++) others[change % (COUNT - 1)]?.reserve();
    const fewest = Math.min(...others.map(({ active }) => active));
    const lease = test.pool.acquire("192.0.2.1") ?? assert.fail();
    assert.equal(lease.server.active - 1, fewest, `${changes} changes`);
    lease[Symbol.dispose]();
  }
});

Deno.test("pool.acquire() notices what a thread takes with it that dies", () => {
  const test = new TestPool(poolPlan(weighted(new Array(COUNT).fill(1)), { algorithm: "wlc" }));
  const other = new ServerCounters(test.boards.forWorker("web", 2), "127.0.0.1:1");
  other.reserve();
  const first = Array.from({ length: COUNT - 1 }, () => test.pool.acquire("192.0.2.1")?.server.plan.port);
  assert.ok(!first.includes(1), "it has one already");
  test.boards.settle(2);
  assert.equal(test.pool.acquire("192.0.2.1")?.server.plan.port, 1);
});
