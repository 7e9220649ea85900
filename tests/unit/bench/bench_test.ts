/** The parts of the benchmark that are no measurement. @module */

import assert from "node:assert/strict";
import { chart } from "../../../bench/chart.ts";
import { readTimes } from "../../../bench/load/openssl.ts";
import { readReport } from "../../../bench/load/wrk.ts";
import { replaceBetween } from "../../../bench/markers.ts";
import { parseOptions } from "../../../bench/options.ts";
import { cellOf, type Row, rowOf } from "../../../bench/results.ts";
import type { Sample } from "../../../bench/slice.ts";
import { median, quantile, shortNumber, spread } from "../../../bench/statistics.ts";
import { costTable, failures, ratioTable, speedTable } from "../../../bench/tables.ts";
import { worstOf } from "../../../bench/threads.ts";
import { IDS, WORKS } from "../../../bench/works.ts";

const DEFAULTS = { rounds: 5, idleRounds: 2, idle: 5000, only: [], quick: false, write: false };

for (
  const [args, expected] of [
    [[], DEFAULTS],
    [["--rounds=7"], { ...DEFAULTS, rounds: 7 }],
    [["--only=tcp,all-tls-new"], { ...DEFAULTS, only: ["tcp", "all-tls-new"] }],
    [["--quick"], { ...DEFAULTS, rounds: 1, idleRounds: 1, idle: 1000, quick: true }],
    [["--write", "--rounds=9"], { ...DEFAULTS, rounds: 9, write: true }],
    [["--rounds=0"], '--rounds must be between 1 and 100, got "0"'],
    [["--rounds"], '--rounds must be between 1 and 100, got ""'],
    [["--rounds=1.5"], '--rounds must be between 1 and 100, got "1.5"'],
    [["--fast"], 'Unknown option "--fast"'],
    [["--quick=yes"], 'Unknown option "--quick=yes"'],
    [["--only=udp"], `--only: nothing begins with "udp"; there are ${IDS.join(", ")}`],
    [["--only=tls,tls-bulk"], `--only: nothing begins with "tls-bulk"; there are ${IDS.join(", ")}`],
    [["--write", "--quick"], "--write needs a full run: neither --quick nor --only"],
    [["--write", "--only=tcp"], "--write needs a full run: neither --quick nor --only"],
  ] as const
) {
  Deno.test(`parseOptions(${args.join(" ")})`, () => assert.deepEqual(parseOptions(args), expected));
}

const REPORT = `Running 1s test @ http://127.0.0.1:1/small
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.32ms    4.8ms  92.10ms   97.50%
    Req/Sec    31.29k     6.95k   34.92k    90.00%
  Latency Distribution
     50%  473.00us
     75%  552.00us
     90%    0.95ms
     99%   24.12ms
  31133 requests in 1.00s, 7.75MB read
`;

Deno.test("readReport() reads what wrk did", () => {
  assert.deepEqual(readReport(REPORT), {
    requests: 31133,
    bytes: 7.75 * 2 ** 20,
    errors: 0,
    p50: 473,
    p99: 24120,
  });
});

Deno.test("readReport() counts every kind of failure", () => {
  const failed = `${REPORT}  Socket errors: connect 1, read 20, write 300, timeout 4000
  Non-2xx or 3xx responses: 50000
`;
  assert.equal(readReport(failed).errors, 54321);
});

Deno.test("readTimes() reads what openssl s_time did", () => {
  const text = "****\n\n533 connections in 0.83s; 642.17 connections/user sec, bytes read 124189\n" +
    "533 connections in 2 real seconds, 233 bytes read per connection\n";
  assert.deepEqual(readTimes(text), { requests: 533, bytes: 533 * 233 });
  assert.deepEqual(readTimes("connect: Connection refused"), { requests: 0, bytes: 0 });
});

Deno.test("median(), quantile() and spread()", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
  assert.equal(quantile([1, 2, 3, 4], 0.99), 4);
  assert.deepEqual(spread([5, null, NaN, 1]), { median: 3, lowest: 1, highest: 5 });
  assert.equal(spread([null]), null);
  assert.deepEqual([0.613, 18.64, 333.4, 43551, NaN].map(shortNumber), ["0.61", "18.6", "333", "43,551", "-"]);
});

Deno.test("worstOf() is how far the largest share is above the mean", () => {
  assert.equal(worstOf([60, 40]).toFixed(6), "0.200000");
  assert.equal(worstOf([5, 5]), 0);
});

