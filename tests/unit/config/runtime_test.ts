/** Overrides and addresses at run time: what a model is made with beside the file. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Model, PoolPlan } from "../../../src/config/model.ts";
import { resolveModel } from "../../../src/config/resolve.ts";
import { serverNames } from "../../../src/config/resolve_pools.ts";
import {
  drainedBy,
  drainsOf,
  drainsOnly,
  type Overrides,
  type OverrideScope,
  overridesWithin,
  type ServerOverride,
  withOverride,
} from "../../../src/config/runtime.ts";
import { loadText } from "../../config/load_text.ts";

const GROUP: OverrideScope = { kind: "group", name: "web" };
const FRONT: OverrideScope = { kind: "listener", name: "front" };
const NONE: Overrides = new Map();

const valid = loadText(`
backendGroups:
  web:
    servers:
      - { address: 10.0.0.11, ports: [80, 81], weight: 7 }
      - { address: app.internal, port: 80, weight: 5 }
listeners:
  - { name: front, protocol: TCP, port: 9000, backendGroup: web }
  - { name: side, protocol: TCP, port: 9001, backendGroup: web }
  - name: own
    protocol: TCP
    port: 9002
    backends: { servers: [{ address: 10.0.0.11, port: 80 }] }
`);
const ADDRESSES = new Map([["app.internal", ["10.0.0.21", "10.0.0.22"]]]);
const modelOf = (overrides: Overrides, addresses = ADDRESSES) =>
  resolveModel(valid, { addresses, overrides, processors: 1 });

/** Weights by server, `!` behind those that are drained. */
function seen(pool: PoolPlan | undefined): string {
  return (pool?.servers ?? []).map(({ weight, draining }) => `${weight}${draining ? "!" : ""}`).join(" ");
}

type Change = readonly [OverrideScope, server: string, ServerOverride];

/** What the group and its two listeners look like after these changes, in this order. */
function after(...changes: readonly Change[]): string[] {
  const overrides = changes.reduce(
    (before, [scope, server, change]) => withOverride(before, scope, server, change, modelOf(before)),
    NONE,
  );
  const { groups, listeners } = modelOf(overrides);
  return [groups.get("web"), listeners.get("front")?.pool, listeners.get("side")?.pool].map(seen);
}

const AS_CONFIGURED = "7 7 5 5";

Deno.test("overrides hold where they were made: in a group's listeners, or in one listener", () => {
  assert.deepEqual(after(), [AS_CONFIGURED, AS_CONFIGURED, AS_CONFIGURED]);
  const inGroup = "7! 7 5 5";
  assert.deepEqual(after([GROUP, "10.0.0.11:80", { draining: true }]), [inGroup, inGroup, inGroup]);
  assert.deepEqual(after([FRONT, "10.0.0.11:80", { draining: true }]), [AS_CONFIGURED, inGroup, AS_CONFIGURED]);
  assert.deepEqual(after([FRONT, "10.0.0.11:81", { weight: 0 }]), [AS_CONFIGURED, "7 0 5 5", AS_CONFIGURED]);
  const { listeners } = modelOf(withOverride(NONE, GROUP, "10.0.0.11:80", { draining: true }, modelOf(NONE)));
  assert.equal(seen(listeners.get("own")?.pool), "10", "the same server in another group is another matter");
});

Deno.test("overrides of a name hold for all its addresses, those of an address for that one", () => {
  const named = "7 7 50 50";
  assert.deepEqual(after([GROUP, "app.internal:80", { weight: 50 }]), [named, named, named]);
  const one = "7 7 5 60";
  assert.deepEqual(after([GROUP, "10.0.0.22:80", { weight: 60 }]), [one, one, one]);
  const both = "7 7 50 60";
  assert.deepEqual(
    after([GROUP, "app.internal:80", { weight: 50 }], [GROUP, "10.0.0.22:80", { weight: 60 }]),
    [both, both, both],
  );
});

