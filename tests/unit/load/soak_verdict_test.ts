import assert from "node:assert/strict";
import { type Course, judge, median, robustSlope, type Sample } from "../../soak/verdict.ts";
import { Tally } from "../../load/tally.ts";

const COURSE: Course = {
  seconds: 3600,
  warmUp: 600,
  processorShare: 0.2,
  longestPauseAt: 1,
  load: "200 requests a second",
  changes: "none",
  descriptorsBefore: 80,
  descriptorsAfter: 82,
  workerRestarts: 0,
  faultsInLog: [],
};

/** An hour of samples; what a test does not say is calm. */
function hour(change: (seconds: number) => Partial<Sample> = () => ({})): Sample[] {
  return Array.from({ length: 360 }, (_, index) => ({
    seconds: index * 10,
    memory: 200e6 + (index % 7) * 1e6,
    heap: 20e6,
    descriptors: 10_000,
    connections: 5000,
    delays: { tcp: 0.5, tls: 0.6, admin: 1, bare: 0.1, worst: 9 },
    ...change(index * 10),
  }));
}

function served(): Tally {
  const tally = new Tally();
  tally.done(tally.begin("short"));
  return tally;
}

Deno.test("robustSlope() is that of the line, whatever a few points do", () => {
  const line = Array.from({ length: 40 }, (_, x): [number, number] => [x, 5 + 3 * x]);
  assert.equal(robustSlope(line), 3);
  assert.equal(robustSlope(line.map(([x, y]) => [x, x % 10 === 0 ? y + 1e9 : y])), 3);
  assert.equal(robustSlope([]), 0);
  assert.equal(robustSlope([[1, 1]]), 0);
  assert.equal(robustSlope([[1, 1], [1, 9]]), 0);
});

Deno.test("median() is the middle", () => {
  for (const [values, expected] of [[[], 0], [[4], 4], [[4, 1], 2.5], [[9, 1, 4], 4]] as const) {
    assert.equal(median(values), expected);
  }
});

Deno.test("a soak run passes when nothing grew and nothing failed", () => {
  const { table, faults } = judge(hour(), served(), COURSE);
  assert.deepEqual(faults, []);
  assert.match(table, /memory in 10 minutes +\+0 B/);
});

const FAULTS: readonly (readonly [what: string, samples: Sample[], course: Partial<Course>, fault: RegExp])[] = [
  ["memory grows", hour((seconds) => ({ memory: 200e6 + seconds * 2000 })), {}, /memory grows by 1\.2 MB/],
  ["descriptors are left", hour(), { descriptorsAfter: 86 }, /86 descriptors after the load, 80 before/],
  ["descriptors are lost", hour(), { descriptorsAfter: 74 }, /74 descriptors/],
  [
    "echoes take longer",
    hour((seconds) => ({ delays: { tcp: 0.5 + seconds / 1000, tls: 0.6, admin: 1, bare: 0.1, worst: 9 } })),
    {},
    /TCP echo beyond that: 0\.99, 3\.40 ms/,
  ],
  [
    "the admin API takes longer",
    hour((seconds) => ({ delays: { tcp: 0.5, tls: 0.6, admin: 1 + seconds / 1000, bare: 0.1, worst: 9 } })),
    {},
    /admin API/,
  ],
  ["a thread was replaced", hour(), { workerRestarts: 1 }, /1 threads were replaced/],
  ["the log has a fault", hour(), { faultsInLog: ["unhandled rejection"] }, /unhandled rejection/],
  ["there is too little to see", hour().slice(0, 65), {}, /only 5 samples/],
];

for (const [what, samples, course, fault] of FAULTS) {
  Deno.test(`a soak run fails when ${what}`, () => {
    const { faults } = judge(samples, served(), { ...COURSE, ...course });
    assert.equal(faults.length, 1, faults.join("\n"));
    assert.match(faults[0] ?? "", fault);
  });
}

Deno.test("a soak run fails when a client did, a byte was wrong or nothing was served", () => {
  const tally = new Tally();
  tally.failed(tally.begin("short"), "ended before an answer");
  tally.wrongBytes = 2;
  const { faults } = judge(hour(), tally, COURSE);
  assert.equal(faults.length, 3);
});

Deno.test("a soak run does not take memory that grew at first for a leak, nor delays that the machine had without Weir", () => {
  const samples = hour((seconds) => ({
    memory: 200e6 + Math.min(seconds, 600) * 1e5,
    delays: { tcp: 0.5 + seconds / 1000, tls: 0.6 + seconds / 1000, admin: 1, bare: 0.1 + seconds / 1000, worst: 9 },
  }));
  assert.deepEqual(judge(samples, served(), COURSE).faults, []);
});
