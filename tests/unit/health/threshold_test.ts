/** The health state machine, result by result. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { HEALTH_STATES, type HealthState } from "../../../src/board/layout.ts";
import { afterResult, decidedAs, type HealthStatus, type Thresholds, UNKNOWN } from "../../../src/health/threshold.ts";

/** `+` is a success, `-` a failure. */
function follow(results: string, thresholds: Thresholds, from: HealthState = "Unknown"): HealthState[] {
  const states: HealthState[] = [];
  let status: HealthStatus = { ...UNKNOWN, state: from };
  for (const result of results) {
    status = afterResult(status, result === "+", thresholds);
    states.push(status.state);
  }
  return states;
}

const THREE: Thresholds = { unhealthyThreshold: 3, healthyThreshold: 3 };

const CASES: readonly {
  readonly what: string;
  readonly from: HealthState;
  readonly results: string;
  /** One letter a state: U, H, A. */
  readonly expected: string;
  readonly thresholds?: Thresholds;
}[] = [
  { what: "calls an Unknown server Healthy after its first success", from: "Unknown", results: "+", expected: "H" },
  { what: "leaves a server Unknown until the failures reach", from: "Unknown", results: "---", expected: "UUA" },
  {
    what: "calls an Unknown server Healthy though it has failed before",
    from: "Unknown",
    results: "--+",
    expected: "UUH",
  },
  { what: "starts counting anew after a success", from: "Unknown", results: "--+--+---", expected: "UUHHHHHHA" },
  { what: "keeps a Healthy server through too few failures", from: "Healthy", results: "--+--+", expected: "HHHHHH" },
  { what: "calls a Healthy server Abnormal when they reach", from: "Healthy", results: "----", expected: "HHAA" },
  {
    what: "keeps a server Abnormal through too few successes",
    from: "Abnormal",
    results: "++-++-",
    expected: "AAAAAA",
  },
  { what: "calls an Abnormal server Healthy when they reach", from: "Abnormal", results: "++++", expected: "AAHH" },
  { what: "never settles on alternating results once Healthy", from: "Unknown", results: "+-+-+-", expected: "HHHHHH" },
  {
    what: "counts the two thresholds each for itself",
    from: "Healthy",
    results: "--++++-",
    expected: "HAAAAHH",
    thresholds: { unhealthyThreshold: 2, healthyThreshold: 4 },
  },
];

for (const { what, from, results, expected, thresholds = THREE } of CASES) {
  Deno.test(`afterResult() ${what}`, () => {
    assert.equal(follow(results, thresholds, from).map((state) => state[0]).join(""), expected);
  });
}

Deno.test("afterResult() needs exactly the threshold, for every threshold from 2 to 10", () => {
  for (let count = 2; count <= 10; count++) {
    const down = follow("-".repeat(count), { unhealthyThreshold: count, healthyThreshold: 2 }, "Healthy");
    assert.equal(down.indexOf("Abnormal"), count - 1);
    const first = follow("-".repeat(count), { unhealthyThreshold: count, healthyThreshold: 2 }, "Unknown");
    assert.equal(first.indexOf("Abnormal"), count - 1);
    const up = follow("+".repeat(count), { unhealthyThreshold: 2, healthyThreshold: count }, "Abnormal");
    assert.equal(up.indexOf("Healthy"), count - 1);
  }
});

Deno.test("afterResult() takes up lower thresholds with the run that is under way", () => {
  let status: HealthStatus = { ...UNKNOWN, state: "Healthy" };
  for (let count = 0; count < 4; count++) status = afterResult(status, false, { ...THREE, unhealthyThreshold: 10 });
  assert.equal(status.state, "Healthy");
  assert.equal(afterResult(status, false, { ...THREE, unhealthyThreshold: 2 }).state, "Abnormal");
});

Deno.test("afterResult() agrees with looking at the whole history", () => {
  const threshold = fc.integer({ min: 2, max: 10 });
  const state = fc.constantFrom(...HEALTH_STATES.filter((state) => state !== "Disabled"));
  const results = fc.array(fc.boolean(), { maxLength: 80 });
  fc.assert(fc.property(threshold, threshold, state, results, (unhealthyThreshold, healthyThreshold, from, results) => {
    let status: HealthStatus = { ...UNKNOWN, state: from };
    let expected: HealthState = from;
    for (const [index, ok] of results.entries()) {
      status = afterResult(status, ok, { unhealthyThreshold, healthyThreshold });
      const needed = ok ? healthyThreshold : unhealthyThreshold;
      const last = results.slice(Math.max(0, index + 1 - needed), index + 1);
      const inARow = last.length === needed && last.every((result) => result === ok);
      if (inARow || (ok && expected === "Unknown")) expected = ok ? "Healthy" : "Abnormal";
      assert.equal(status.state, expected, `after ${index + 1} results`);
    }
  }));
});

Deno.test("decidedAs() counts from nothing: it takes the whole threshold to change sides", () => {
  for (let threshold = 2; threshold <= 10; threshold++) {
    const thresholds = { unhealthyThreshold: threshold, healthyThreshold: threshold };
    for (const [state, ok] of [["Abnormal", true], ["Healthy", false]] as const) {
      let status = decidedAs(state);
      for (let count = 1; count < threshold; count++) {
        status = afterResult(status, ok, thresholds);
        assert.equal(status.state, state, `after ${count} of ${threshold}`);
      }
      assert.equal(afterResult(status, ok, thresholds).state, ok ? "Healthy" : "Abnormal");
    }
  }
});
