/** Who is let in, and what is counted. @module */

import assert from "node:assert/strict";
import { ListenerCounters } from "../../../src/board/board.ts";
import { LISTENER } from "../../../src/board/layout.ts";
import { compileRanges } from "../../../src/net/address_set.ts";
import { admit, type Gate } from "../../../src/session/admit.ts";

function gate(settings: Partial<Gate>): Gate {
  const counters = new ListenerCounters(new SharedArrayBuffer(LISTENER.words * 4));
  return { counters, access: null, maxConnections: null, maxNewConnections: null, ...settings };
}

const office = { groups: ["office"], ranges: compileRanges(["192.0.2.0/24", "2001:db8::/32"]) };
const table: readonly [mode: "whitelist" | "blacklist", address: string, verdict: "denied" | undefined][] = [
  ["whitelist", "192.0.2.9", undefined],
  ["whitelist", "::ffff:192.0.2.9", undefined],
  ["whitelist", "2001:db8::9", undefined],
  ["whitelist", "198.51.100.1", "denied"],
  ["whitelist", "::1", "denied"],
  ["blacklist", "192.0.2.9", "denied"],
  ["blacklist", "::ffff:192.0.2.9", "denied"],
  ["blacklist", "198.51.100.1", undefined],
];

for (const [mode, address, verdict] of table) {
  Deno.test(`admit() with a ${mode} says ${verdict ?? "in"} to ${address}`, () => {
    const one = gate({ access: { mode, ...office } });
    assert.equal(admit(address, one), verdict);
    assert.equal(one.counters.read().connectionsActive, verdict === undefined ? 1 : 0);
  });
}

Deno.test("admit() holds maxConnections exactly, and lowering it interrupts nobody", () => {
  const one = { ...gate({ maxConnections: 3 }) };
  const verdicts = Array.from({ length: 5 }, () => admit("192.0.2.1", one));
  assert.deepEqual(verdicts, [undefined, undefined, undefined, "limit", "limit"]);
  const lower = { ...one, maxConnections: 1 };
  assert.equal(admit("192.0.2.1", lower), "limit");
  assert.equal(one.counters.read().connectionsActive, 3);
  one.counters.closed("client_closed");
  one.counters.closed("client_closed");
  assert.equal(admit("192.0.2.1", lower), "limit");
  one.counters.closed("client_closed");
  assert.equal(admit("192.0.2.1", lower), undefined);
});

Deno.test("admit() holds maxNewConnections, and what is over does not stay open", () => {
  const one = gate({ maxNewConnections: 2 });
  const verdicts = Array.from({ length: 4 }, () => admit("192.0.2.1", one));
  assert.deepEqual(verdicts, [undefined, undefined, "limit", "limit"]);
  assert.equal(one.counters.read().connectionsActive, 2);
});

Deno.test("admit() checks the access list before it takes from the limits", () => {
  const one = gate({ access: { mode: "blacklist", ...office }, maxNewConnections: 1 });
  assert.equal(admit("192.0.2.1", one), "denied");
  assert.equal(admit("198.51.100.1", one), undefined);
});