Deno.test("overrides add up: a weight leaves a drain alone, and a drain leaves a weight alone", () => {
  const both = "9! 7 5 5";
  const drain = [GROUP, "10.0.0.11:80", { draining: true }] as const;
  const weight = [GROUP, "10.0.0.11:80", { weight: 9 }] as const;
  assert.deepEqual(after(drain, weight), [both, both, both]);
  assert.deepEqual(after(weight, drain), [both, both, both]);
  const resumed = "9 7 5 5";
  assert.deepEqual(after(weight, drain, [GROUP, "10.0.0.11:80", { draining: false }]), [
    resumed,
    resumed,
    resumed,
  ]);
});

Deno.test("a change for more undoes what was set for less of it before", () => {
  const cases: [title: string, changes: Change[], expected: string[]][] = [
    ["a group's resume ends a listener's drain", [
      [FRONT, "10.0.0.11:80", { draining: true, weight: 3 }],
      [GROUP, "10.0.0.11:80", { draining: false }],
    ], [AS_CONFIGURED, "3 7 5 5", AS_CONFIGURED]],
    ["a group's weight goes before a listener's older one", [
      [FRONT, "10.0.0.11:80", { draining: true, weight: 3 }],
      [GROUP, "10.0.0.11:80", { weight: 4 }],
    ], ["4 7 5 5", "4! 7 5 5", "4 7 5 5"]],
    ["a listener's weight goes before its group's", [
      [GROUP, "10.0.0.11:80", { weight: 4 }],
      [FRONT, "10.0.0.11:80", { weight: 3 }],
    ], ["4 7 5 5", "3 7 5 5", "4 7 5 5"]],
    ["a listener cannot resume what its group drains", [
      [GROUP, "10.0.0.11:80", { draining: true }],
      [FRONT, "10.0.0.11:80", { draining: false }],
    ], ["7! 7 5 5", "7! 7 5 5", "7! 7 5 5"]],
    ["a name's resume ends the drain of its addresses", [
      [GROUP, "10.0.0.21:80", { draining: true }],
      [FRONT, "10.0.0.22:80", { draining: true }],
      [GROUP, "app.internal:80", { draining: false }],
    ], [AS_CONFIGURED, AS_CONFIGURED, AS_CONFIGURED]],
    ["a name's weight goes before an address's older one", [
      [FRONT, "10.0.0.21:80", { weight: 1 }],
      [FRONT, "app.internal:80", { weight: 2 }],
    ], [AS_CONFIGURED, "7 7 2 2", AS_CONFIGURED]],
    ["an address cannot be resumed while its name is drained", [
      [FRONT, "app.internal:80", { draining: true }],
      [FRONT, "10.0.0.21:80", { draining: false }],
    ], [AS_CONFIGURED, "7 7 5! 5!", AS_CONFIGURED]],
  ];
  for (const [title, changes, expected] of cases) assert.deepEqual(after(...changes), expected, title);
});

Deno.test("withOverride() leaves nothing behind when it is undone, and never changes what it was given", () => {
  const drained = withOverride(NONE, FRONT, "10.0.0.11:80", { draining: true }, modelOf(NONE));
  assert.equal(withOverride(drained, FRONT, "10.0.0.11:80", { draining: false }, modelOf(drained)).size, 0);
  assert.equal(withOverride(drained, GROUP, "10.0.0.11:80", { draining: false }, modelOf(drained)).size, 0);
  assert.deepEqual([NONE.size, drained.size], [0, 1]);
});

Deno.test("drainsOnly() forgets weights: after a reload those of the file hold", () => {
  const changes = [
    [GROUP, "10.0.0.11:80", { draining: true, weight: 3 }],
    [GROUP, "10.0.0.11:81", { weight: 3 }],
    [FRONT, "app.internal:80", { draining: true }],
  ] as const;
  const overrides = changes.reduce((all, [scope, server, change]) => {
    return withOverride(all, scope, server, change, modelOf(all));
  }, NONE);
  assert.deepEqual(seen(modelOf(drainsOnly(overrides)).listeners.get("front")?.pool), "7! 7 5! 5!");
  assert.equal(drainsOnly(drainsOnly(overrides)).size, 2);
});

