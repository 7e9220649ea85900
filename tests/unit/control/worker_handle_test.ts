/** When a worker counts as hung, on a clock that the test moves. @module */

import assert from "node:assert/strict";
import { ProcessCapacity } from "../../../src/board/capacity.ts";
import { BUSY_HANG_MS, HANG_MS } from "../../../src/control/liveness.ts";
import { type DeathCause, WorkerHandle } from "../../../src/control/worker_handle.ts";
import { type FromWorker, HEARTBEAT_MS, type ToWorker } from "../../../src/messages.ts";

/** A handle to a worker that lives only as far as the test lets it: no thread, no timer. */
class HandleBench implements Disposable {
  readonly deaths: (readonly [reason: string, cause: DeathCause])[] = [];
  readonly #handle: WorkerHandle;
  readonly #real = { Worker, setInterval, now: performance.now };
  #heartbeat = new Int32Array(new SharedArrayBuffer(4));
  #now = 1_000_000;
  #check = () => {};
  #fake: { onmessage(event: { data: FromWorker }): void } | undefined;

  constructor() {
    const take = (message: ToWorker) => {
      if (message.kind === "hello") this.#heartbeat = new Int32Array(message.heartbeat);
    };
    const keep = (fake: { onmessage(event: { data: FromWorker }): void }) => this.#fake = fake;
    const fake = class {
      onmessage: (event: { data: FromWorker }) => void = () => {};
      postMessage = take;
      constructor() {
        keep(this);
      }
      terminate(): void {}
    };
    globalThis.Worker = fake as unknown as typeof Worker;
    globalThis.setInterval = ((call: () => void) => {
      this.#check = call;
      return 0;
    }) as unknown as typeof setInterval;
    performance.now = () => this.#now;
    const observer = { onMessage: () => {}, onDeath: (...death: [string, DeathCause]) => void this.deaths.push(death) };
    this.#handle = new WorkerHandle(1, observer, new ProcessCapacity().forWorker(1), () => 1);
    // The handle has what it needs; nobody else shall get it.
    globalThis.Worker = this.#real.Worker;
    globalThis.setInterval = this.#real.setInterval;
  }

  /** The worker says something. */
  says(message: FromWorker): void {
    this.#fake?.onmessage({ data: message });
  }

  /** Asks it for something. */
  ask(): Promise<void> {
    return this.#handle.request({ kind: "accept", instance: "web#1" }, Infinity);
  }

  get alive(): boolean {
    return this.#handle.alive;
  }

  /** Lets time pass, with a look at the heartbeat after every `HEARTBEAT_MS`. @param beating whether the worker lives */
  run(milliseconds: number, beating: boolean): void {
    for (let passed = 0; passed < milliseconds; passed += HEARTBEAT_MS) {
      if (beating) Atomics.add(this.#heartbeat, 0, 1);
      this.standStill(HEARTBEAT_MS);
    }
  }

  /** Lets time pass without a single look, then looks once. */
  standStill(milliseconds: number): void {
    this.#now += milliseconds;
    if (this.alive) this.#check();
  }

  [Symbol.dispose](): void {
    this.#handle.terminate();
    performance.now = this.#real.now;
  }
}

Deno.test("WorkerHandle lets a worker live that beats", () => {
  using bench = new HandleBench();
  bench.says({ kind: "ready" });
  bench.run(100 * HANG_MS, true);
  assert.deepEqual([bench.alive, bench.deaths], [true, []]);
});

Deno.test("WorkerHandle tells once of a worker that is silent for too long, within a second", () => {
  using bench = new HandleBench();
  bench.says({ kind: "ready" });
  bench.run(HANG_MS, true);
  bench.run(HANG_MS, false);
  assert.equal(bench.alive, true);
  bench.run(HEARTBEAT_MS, false);
  assert.deepEqual([bench.alive, bench.deaths], [false, [["no sign of life for 0.8 s", "hung"]]]);
  bench.run(10 * HANG_MS, false);
  assert.equal(bench.deaths.length, 1);
});

Deno.test("WorkerHandle gives a worker that starts ten seconds", () => {
  using bench = new HandleBench();
  bench.run(BUSY_HANG_MS - HEARTBEAT_MS, false);
  assert.equal(bench.alive, true);
  bench.run(3 * HEARTBEAT_MS, false);
  assert.equal(bench.alive, false);
});

Deno.test("WorkerHandle gives a worker that carries out a request ten seconds, and none for one that is done", async () => {
  using bench = new HandleBench();
  bench.says({ kind: "ready" });
  const done = bench.ask();
  bench.run(5000, false);
  assert.equal(bench.alive, true);
  bench.run(HEARTBEAT_MS, true);
  bench.says({ kind: "answer", id: 1, error: null });
  await done;
  bench.run(HANG_MS + 2 * HEARTBEAT_MS, false);
  assert.equal(bench.alive, false);
});

Deno.test("WorkerHandle does not let a request that is never answered protect a worker for ever", async () => {
  using bench = new HandleBench();
  bench.says({ kind: "ready" });
  const refused = assert.rejects(bench.ask(), /Worker 1 died/); // as long as a drain
  bench.run(60_000, true);
  assert.equal(bench.alive, true);
  bench.run(HANG_MS + 2 * HEARTBEAT_MS, false);
  assert.equal(bench.alive, false);
  await refused;
});

Deno.test("WorkerHandle gives a worker its time again after the whole program stood still", () => {
  using bench = new HandleBench();
  bench.says({ kind: "ready" });
  for (let pause = 0; pause < 3; pause++) {
    bench.run(HANG_MS / 2, true);
    bench.standStill(100 * HANG_MS);
    assert.equal(bench.alive, true, "the worker has had no time to beat");
    bench.run(HANG_MS / 2, false);
    assert.equal(bench.alive, true);
  }
  bench.run(2 * BUSY_HANG_MS, false);
  assert.equal(bench.alive, false, "but it does not live on that for ever");
});
