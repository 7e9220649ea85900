/** Picks servers of a shared pool as fast as it can. @module */

import type { WorkerMemory } from "../../../src/board/layout.ts";
import type { PoolPlan } from "../../../src/config/model.ts";
import { Pool } from "../../../src/upstream/pool.ts";
import { serve } from "../../support/threads.ts";

/** What is to be done; the answer is how often each server was picked. */
export interface PickTask {
  readonly plan: PoolPlan;
  readonly memory: WorkerMemory;
  readonly picks: number;
  /** Whether connections stay open. */
  readonly hold: boolean;
}

serve(({ plan, memory, picks, hold }: PickTask) => {
  const pool = new Pool(plan, memory, { ipTranslation: false, now: Date.now, shared: true });
  const counts = new Map(plan.servers.map(({ key }) => [key, 0]));
  for (let index = 0; index < picks; index++) {
    const lease = pool.acquire("192.0.2.1");
    if (lease === undefined) continue;
    const { key } = lease.server.plan;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (!hold) lease[Symbol.dispose]();
  }
  return [...counts.values()];
});
