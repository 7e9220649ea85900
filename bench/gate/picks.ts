/**
 * Picks of a server, against a walk over a list of numbers.
 *
 * @module
 */

import { cpuUsage } from "node:process";
import { boardPool } from "../board_pool.ts";
import type { Gauge } from "./judge.ts";

const PICKS = 100_000;

/** The picks that are watched. */
export function pickGauges(): Gauge[] {
  const few = boardPool(10, false, "wrr");
  const many = boardPool(1000, false, "wlc");
  for (let held = 0; held < 500; held++) many.acquire("192.0.2.7");
  const pick = (pool: typeof few) => () => pool.acquire("192.0.2.7")?.[Symbol.dispose]();
  return [
    { name: "wrr-10", own: timed(pick(few)), reference: timed(walk) },
    { name: "wlc-1000", own: timed(pick(many)), reference: timed(walk) },
  ];
}

/** CPU seconds of this process; nothing else goes on in it meanwhile. */
function timed(work: () => void): () => Promise<number> {
  return () => {
    const before = cpuUsage();
    for (let count = 0; count < PICKS; count++) work();
    const { user, system } = cpuUsage(before);
    return Promise.resolve((user + system) / 1e6);
  };
}

const LIST = new Int32Array(new SharedArrayBuffer(200 * 4));

/** About what a pick does: atomic words of shared memory. */
function walk(): void {
  for (let index = 0; index < 50; index++) Atomics.add(LIST, index, 1);
}
