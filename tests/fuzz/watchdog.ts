/** Ends fuzzing when an input takes for ever, and keeps that input. @module */

import { projectPath } from "../support/program.ts";
import type { FuzzTarget } from "./target.ts";
import type { Watched } from "./watchdog_worker.ts";

/** Seconds after which nobody believes any more that an input comes to an end. */
const PATIENCE = 60;

/** Watches the fuzzing of one target. */
export class Watchdog implements Disposable {
  readonly #progress = new Int32Array(new SharedArrayBuffer(8));
  readonly #input: Uint8Array;
  readonly #worker = new Worker(new URL("./watchdog_worker.ts", import.meta.url), { type: "module" });

  /** Begins to. */
  constructor({ name, longest }: Pick<FuzzTarget, "name" | "longest">) {
    const input = new SharedArrayBuffer(longest);
    this.#input = new Uint8Array(input);
    const folder = projectPath(`tests/corpus/${name}`);
    Deno.mkdirSync(folder, { recursive: true });
    const watched: Watched = {
      progress: this.#progress.buffer as SharedArrayBuffer,
      input,
      file: `${folder}/hang-${Deno.pid}.input`,
      patience: PATIENCE,
    };
    this.#worker.postMessage(watched);
  }

  /** This input is next. */
  see(input: Uint8Array): void {
    this.#input.set(input.subarray(0, this.#input.length));
    Atomics.store(this.#progress, 1, Math.min(input.length, this.#input.length));
    Atomics.add(this.#progress, 0, 1);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
