/** Which failures of clients under load have a good reason. @module */

import assert from "node:assert/strict";
import { type Attempt, Tally } from "../../load/tally.ts";

/** What becomes of clients that fail, in their order. */
function outcomes(tally: Tally, attempts: readonly Attempt[]): string[] {
  return attempts.map((attempt) => {
    const before = { excused: tally.excused, takenLast: tally.takenLast };
    tally.failed(attempt, "ended");
    return tally.takenLast > before.takenLast ? "last" : tally.excused > before.excused ? "excused" : "failed";
  });
}

const begun = (startedAt: number, server: string | null = null): Attempt => ({ what: "short", startedAt, server });

Deno.test("a thread that hangs takes down what it had, and one more unanswered client; no other", () => {
  const tally = new Tally();
  const excuse = tally.excuse(null);
  const hung = excuse.from + 10;
  excuse.begunBefore = hung;
  assert.deepEqual(outcomes(tally, [begun(hung - 1, "s1"), begun(hung - 1)]), ["excused", "excused"]);
  assert.deepEqual(outcomes(tally, [begun(hung + 1)]), ["failed"], "before it is known that it has hung");
  excuse.spare = 1;
  const late = [begun(hung + 1, "s1"), begun(hung + 1), begun(hung - 1), begun(hung + 1)];
  assert.deepEqual(outcomes(tally, late), ["failed", "last", "excused", "failed"]);
  excuse.to = hung + 100;
  excuse.spare = 1;
  assert.deepEqual(outcomes(tally, [begun(hung + 101), begun(hung + 99)]), ["failed", "last"], "it is over");
  assert.deepEqual([tally.excused, tally.takenLast, tally.failures.length], [5, 2, 4]);
});

Deno.test("a server that is killed excuses its own clients, and those that no server has answered", () => {
  const tally = new Tally();
  tally.excuse("s1");
  const now = performance.now();
  assert.deepEqual(outcomes(tally, [begun(now, "s1"), begun(now), begun(now, "s2")]), ["excused", "excused", "failed"]);
  tally.mayRefuse = true;
  assert.deepEqual(outcomes(new Tally(), [begun(now)]), ["failed"]);
  tally.failed(begun(now), "refused");
  assert.equal(tally.refused, 1);
});
