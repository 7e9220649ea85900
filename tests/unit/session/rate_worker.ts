/** Takes from a shared rate as fast as it can, at one fixed moment. @module */

import { takeFromRate } from "../../../src/session/rate.ts";

const scope = self as unknown as DedicatedWorkerGlobalScope;

scope.onmessage = ({ data }: MessageEvent<{ memory: SharedArrayBuffer; rate: number; tries: number }>) => {
  const clock = new BigInt64Array(data.memory);
  let taken = 0;
  for (let index = 0; index < data.tries; index++) if (takeFromRate(clock, data.rate, 1_000_000_000n)) taken++;
  scope.postMessage(taken);
};
