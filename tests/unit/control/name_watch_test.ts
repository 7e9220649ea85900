/** Host names that are watched, on a clock that the test moves and with answers that it gives. @module */

import assert from "node:assert/strict";
import { NameWatch, type PreparedNames } from "../../../src/control/name_watch.ts";
import type { NameAnswer } from "../../../src/net/resolve_name.ts";
import { FakeClock, settled } from "../fake_clock.ts";

type Reply = readonly string[] | Error | { readonly addresses: readonly string[]; readonly ttl: number } | NameAnswer;

/** A watch whose look-ups the test answers: at once from {@link replies}, or when it calls {@link answer}. */
class WatchBench {
  readonly clock = new FakeClock();
  readonly logged: string[] = [];
  /** What is answered at once, by name. */
  readonly replies = new Map<string, Reply>();
  /** Every question: name, then the servers asked. */
  readonly asked: string[] = [];
  readonly #open: { readonly name: string; readonly reply: PromiseWithResolvers<Reply> }[] = [];
  changes = 0;
  readonly watch = new NameWatch({
    resolve: async (name, servers) => {
      this.asked.push([name, ...servers].join(" "));
      const reply = Promise.withResolvers<Reply>();
      const known = this.replies.get(name);
      if (known === undefined) this.#open.push({ name, reply });
      else reply.resolve(known);
      return toAnswer(await reply.promise);
    },
    after: this.clock.after,
    now: () => new Date(this.clock.now()),
    log: (level, message) => this.logged.push(`${level}: ${message}`),
    onChange: () => this.changes++,
  });

  /** Answers the oldest open question for a name. */
  async answer(name: string, reply: Reply): Promise<void> {
    const index = this.#open.findIndex((question) => question.name === name);
    const [question] = this.#open.splice(index, 1);
    assert.ok(index >= 0 && question !== undefined, `nobody asks for ${name}`);
    question.reply.resolve(reply);
    await settled();
  }

  /** Looks names up and watches them. */
  async follow(names: readonly string[], servers: readonly string[] = []): Promise<PreparedNames> {
    const prepared = await this.watch.prepare(new Set(names), servers);
    prepared.commit();
    return prepared;
  }

  addresses(name: string): readonly string[] | undefined {
    return this.watch.states.get(name)?.addresses;
  }
}

function toAnswer(reply: Reply): NameAnswer {
  if (reply instanceof Error) throw reply;
  if ("unsure" in reply) return reply;
  return "addresses" in reply ? { ...reply, unsure: null } : { addresses: reply, ttl: null, unsure: null };
}

Deno.test("prepare() looks up every name once, and watches nothing before it is committed", async () => {
  const bench = new WatchBench();
  bench.replies.set("a", ["10.0.0.1"]).set("b", ["10.0.0.2", "2001:db8::2"]);
  const prepared = await bench.watch.prepare(new Set(["a", "b"]), ["10.0.0.53"]);
  assert.deepEqual([...prepared.addresses], [["a", ["10.0.0.1"]], ["b", ["10.0.0.2", "2001:db8::2"]]]);
  assert.deepEqual(bench.asked, ["a 10.0.0.53", "b 10.0.0.53"]);
  assert.deepEqual([bench.watch.states.size, bench.clock.timers], [0, 0], "a refused change leaves nothing");
  prepared.commit();
  assert.deepEqual([...bench.watch.states.keys()], ["a", "b"]);
  assert.deepEqual([bench.clock.timers, bench.changes], [2, 0]);
});

Deno.test("a name is looked up again when its time is over: 30 s unless the answer says, within 1 and 3600 s", async () => {
  const cases: [ttl: number | null, seconds: number][] = [[null, 30], [0, 1], [1, 1], [45, 45], [3600, 3600], [
    2 ** 31 - 1,
    3600,
  ]];
  for (const [ttl, seconds] of cases) {
    const bench = new WatchBench();
    bench.replies.set("a", { addresses: ["10.0.0.1"], ttl, unsure: null });
    await bench.follow(["a"]);
    await bench.clock.run(seconds * 1000 - 1);
    assert.equal(bench.asked.length, 1, `${ttl}: too early`);
    await bench.clock.run(1);
    assert.equal(bench.asked.length, 2, `${ttl}: too late`);
    await bench.clock.run(seconds * 1000);
    assert.equal(bench.asked.length, 3, `${ttl}: again and again`);
    assert.equal(bench.changes, 0);
  }
});

