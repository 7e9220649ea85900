/**
 * Looks whether fuzzing goes on, from a thread of its own, since what hangs cannot. When an input takes for ever it is
 * written into a file, and the process ends.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { printError } from "../../src/cli/output.ts";

/** What it looks at. */
export interface Watched {
  /** Two numbers: inputs so far, and the length of the last one. */
  readonly progress: SharedArrayBuffer;
  /** The last input. */
  readonly input: SharedArrayBuffer;
  /** Where it is written to. */
  readonly file: string;
  /** Seconds. */
  readonly patience: number;
}

self.onmessage = ({ data }: MessageEvent<Watched>) => {
  const progress = new Int32Array(data.progress);
  let [before, since] = [-1, performance.now()];
  setInterval(() => {
    const now = Atomics.load(progress, 0);
    if (now !== before) [before, since] = [now, performance.now()];
    if (performance.now() - since < data.patience * 1000) return;
    const input = new Uint8Array(data.input).slice(0, Atomics.load(progress, 1));
    Deno.writeFileSync(data.file, input);
    printError(`\nAn input of ${input.length} bytes takes longer than ${data.patience} s: ${data.file}`);
    Deno.kill(Deno.pid, "SIGKILL");
  }, 1000);
};
