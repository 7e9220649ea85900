/** Pages that move: streams, rates and lines. @module */

import assert from "node:assert/strict";
import { MOST_LIVE_STREAMS } from "../../../src/console/live_streams.ts";
import { LOOK_MS, LOOKS, RateHistory } from "../../../src/console/rate_history.ts";
import { areaPath, linePath, roundMaximum, thinned } from "../../../src/console/parts/chart_lines.ts";
import { ago, decimal } from "../../../src/console/parts/words.ts";
import { ConsoleBench } from "./bench.ts";

/** Reads a stream piece by piece. */
class Follower {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(response: Response) {
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
    assert.ok(response.body !== null);
    this.#reader = response.body.getReader();
  }

  /** The next piece; `undefined` at the end. */
  async next(): Promise<string | undefined> {
    const { value } = await this.#reader.read();
    return value === undefined ? undefined : new TextDecoder().decode(value);
  }

  async end(): Promise<void> {
    await this.#reader.cancel();
  }
}

async function follow(bench: ConsoleBench, path: string): Promise<Follower> {
  const { html } = await bench.get(path);
  const shape = /data-page-live="([^"]+)"/.exec(html)?.[1] ?? "";
  return new Follower(await bench.ask(`/live?${new URLSearchParams({ path, shape })}`));
}

function textsIn(piece: string | undefined): Record<string, string> {
  return JSON.parse(/^data: (.+)$/m.exec(piece ?? "")?.[1] ?? "{}") as Record<string, string>;
}

Deno.test("a live page gets every text at first, then those that change, one look a tick", async () => {
  await using bench = await ConsoleBench.start();
  const stream = await follow(bench, "/listeners");
  const first = await stream.next();
  assert.match(first ?? "", /^retry: 3000\n\ndata: /);
  assert.equal(textsIn(first)["front.active"], "0");
  const next = stream.next();
  bench.admin.boards.listener("front")?.opened();
  await bench.tick();
  assert.deepEqual(textsIn(await next), { "front.active": "1" });
  const quiet = stream.next();
  await bench.tick(7);
  assert.equal(await quiet, ": still here\n\n");
  await stream.end();
  assert.equal(bench.streams.size, 0);
});