Deno.test("other addresses are told once, and the same ones are not", async () => {
  const bench = new WatchBench();
  bench.replies.set("a", ["10.0.0.1"]);
  await bench.follow(["a"]);
  bench.replies.set("a", ["10.0.0.1", "10.0.0.2"]);
  await bench.clock.run(30_000);
  assert.deepEqual([bench.changes, bench.addresses("a")], [1, ["10.0.0.1", "10.0.0.2"]]);
  await bench.clock.run(300_000);
  assert.equal(bench.changes, 1);
  assert.deepEqual(bench.logged, ["info: Server name a has other addresses: 10.0.0.1, 10.0.0.2"]);
});

Deno.test("a name that cannot be looked up keeps its last answer, is tried every 5 s, and is told of once", async () => {
  const bench = new WatchBench();
  bench.replies.set("a", ["10.0.0.1"]);
  await bench.follow(["a"]);
  bench.replies.set("a", new Error("SERVFAIL"));
  await bench.clock.run(30_000);
  const state = bench.watch.states.get("a");
  assert.deepEqual([state?.addresses, state?.error], [["10.0.0.1"], "SERVFAIL"]);
  assert.equal(state?.checkedAt, new Date(bench.clock.now()).toISOString());
  await bench.clock.run(60_000);
  assert.equal(bench.asked.length, 2 + 12);
  assert.deepEqual(bench.logged, [
    "warn: Server name a cannot be resolved: SERVFAIL; its last addresses hold: 10.0.0.1",
  ]);
  bench.replies.set("a", ["10.0.0.1"]);
  await bench.clock.run(5_000);
  assert.deepEqual([bench.changes, bench.watch.states.get("a")?.error], [0, null]);
  assert.equal(bench.logged[1], "info: Server name a can be resolved again");
});

Deno.test("a family whose question failed keeps what was known of it", async () => {
  const bench = new WatchBench();
  bench.replies.set("a", ["10.0.0.1", "2001:db8::1"]);
  await bench.follow(["a"]);
  bench.replies.set("a", { addresses: ["10.0.0.2"], ttl: 10, unsure: "IPv6" });
  await bench.clock.run(30_000);
  assert.deepEqual(bench.addresses("a"), ["10.0.0.2", "2001:db8::1"]);
  bench.replies.set("a", { addresses: ["10.0.0.2"], ttl: 10, unsure: null });
  await bench.clock.run(10_000);
  assert.deepEqual([bench.addresses("a"), bench.changes], [["10.0.0.2"], 2]);
});

Deno.test("a name that is unknown at the start has no addresses, until it has", async () => {
  const bench = new WatchBench();
  bench.replies.set("a", new Error("the name is not known"));
  const { addresses } = await bench.follow(["a"]);
  assert.deepEqual([...addresses], [["a", []]]);
  assert.deepEqual(bench.logged, [
    "warn: Server name a cannot be resolved: the name is not known; no connection goes to it until it can",
  ]);
  bench.replies.set("a", ["10.0.0.1"]);
  await bench.clock.run(5_000);
  assert.deepEqual([bench.addresses("a"), bench.changes], [["10.0.0.1"], 1]);
});

Deno.test("prepare() waits 3 s for a name; its answer comes with a later look-up", async () => {
  const bench = new WatchBench();
  bench.replies.set("quick", ["10.0.0.1"]);
  const preparing = bench.follow(["quick", "slow"]);
  await bench.clock.run(3_000);
  assert.deepEqual([...(await preparing).addresses], [["quick", ["10.0.0.1"]], ["slow", []]]);
  assert.match(bench.logged[0] ?? "", /^warn: Server name slow cannot be resolved: no answer within 3 s;/);
  await bench.answer("slow", ["10.0.0.9"]);
  assert.deepEqual(bench.addresses("slow"), [], "the late answer is to a question that was given up");
  await bench.clock.run(5_000);
  await bench.answer("slow", ["10.0.0.2"]);
  assert.deepEqual([bench.addresses("slow"), bench.changes], [["10.0.0.2"], 1]);
});

