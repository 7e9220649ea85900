/** How ports are opened beside a Weir that is replaced, and where the kernel hands clients on. @module */

import assert from "node:assert/strict";
import { SocketPolicy } from "../../../src/control/socket_policy.ts";
import type { ListenerPlan } from "../../../src/config/model.ts";
import { listenerPlan, poolPlan } from "../plans.ts";

const planOf = (given: Partial<ListenerPlan>) => listenerPlan({ pool: poolPlan([]), ...given });
const ports = (first: number, last = first) => [{ first, last }];
const held = [{ address: "127.0.0.1", ports: ports(80, 82) }, { address: "0.0.0.0", ports: ports(443) }];

Deno.test("SocketPolicy shares ports, unless they are many or the kernel hands clients on", () => {
  const plain = new SocketPolicy({ migrates: false, held: [] });
  assert.equal(plain.kindOf(planOf({ ports: ports(80) })), "shared");
  assert.equal(plain.kindOf(planOf({ ports: ports(1000, 1200) })), "beside");
  const migrating = new SocketPolicy({ migrates: true, held: [] });
  assert.equal(migrating.kindOf(planOf({ ports: ports(80) })), "beside");
});

const PLACES: [address: string, port: number, expected: number[]][] = [
  ["127.0.0.1", 82, [82]],
  ["127.0.0.2", 82, []],
  ["0.0.0.0", 82, [82]],
  ["::", 82, [82]],
  ["::1", 443, []],
  ["10.0.0.1", 443, [443]],
  ["127.0.0.1", 83, []],
];

for (const [address, port, expected] of PLACES) {
  Deno.test(`SocketPolicy opens ${address} port ${port} ${expected.length > 0 ? "beside" : "as ever"}`, () => {
    const policy = new SocketPolicy({ migrates: false, held });
    const plan = planOf({ address, ports: ports(port) });
    assert.deepEqual(policy.heldAmong(plan, [port]), expected);
    assert.equal(policy.kindOf(plan), expected.length > 0 ? "beside" : "shared");
    policy.release();
    assert.deepEqual(policy.heldAmong(plan, [port]), [], "once the other Weir has gone");
    assert.equal(policy.kindOf(plan), "shared");
  });
}

Deno.test("SocketPolicy tells the ports of a range that are held from those that are not", () => {
  const policy = new SocketPolicy({ migrates: false, held });
  assert.deepEqual(policy.heldAmong(planOf({ address: "127.0.0.1", ports: ports(79, 84) }), [79, 80, 82, 84]), [
    80,
    82,
  ]);
});