Deno.test("overridesWithin() forgets servers that have gone, and keeps those whose name has no address right now", () => {
  const overrides = [
    [GROUP, "10.0.0.11:80"],
    [FRONT, "10.0.0.21:80"],
    [FRONT, "app.internal:80"],
    [{ kind: "listener", name: "own" }, "10.0.0.11:80"],
  ].reduce(
    (all, [scope, server]) =>
      withOverride(all, scope as OverrideScope, server as string, { draining: true }, modelOf(all)),
    NONE,
  );
  const kept = (model: Model) => [...overridesWithin(overrides, model).keys()];
  assert.deepEqual(kept(modelOf(NONE)), [...overrides.keys()]);
  assert.deepEqual(kept(modelOf(NONE, new Map())), [
    "group web 10.0.0.11:80",
    "listener front app.internal:80",
    "listener own 10.0.0.11:80",
  ]);
  assert.deepEqual(kept(modelOf(NONE, new Map([["app.internal", ["2001:db8::1"]]]))), [
    "group web 10.0.0.11:80",
    "listener front app.internal:80",
    "listener own 10.0.0.11:80",
  ], "nor does an answer of the other family make a difference");
  const other = resolveModel(loadText(
    "backendGroups: { web: {} }\nlisteners: [{ name: own, protocol: TCP, port: 1, backendGroup: web }]",
  ));
  assert.deepEqual(kept(other), []);
});

const change = fc.record(
  { weight: fc.integer({ min: 0, max: 100 }), draining: fc.boolean() },
  { requiredKeys: [] },
);
const step = fc.tuple(
  fc.constantFrom(GROUP, FRONT),
  fc.constantFrom("10.0.0.11:80", "app.internal:80", "10.0.0.21:80", "10.0.0.22:80"),
  change,
);

Deno.test("whatever came before, a change in a group holds in the group and in every listener that uses it", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 8 }), change, (before, last) => {
    const overrides = [...before, [GROUP, "app.internal:80", last] as const].reduce(
      (all, [scope, server, one]) => withOverride(all, scope, server, one, modelOf(all)),
      NONE,
    );
    const { groups, listeners } = modelOf(overrides);
    for (const pool of [groups.get("web"), listeners.get("front")?.pool, listeners.get("side")?.pool]) {
      for (const server of pool?.servers.filter(({ configured }) => configured === "app.internal:80") ?? []) {
        if (last.weight !== undefined) assert.equal(server.weight, last.weight);
        if (last.draining !== undefined) assert.equal(server.draining, last.draining);
      }
    }
    assert.ok(overridesWithin(overrides, modelOf(overrides)).size === overrides.size, "nothing is lost or left over");
  }));
});

Deno.test("serverNames() finds every host name once, in groups and in place", () => {
  const names = serverNames(loadText(`
backendGroups:
  web: { servers: [{ address: App.Internal, port: 80 }, { address: 10.0.0.1, port: 80 }] }
  unused: { servers: [{ address: idle.internal., port: 80 }] }
listeners:
  - name: front
    protocol: TCP
    port: 9000
    backends: { servers: [{ address: app.internal, ports: [80, 81] }, { address: own, port: 1 }] }
`));
  assert.deepEqual([...names].sort(), ["app.internal", "idle.internal.", "own"]);
});

Deno.test("drainedBy() and drainsOf() are opposites, but for weights", () => {
  const overrides = new Map([
    ["group web 10.0.0.1:80", { draining: true, weight: 3 }],
    ["listener web-1 [2001:db8::1]:80", { draining: true }],
    ["listener web-1 10.0.0.2:80", { weight: 5 }],
  ]);
  assert.deepEqual(drainedBy(overrides), [
    { scope: { kind: "group", name: "web" }, server: "10.0.0.1:80" },
    { scope: { kind: "listener", name: "web-1" }, server: "[2001:db8::1]:80" },
  ]);
  assert.deepEqual(drainsOf(drainedBy(overrides)), drainsOnly(overrides));
});