Deno.test("prepare() asks for new names only, and forgets those that are not wanted any more", async () => {
  const bench = new WatchBench();
  bench.replies.set("a", ["10.0.0.1"]).set("b", ["10.0.0.2"]).set("c", ["10.0.0.3"]);
  await bench.follow(["a", "b"]);
  const { addresses } = await bench.follow(["b", "c"]);
  assert.deepEqual(bench.asked, ["a", "b", "c"]);
  assert.deepEqual([...addresses], [["b", ["10.0.0.2"]], ["c", ["10.0.0.3"]]]);
  assert.deepEqual([[...bench.watch.states.keys()], bench.clock.timers], [["b", "c"], 2]);
  await bench.clock.run(30_000);
  assert.deepEqual(bench.asked.slice(3).sort(), ["b", "c"]);
});

Deno.test("prepare() asks for every name anew when the DNS servers change; what was known holds if they fail", async () => {
  const bench = new WatchBench();
  bench.replies.set("a", ["10.0.0.1"]).set("b", ["10.0.0.2"]);
  await bench.follow(["a", "b"]);
  bench.replies.set("a", ["10.0.0.9"]).set("b", new Error("no answer"));
  const { addresses } = await bench.follow(["a", "b"], ["10.0.0.53"]);
  assert.deepEqual([...addresses], [["a", ["10.0.0.9"]], ["b", ["10.0.0.2"]]]);
  assert.equal(bench.clock.timers, 2, "and no timer is left over from before");
  await bench.clock.run(5_000);
  assert.deepEqual(bench.asked.slice(2), ["a 10.0.0.53", "b 10.0.0.53", "b 10.0.0.53"]);
});

Deno.test("an answer that comes after its name was given up, or asked of other servers, changes nothing", async () => {
  const bench = new WatchBench();
  bench.replies.set("a", ["10.0.0.1"]).set("b", ["10.0.0.2"]);
  await bench.follow(["a", "b"]);
  bench.replies.clear();
  await bench.clock.run(30_000);
  assert.equal(bench.asked.length, 4, "both are being looked up");
  bench.replies.set("b", ["10.0.0.3"]);
  await bench.follow(["b"], ["10.0.0.53"]);
  await bench.answer("a", ["10.0.0.66"]);
  await bench.answer("b", ["10.0.0.66"]);
  assert.deepEqual([bench.addresses("a"), bench.addresses("b")], [undefined, ["10.0.0.3"]]);
  assert.deepEqual([bench.changes, bench.clock.timers], [0, 1]);
});

Deno.test("an answer that comes between prepare() and commit() is told, so that it is taken up afterwards", async () => {
  const bench = new WatchBench();
  bench.replies.set("a", ["10.0.0.1"]);
  await bench.follow(["a"]);
  const prepared = await bench.watch.prepare(new Set(["a"]), []);
  bench.replies.set("a", ["10.0.0.2"]);
  await bench.clock.run(30_000);
  prepared.commit();
  assert.deepEqual([...prepared.addresses], [["a", ["10.0.0.1"]]]);
  assert.equal(bench.changes, 1);
  assert.deepEqual([...(await bench.follow(["a"])).addresses], [["a", ["10.0.0.2"]]]);
});

Deno.test("stop() keeps nobody waiting, and leaves no timer", async () => {
  const bench = new WatchBench();
  bench.replies.set("a", ["10.0.0.1"]);
  await bench.follow(["a"]);
  const preparing = bench.watch.prepare(new Set(["a", "slow"]), []);
  await settled();
  bench.watch.stop();
  const prepared = await preparing;
  assert.deepEqual(prepared.addresses.get("slow"), []);
  prepared.commit();
  assert.deepEqual([bench.clock.timers, bench.logged, bench.changes], [0, [], 0]);
  const late = await bench.watch.prepare(new Set(["another"]), []);
  late.commit();
  assert.deepEqual([late.addresses.get("another"), bench.asked.includes("another")], [[], false]);
  await bench.answer("slow", ["10.0.0.2"]);
  assert.deepEqual([bench.clock.timers, bench.watch.states.size], [0, 0]);
});
