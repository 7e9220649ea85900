/** A backlog that an open socket cannot take up is said to wait, and only then. @module */

import assert from "node:assert/strict";
import { diffListeners } from "../../../src/config/diff.ts";
import type { ListenerPlan } from "../../../src/config/model.ts";
import { lateSettings } from "../../../src/control/late_settings.ts";
import { formatProblem } from "../../../src/errors.ts";
import { listenerPlan, poolPlan, tlsPlan } from "../plans.ts";

const TLS = tlsPlan();
const FAST = tlsPlan({ engine: "fast" });

const CHANGES: readonly [what: string, before: Partial<ListenerPlan>, after: Partial<ListenerPlan>, warned: boolean][] =
  [
    ["nothing", {}, {}, false],
    ["another setting", {}, { tcpKeepAlive: false }, false],
    ["the backlog", {}, { backlog: 128 }, true],
    ["the backlog of TCP_SSL", { tls: TLS }, { tls: TLS, backlog: 128 }, true],
    ["the backlog and another setting", {}, { backlog: 128, idleTimeout: 60 }, true],
    ["the backlog and the address", {}, { backlog: 128, address: "127.0.0.2" }, false],
    ["the backlog and the protocol", { tls: TLS }, { backlog: 128 }, false],
    ["the backlog and ipTranslation, which keeps the socket", {}, { backlog: 128, ipTranslation: true }, true],
    [
      "the backlog and ipTranslation of TCP_SSL",
      { tls: TLS },
      { tls: TLS, backlog: 128, ipTranslation: true },
      true,
    ],
    [
      "the backlog and ipTranslation of TCP_SSL with the fast engine, whose sockets are not shared",
      { tls: FAST },
      { tls: FAST, backlog: 128, ipTranslation: true },
      false,
    ],
    ["the backlog and the engine", { tls: FAST }, { tls: TLS, backlog: 128 }, false],
  ];

for (const [what, before, after, warned] of CHANGES) {
  Deno.test(`lateSettings() ${warned ? "warns" : "says nothing"} when what changes is ${what}`, () => {
    const model = (given: Partial<ListenerPlan>) => {
      const plans = [
        listenerPlan({ name: "first", port: 7000, pool: poolPlan([]) }),
        listenerPlan({ port: 8000, pool: poolPlan([]), ...given }),
      ];
      return new Map(plans.map((plan) => [plan.name, plan]));
    };
    const next = model(after);
    assert.deepEqual(
      lateSettings(diffListeners(model(before), next), next, "weir.yaml").map(formatProblem),
      warned
        ? [
          'weir.yaml listeners[1].backlog: takes effect when listener "web" opens its socket next: when its address or protocol changes, or at a restart',
        ]
        : [],
    );
  });
}

Deno.test("lateSettings() says nothing of listeners that start or stop", () => {
  const plan = listenerPlan({ port: 8000, pool: poolPlan([]), backlog: 128 });
  const model = new Map([["web", plan]]);
  assert.deepEqual(lateSettings([{ kind: "start", plan }, { kind: "stop", name: "old" }], model, "weir.yaml"), []);
});