Deno.test("a live page is told to come again when it looks otherwise, and when what it shows is gone", async () => {
  await using bench = await ConsoleBench.start();
  const [list, one] = [await follow(bench, "/listeners"), await follow(bench, "/listeners/own")];
  await Promise.all([list.next(), one.next()]);
  const pieces = [list.next(), one.next()];
  await bench.store.write({ "weir.yaml": bench.file.replace(/^ {2}- \{ name: own.*\n/m, "") });
  await bench.store.reloader.reload("api");
  await bench.tick();
  for (const piece of pieces) assert.match(await piece ?? "", /event: stale\n/);
  assert.deepEqual([await list.next(), await one.next()], [undefined, undefined]);
});

Deno.test("a live page hears what happens, and goes on after what it has heard", async () => {
  await using bench = await ConsoleBench.start();
  const add = (message: string) =>
    bench.admin.events.add({
      ...{ kind: "health_changed", severity: "warning", listener: "front", server: null, message, details: {} },
    });
  add("before");
  const stream = await follow(bench, "/ip-groups");
  await stream.next();
  const next = stream.next();
  add("one\nand more of it");
  await bench.tick();
  const piece = await next ?? "";
  assert.match(piece, /^event: news\nid: (\d+)\ndata: \[\{"id":\d+,"severity":"warning","message":"one"\}\]\n\n$/);
  await stream.end();
  add("two");
  const id = /id: (\d+)/.exec(piece)?.[1] ?? "";
  const again = new Follower(await bench.ask("/live?path=/ip-groups&shape=x", { headers: { "last-event-id": id } }));
  assert.match(await again.next() ?? "", /"message":"two"/);
});

Deno.test("live pages are few, and a page that is left makes room", async () => {
  await using bench = await ConsoleBench.start();
  const streams: Follower[] = [];
  for (let one = 0; one < MOST_LIVE_STREAMS; one++) streams.push(await follow(bench, "/ip-groups"));
  assert.equal((await bench.get("/live?path=/ip-groups&shape=x")).status, 503);
  await streams[0]?.end();
  await (await follow(bench, "/ip-groups")).end();
  assert.equal((await bench.get("/live?path=/nothing&shape=x")).status, 404);
});

Deno.test("a live page whose reader takes nothing is dropped", async () => {
  await using bench = await ConsoleBench.start();
  const stream = await follow(bench, "/listeners");
  await stream.next();
  // The reader has room for one piece more; after that nobody asks.
  bench.admin.boards.listener("front")?.opened();
  await bench.tick();
  await bench.tick(20);
  assert.equal(bench.streams.size, 0);
});

Deno.test("RateHistory makes rates of counters, of each listener and of all, and forgets what is gone", () => {
  let now = 0;
  const counted = (connectionsTotal: number, connectionsActive = 0) => ({
    ...{ connectionsTotal, connectionsActive, bytesIn: connectionsTotal * 10, bytesOut: connectionsTotal * 100 },
  });
  let counters = new Map([["a", counted(5)], ["b", counted(0)]]);
  const rates = new RateHistory({ counters: () => counters, now: () => now });
  rates.look();
  assert.deepEqual(rates.values("newConnections"), []);
  now += LOOK_MS;
  counters = new Map([["a", counted(9, 3)], ["b", counted(2, 1)]]);
  rates.look();
  assert.deepEqual(rates.values("newConnections", "a"), [2]);
  assert.deepEqual([rates.newest("newConnections"), rates.newest("active")], [3, 4]);
  assert.deepEqual([rates.newest("bytesIn", "b"), rates.newest("bytesOut", "b")], [10, 100]);
  now += LOOK_MS;
  counters = new Map([["b", counted(2, 1)], ["c", counted(1000)]]);
  rates.look();
  assert.deepEqual(rates.values("newConnections", "a"), []);
  assert.deepEqual(rates.values("newConnections", "c"), [0], "what it counted before it was known is no rate");
  for (let look = 0; look < LOOKS + 10; look++) {
    now += LOOK_MS;
    counters = new Map([["b", counted(2 + look * 2)]]);
    rates.look();
  }
  assert.equal(rates.values("active", "b").length, LOOKS);
  assert.equal(rates.newest("newConnections", "b"), 1);
});

Deno.test("roundMaximum() is the least round number above all", () => {
  for (
    const [values, maximum] of [
      ...[[[], 1], [[0], 1], [[0.2], 1], [[1.2], 2], [[3], 5], [[5], 5], [[5.1], 10], [[99], 100], [[101, 7], 200]],
    ] as [number[], number][]
  ) assert.equal(roundMaximum(values), maximum, values.join());
});

Deno.test("linePath() and areaPath() put the newest value at the right edge", () => {
  const size = { width: 100, height: 10, slots: 11 };
  assert.equal(linePath([], 10, size), "");
  assert.equal(linePath([0, 5, 10], 10, size), "M80 10L90 5L100 0");
  assert.equal(areaPath([0, 5, 10], 10, size), "M80 10L90 5L100 0L100 10L80 10Z");
  assert.deepEqual(thinned([1, 2, 3, 4, 5, 6, 7], 3), [1, 3, 6]);
});

Deno.test("ago() and decimal() write numbers for people", () => {
  for (
    const [milliseconds, text] of [
      ...[[0, "less than a minute ago"], [60_000, "1 minute ago"], [59 * 60_000, "59 minutes ago"]],
      ...[[3_600_000, "1 hour ago"], [47 * 3_600_000, "47 hours ago"], [48 * 3_600_000, "2 days ago"]],
    ] as [number, string][]
  ) assert.equal(ago(milliseconds), text);
  assert.deepEqual([0, 0.04, 1, 9.96, 10.4, 1234.5].map(decimal), ["0", "0.0", "1.0", "10.0", "10", "1,235"]);
});
