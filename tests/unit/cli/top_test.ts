/** What `weir top` makes of two looks. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { z } from "zod";
import { listenerSchema, statusSchema } from "../../../src/admin/schemas.ts";
import { drawFrame, formatRate, type FrameSize } from "../../../src/cli/top/frame.ts";
import { layOut, shorten } from "../../../src/cli/top/layout.ts";
import { type Look, ratesBetween, SORT_KEYS, type SortKey } from "../../../src/cli/top/rates.ts";
import { AdminBench } from "../admin/bench.ts";

type Listener = z.infer<typeof listenerSchema>;
type Counters = Partial<Pick<Listener, "connectionsActive" | "connectionsTotal" | "bytesIn" | "bytesOut">>;

const bench = new AdminBench();
const STATUS = statusSchema.parse(await (await bench.request("/v1/status")).json());
const TEMPLATE = listenerSchema.parse(await (await bench.request("/v1/listeners/front")).json());

function listener(name: string, counters: Counters = {}, servers: Readonly<Record<string, Counters>> = {}): Listener {
  const [server] = TEMPLATE.servers;
  assert.ok(server !== undefined);
  return {
    ...TEMPLATE,
    name,
    ...counters,
    servers: Object.entries(servers).map(([key, own]) => ({ ...server, server: key, health: "Healthy", ...own })),
  };
}

const look = (at: number, ...listeners: readonly Listener[]): Look => ({ at, status: STATUS, listeners });

Deno.test("ratesBetween() without an earlier look knows no rates", () => {
  const { total, listeners, servers } = ratesBetween(
    undefined,
    look(5, listener("web", { bytesIn: 7 }, { "a:1": {} })),
  );
  const none = { newConnections: null, bytesIn: null, bytesOut: null };
  for (const rates of [total, listeners[0], servers[0]]) assert.deepEqual({ ...rates, ...none }, rates);
});

Deno.test("ratesBetween() divides by the time in between, for listeners, servers and in all", () => {
  const before = look(
    10,
    listener("web", { connectionsTotal: 100, bytesIn: 1000, bytesOut: 0 }, { "a:1": { connectionsTotal: 90 } }),
    listener("old", { connectionsTotal: 1_000_000 }),
  );
  const now = look(
    14,
    listener("web", { connectionsActive: 3, connectionsTotal: 120, bytesIn: 1000, bytesOut: 4000 }, {
      "a:1": { connectionsTotal: 92, bytesIn: 0 },
      "b:1": { connectionsTotal: 2 },
    }),
    listener("new", { connectionsTotal: 8 }),
  );
  const { total, listeners, servers } = ratesBetween(before, now, "name");
  const short = ({ newConnections, bytesIn, bytesOut }: typeof total) => [newConnections, bytesIn, bytesOut];
  assert.deepEqual(listeners.map((row) => [row.listener, row.active, ...short(row)]), [
    ["new", 0, 2, 0, 0],
    ["web", 3, 5, 0, 1000],
  ]);
  assert.deepEqual(servers.map((row) => [row.server, row.newConnections]), [["a:1", 0.5], ["b:1", 0.5]]);
  assert.deepEqual(short(total), [7, 0, 1000]);
});

Deno.test("ratesBetween() never knows a negative or endless rate, whatever was restarted in between", () => {
  const counters = fc.record({
    connectionsActive: fc.nat(),
    connectionsTotal: fc.maxSafeNat(),
    bytesIn: fc.maxSafeNat(),
    bytesOut: fc.maxSafeNat(),
  });
  const servers = fc.dictionary(fc.constantFrom("a:1", "b:1", "c:1"), counters);
  const listeners = fc.uniqueArray(
    fc.tuple(fc.constantFrom("x", "y", "z"), counters, servers).map((parts) => listener(...parts)),
    { selector: ({ name }) => name },
  );
  const looks = fc.record({ at: fc.double({ min: 0, max: 1e6, noNaN: true }), listeners });
  fc.assert(fc.property(looks, looks, fc.constantFrom(...SORT_KEYS), (first, second, sort) => {
    const before = look(first.at, ...first.listeners);
    const now = look(second.at, ...second.listeners);
    const { total, listeners, servers } = ratesBetween(before, now, sort);
    assert.deepEqual([listeners.length, servers.length], [
      now.listeners.length,
      now.listeners.flatMap((one) => one.servers).length,
    ]);
    const rates = [total, ...listeners, ...servers].flatMap((row) => [row.newConnections, row.bytesIn, row.bytesOut]);
    for (const rate of rates) {
      assert.ok(rate === null || rate >= 0, String(rate));
      if (second.at <= first.at) assert.equal(rate, null);
    }
    // Where nothing was restarted, what is there now is what was there plus what came.
    for (const row of listeners) {
      const was = first.listeners.find(({ name }) => name === row.listener)?.connectionsTotal ?? 0;
      const is = second.listeners.find(({ name }) => name === row.listener)?.connectionsTotal ?? 0;
      if (row.newConnections === null) continue;
      assert.equal(row.newConnections, (is - (is < was ? 0 : was)) / (second.at - first.at));
    }
  }));
});

const SORTED: readonly (readonly [sort: SortKey, names: string])[] = [
  ["traffic", "busy quiet many b a"],
  ["new", "many quiet busy b a"],
  ["active", "b many busy quiet a"],
  ["name", "a b busy many quiet"],
];

for (const [sort, names] of SORTED) {
  Deno.test(`ratesBetween() by ${sort} puts the largest first, and equals in a fixed order`, () => {
    const before = look(0, ...["quiet", "a", "busy", "b", "many"].map((name) => listener(name)));
    const now = look(
      1,
      listener("quiet", { connectionsTotal: 5, bytesIn: 20, connectionsActive: 1 }),
      listener("a"),
      listener("busy", { connectionsTotal: 2, bytesOut: 900, connectionsActive: 2 }),
      listener("b", { connectionsActive: 9 }),
      listener("many", { connectionsTotal: 50, bytesIn: 10, connectionsActive: 3 }),
    );
    assert.equal(ratesBetween(before, now, sort).listeners.map((row) => row.listener).join(" "), names);
  });
}

Deno.test("layOut() aligns, and drops and shortens columns until a row fits", () => {
  const columns = [
    { title: "NAME", cell: (row: readonly string[]) => row[0] ?? "", shrinks: true },
    { title: "WHAT", cell: (row: readonly string[]) => row[1] ?? "", dispensable: 2 },
    { title: "N", cell: (row: readonly string[]) => row[2] ?? "", right: true },
    { title: "MORE", cell: (row: readonly string[]) => row[3] ?? "", dispensable: 1 },
  ];
  const rows = [["a-long-name-of-20-ch", "x", "1", "m"], ["b\x1b[31m", "yy", "100", "n"]];
  const cases: readonly (readonly [width: number, lines: readonly string[]])[] = [
    [Infinity, [
      "NAME                  WHAT    N  MORE",
      "a-long-name-of-20-ch  x       1  m",
      "b?[31m                yy    100  n",
    ]],
    [35, ["NAME                    N  MORE", "a-long-name-of-20-ch    1  m", "b?[31m                100  n"]],
    [28, ["NAME                    N", "a-long-name-of-20-ch    1", "b?[31m                100"]],
    [15, ["NAME          N", "a-long-na…    1", "b?[31m      100"]],
    [10, ["NAME     …", "a-long-…  …", "b?[31m   …"].map((line) => line.slice(0, 10))],
  ];
  for (const [width, lines] of cases) {
    const laid = layOut(columns, rows, width);
    assert.ok(laid.every((line) => line.length <= width), `${width}: ${laid.join("|")}`);
    if (width > 10) assert.deepEqual(laid, lines);
  }
  assert.deepEqual(["abc", "abcd", "abcde"].map((text) => shorten(text, 4)), ["abc", "abcd", "abc…"]);
});

Deno.test("formatRate() has one decimal, until it makes no difference", () => {
  const cases: readonly (readonly [rate: number | null, text: string])[] = [
    [null, "-"],
    [0, "0.0"],
    [0.04, "0.0"],
    [12.345, "12.3"],
    [999.94, "999.9"],
    [999.96, "1000"],
    [12345.6, "12346"],
  ];
  for (const [rate, text] of cases) assert.equal(formatRate(rate), text);
});

function frame(listeners: readonly Listener[], size?: FrameSize, note = { text: "note", isError: false }): string[] {
  const [before, now] = [look(0, ...listeners), look(1, ...listeners)];
  return drawFrame({
    look: now,
    rates: ratesBetween(before, now, "name"),
    note,
    paint: (name, text) => `<${name}>${text}</>`,
  }, size);
}

Deno.test("drawFrame() shows listeners and servers, and paints what is wrong", () => {
  const [server] = TEMPLATE.servers;
  assert.ok(server !== undefined);
  const web: Listener = {
    ...listener("web"),
    servers: [
      { ...server, server: "a:1", health: "Healthy" },
      { ...server, server: "b:1", health: "Abnormal", weight: 10, effectiveWeight: 2.5 },
      { ...server, server: "c:1", health: "Healthy", draining: true, backup: true },
    ],
  };
  const lines = frame([web, { ...listener("late"), state: "restarting" }], undefined, { text: "bad\n", isError: true });
  assert.match(
    lines[0] ?? "",
    /^<bold>Weir 1\.2\.3, up .*, ready {2}0 active {2}0\.0 new\/s {2}0 B\/s in {2}0 B\/s out<\/>$/,
  );
  assert.deepEqual(lines.slice(1), [
    "<red>bad </>",
    "",
    "<bold>LISTENER  PROTOCOL  ADDRESS       STATE        UP  ACTIVE  NEW/S  IN/S  OUT/S</>",
    "<yellow>late      TCP       0.0.0.0:8000  restarting  0/0       0    0.0   0 B    0 B</>",
    "web       TCP       0.0.0.0:8000  accepting   2/3       0    0.0   0 B    0 B",
    "",
    "<bold>LISTENER  SERVER  HEALTH                     WEIGHT  ACTIVE  NEW/S  IN/S  OUT/S</>",
    "web       a:1     Healthy                        10       0    0.0   0 B    0 B",
    "<red>web       b:1     Abnormal                   2.5/10       0    0.0   0 B    0 B</>",
    "<yellow>web       c:1     Healthy, draining, backup      10       0    0.0   0 B    0 B</>",
  ]);
});

Deno.test("drawFrame() fits every terminal, and says how much it leaves out", () => {
  const plain = (line: string) => line.replace(/<\/?[a-z]*>/g, "");
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 200 }),
    fc.integer({ min: 1, max: 60 }),
    fc.array(fc.nat({ max: 12 }), { maxLength: 30 }),
    (columns, rows, serversOf) => {
      const listeners = serversOf.map((count, index) =>
        listener(
          `listener-${index}`,
          {},
          Object.fromEntries(Array.from({ length: count }, (_, server) => [`10.0.0.${server}:80`, {}])),
        )
      );
      const lines = frame(listeners, { columns, rows }).map(plain);
      assert.ok(lines.length <= rows);
      for (const line of lines) assert.ok(line.length <= columns, line);
      const servers = serversOf.reduce((sum, count) => sum + count, 0);
      const complete = rows >= 6 + listeners.length + servers;
      if (complete) assert.equal(lines.length, 6 + listeners.length + servers);
      else if (columns >= 12 && rows > 8) assert.match(lines.join("\n"), /^… \d+ more$/m);
    },
  ));
});

Deno.test("drawFrame() gives room that one table does not need to the other", () => {
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`10.0.0.${index}:80`, {}]));
  const lines = frame([listener("web", {}, many)], { columns: 200, rows: 24 });
  assert.equal(lines.length, 24);
  assert.equal(lines.filter((line) => line.startsWith("web ")).length, 1 + 16);
  assert.equal(lines.at(-1), "… 34 more");
});
