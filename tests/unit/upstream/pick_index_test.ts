/** The index picks what the plain algorithms pick, whatever happens in between. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { PickIndex } from "../../../src/upstream/pick_index.ts";
import { weightedLeastConnections } from "../../../src/upstream/weighted_least_connections.ts";
import { weightedRoundRobin } from "../../../src/upstream/weighted_round_robin.ts";

interface Model {
  readonly weight: number;
  active: number;
  turn: number;
  readonly hash: number;
}

const SERVERS = fc.array(
  fc.record({
    // Few different ones, so that several servers share a cell.
    weight: fc.constantFrom(1, 2, 3, 10, 100),
    active: fc.nat(4),
    turn: fc.integer({ min: -50, max: 50 }),
  }),
  { minLength: 1, maxLength: 40, size: "max" },
);

/** A pick, with some left out and then held or not; connections that end; others that come and go elsewhere; a flush. */
const STEPS = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("pick"), at: fc.nat(50) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("hold"), at: fc.nat(50) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("end"), at: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("without"), at: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("elsewhere"), at: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("flush"), at: fc.nat(50) }) },
  ),
  { maxLength: 200, size: "max" },
);

for (
  const [name, schedule, byLoad] of [
    ["round robin", weightedRoundRobin, false],
    ["least connections", weightedLeastConnections, true],
  ] as const
) {
  Deno.test(`PickIndex picks by ${name} exactly as it is done by looking at each server`, () => {
    fc.assert(
      fc.property(SERVERS, STEPS, (given, steps) => {
        const plain = given.map((server): Model => ({ ...server, hash: 0 }));
        const indexed = given.map((server): Model => ({ ...server, hash: 0 }));
        let index = new PickIndex(indexed, byLoad);
        const change = (place: number, by: number) => {
          for (const server of [plain[place], indexed[place]]) if (server !== undefined) server.active += by;
        };
        for (const { kind, at } of steps) {
          const place = at % given.length;
          if (kind === "flush") {
            index.flush();
            assert.deepEqual(indexed, plain);
            index = new PickIndex(indexed, byLoad);
          } else if (kind === "elsewhere") {
            for (const other of [place, (place + 7) % given.length]) change(other, at % 5);
            index.refresh();
          } else if (kind === "end") {
            const server = indexed[place];
            if (server === undefined || server.active === 0) continue;
            change(place, -1);
            index.moved(server);
          } else {
            const left = (servers: readonly Model[]) =>
              new Set(kind === "without" ? servers.filter((_, other) => (other + at) % 3 === 0) : []);
            const [mine, theirs] = [left(indexed), left(plain)];
            const expected = schedule(plain.filter((server) => !theirs.has(server)));
            const picked = index.pick(mine);
            const position = picked === undefined ? -1 : indexed.indexOf(picked);
            assert.equal(position, expected === undefined ? -1 : plain.indexOf(expected));
            if (picked === undefined || kind === "pick") continue;
            change(position, 1);
            index.moved(picked);
          }
        }
        index.flush();
        assert.deepEqual(indexed, plain);
      }),
      { numRuns: 300 },
    );
  });
}

Deno.test("PickIndex picks nobody when all are left out, and goes on when they are back", () => {
  const servers = [1, 2].map((weight): Model => ({ weight, active: 0, turn: 0, hash: 0 }));
  const index = new PickIndex(servers, true);
  assert.equal(index.pick(new Set(servers)), undefined);
  assert.equal(index.pick(new Set()), servers[1]);
});

Deno.test("PickIndex.flush() leaves servers alone that are gone", () => {
  const servers = [1, 1].map((weight): Model => ({ weight, active: 0, turn: 0, hash: 0 }));
  const index = new PickIndex(servers, false);
  index.pick(new Set());
  index.flush((server) => server === servers[0]);
  assert.deepEqual(servers.map(({ turn }) => turn), [-1, 0]);
});