const sample = (cost: number, errors = 0): Sample => ({
  cost,
  perSecond: 1000,
  errors,
  p50: 100 * cost,
  p99: 200 * cost,
  busy: 0.5,
});

/** Weir costs 3, HAProxy 2, nginx 1.5; without a proxy there is no cost. */
function rows(errors = 0): Row[] {
  const costs: Readonly<Record<string, number>> = { weir: 3, haproxy: 2, nginx: 1.5, direct: 1 };
  return WORKS.filter(({ id }) => id === "tcp-new").map((work) =>
    rowOf(
      work,
      work.lanes.map((lane) => {
        const cost = costs[lane.name] ?? NaN;
        return cellOf(
          lane,
          [sample(cost, lane.name === "nginx" ? errors : 0), sample(cost + 0.5), sample(cost)]
            .map((one) => lane.program === "direct" ? { ...one, cost: null } : one),
        );
      }),
    )
  );
}

Deno.test("rowOf() compares with both and with the better of them", () => {
  assert.deepEqual(rows()[0]?.ratios, { weir: { haproxy: 1.5, nginx: 2, better: 2 } });
});

Deno.test("costTable() shows medians, spreads and ratios", () => {
  assert.equal(
    costTable({ rows: rows() }).split("\n")[2],
    "| TCP, new connection each | us/connection | 3.00 (3.00-3.50) | 2.00 (2.00-2.50) | 1.50 (1.50-2.00) | 1.50 | 2.00 | **2.00** |",
  );
});

Deno.test("speedTable() shows what a proxy adds to the way without one", () => {
  const [, , speed, p50, p99] = speedTable({ rows: rows() }).split("\n");
  assert.equal(speed, "| TCP, new connection each | a second | 1,000 | 1,000 | 1,000 | 1,000 |");
  assert.equal(p50, "| TCP, new connection each | p50 | +200 us | +100 us | +50 us | 100 us |");
  assert.equal(p99, "| TCP, new connection each | p99 | +400 us | +200 us | +100 us | 200 us |");
});

Deno.test("tables say what failed, wherever it stands", () => {
  const failed = rows(7);
  assert.match(costTable({ rows: failed }), /1\.50 \(1\.50-2\.00\) \*\*7 failed\*\*/);
  assert.match(speedTable({ rows: failed }), /1,000 \*\*7 failed\*\*/);
  assert.deepEqual(failures({ rows: failed, threads: null }), ["TCP, new connection each, nginx: 7 failed"]);
  assert.deepEqual(failures({ rows: rows(), threads: null }), []);
  assert.match(ratioTable({ rows: rows() }), /\*\*2\.00\*\*/);
});

Deno.test("chart() has a bar for each program, the better of the others being 1", () => {
  const svg = chart({ rows: rows(), at: "2026-01-02T03:04:05Z", versions: { weir: "0.1.0", haproxy: "2.6.12" } });
  assert.deepEqual([...svg.matchAll(/class="value"[^>]*>(\d\.\d\d)</g)].map(([, value]) => value), [
    "2.00",
    "1.33",
    "1.00",
  ]);
  assert.match(svg, /prefers-color-scheme: dark/);
  assert.match(svg, /HAProxy 2\.6\.12/);
  assert.equal(svg.split("<svg").length, 2);
});

Deno.test("replaceBetween() writes between the markers and nowhere else", () => {
  const text = "before\n<!-- bench:a -->\nold\n<!-- /bench:a -->\nafter\n<!-- bench:b -->\n<!-- /bench:b -->\n";
  assert.equal(
    replaceBetween(text, "a", "new\n"),
    "before\n<!-- bench:a -->\n\nnew\n\n<!-- /bench:a -->\nafter\n<!-- bench:b -->\n<!-- /bench:b -->\n",
  );
  assert.throws(() => replaceBetween(text, "c", ""), /must have one <!-- bench:c -->/);
  assert.throws(() => replaceBetween(text + text, "a", ""), /must have one/);
});

Deno.test("WORKS have ids of their own, and each is compared with HAProxy and nginx", () => {
  assert.equal(new Set(WORKS.map(({ id }) => id)).size, WORKS.length);
  for (const { id, lanes } of WORKS) {
    for (const program of ["weir", "haproxy", "nginx"]) assert.ok(lanes.some(({ name }) => name === program), id);
  }
});
