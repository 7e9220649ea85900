/** When a worker counts as hung, on a clock that the test moves. @module */

import assert from "node:assert/strict";
import { ProcessCapacity } from "../../../src/board/capacity.ts";
import { HANG_SECONDS, WorkerHandle } from "../../../src/control/worker_handle.ts";
import { HEARTBEAT_MS, type ToWorker } from "../../../src/messages.ts";

const HANG_MS = HANG_SECONDS * 1000;

/** A handle to a worker that lives only as far as the test lets it: no thread, no timer. */
class HandleBench implements Disposable {
  readonly deaths: string[] = [];
  readonly #handle: WorkerHandle;
  readonly #real = { Worker, setInterval, now: performance.now };
  #heartbeat = new Int32Array(new SharedArrayBuffer(4));
  #now = 1_000_000;
  #check = () => {};

  constructor() {
    const take = (message: ToWorker) => {
      if (message.kind === "hello") this.#heartbeat = new Int32Array(message.heartbeat);
    };
    const fake = class {
      postMessage = take;
      terminate(): void {}
    };
    globalThis.Worker = fake as unknown as typeof Worker;
    globalThis.setInterval = ((call: () => void) => {
      this.#check = call;
      return 0;
    }) as unknown as typeof setInterval;
    performance.now = () => this.#now;
    const observer = { onMessage: () => {}, onDeath: (reason: string) => void this.deaths.push(reason) };
    this.#handle = new WorkerHandle(1, observer, new ProcessCapacity().forWorker(1));
    // The handle has what it needs; nobody else shall get it.
    globalThis.Worker = this.#real.Worker;
    globalThis.setInterval = this.#real.setInterval;
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
  bench.run(100 * HANG_MS, true);
  assert.deepEqual([bench.alive, bench.deaths], [true, []]);
});

Deno.test("WorkerHandle tells once of a worker that is silent for too long", () => {
  using bench = new HandleBench();
  bench.run(HANG_MS, true);
  bench.run(HANG_MS, false);
  assert.equal(bench.alive, true);
  bench.run(HANG_MS, false);
  assert.equal(bench.alive, false);
  assert.deepEqual(bench.deaths, [`no sign of life for ${HANG_SECONDS} s`]);
});

Deno.test("WorkerHandle gives a worker its time again after the whole program stood still", () => {
  using bench = new HandleBench();
  for (let pause = 0; pause < 3; pause++) {
    bench.run(HANG_MS / 2, true);
    bench.standStill(100 * HANG_MS);
    assert.equal(bench.alive, true, "the worker has had no time to beat");
    bench.run(HANG_MS / 2, false);
    assert.equal(bench.alive, true);
  }
  bench.run(HANG_MS, false);
  assert.equal(bench.alive, false, "but it does not live on that for ever");
});
