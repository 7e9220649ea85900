/** How many connections the descriptors are good for. @module */

import assert from "node:assert/strict";
import type { Model } from "../../../src/config/model.ts";
import { connectionsWith, countFree, openDescriptor, worthLookingFor } from "../../../src/control/descriptors.ts";
import { listenerPlan, poolPlan, serverPlan, tlsPlan } from "../plans.ts";
import { emptyModel } from "../../support/models.ts";

class NoneLeft extends Error {
  readonly code = "EMFILE";
}

/** A system with so many descriptors. */
function system(free: number) {
  const counted = { taken: 0, most: 0 };
  const open = () => {
    if (counted.taken === free) throw new NoneLeft();
    counted.most = Math.max(counted.most, ++counted.taken);
    return { close: () => void counted.taken-- };
  };
  return { counted, open };
}

const pool = poolPlan([serverPlan()]);
const model = (...plans: readonly Partial<Parameters<typeof listenerPlan>[0]>[]): Model => ({
  ...emptyModel(),
  listeners: new Map(plans.map((plan, index) => [`${index}`, listenerPlan({ pool, port: 1000 + index, ...plan })])),
});

Deno.test("countFree() counts to the end, gives everything back, and stops where it is told to", () => {
  for (const [free, most, found] of [[0, 10, 0], [7, 10, 7], [10, 10, null], [100, 10, null]] as const) {
    const { counted, open } = system(free);
    assert.equal(countFree(most, open), found, `${free} free, ${most} looked for`);
    assert.equal(counted.taken, 0);
    assert.ok(counted.most <= most);
  }
});

Deno.test("countFree() says nothing where descriptors cannot be opened for another reason", () => {
  const open = () => {
    throw new Deno.errors.NotFound("no /dev/null");
  };
  assert.equal(countFree(10, open), null);
});

Deno.test("countFree() finds that this process has some", () => {
  assert.equal(countFree(5, openDescriptor), null);
});

const CASES: readonly (readonly [what: string, free: number, model: Model, connections: number])[] = [
  // 65 for the admin API, files and one probe; 8 and 3 for a worker and a port.
  ["one listener of 1,000", 1000, model({}), (1000 - 65 - 11) / 2],
  ["four threads take more", 1001, model({ workers: 4 }), (1001 - 65 - 32 - 6) / 2],
  ["two listeners", 1000, model({}, {}), (1000 - 66 - 22) / 2],
  [
    "the runtime's TLS needs no copy of the socket",
    1000,
    model({ tls: tlsPlan({ engine: "fast" }) }),
    (1000 - 65 - 9) / 2,
  ],
  ["nor do very many ports", 1001, model({ ports: [{ first: 2000, last: 2199 }] }), (1001 - 65 - 208) / 2],
  ["of very few half goes to connections", 91, model({}), 20],
  ["none: one all the same", 11, model({}), 1],
  ["fewer than listening takes", 100, model({ ports: [{ first: 2000, last: 2199 }] }), 1],
];

for (const [what, free, of, connections] of CASES) {
  Deno.test(`connectionsWith() ${free} free descriptors: ${what}`, () => {
    assert.equal(connectionsWith(free, of), connections);
  });
}

Deno.test("worthLookingFor() looks as far as the limits of the listeners ask for, and no further than is sensible", () => {
  assert.equal(worthLookingFor(model({})), 4096);
  assert.equal(worthLookingFor(model({ maxConnections: 10_000 })), 20_000 + 11 + 65);
  assert.equal(worthLookingFor(model({ maxConnections: 1_000_000 })), 65_536);
});
