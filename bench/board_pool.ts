/**
 * A pool on a board, as in a worker.
 *
 * @module
 */

import { BoardRegistry } from "../src/board/registry.ts";
import type { Algorithm } from "../src/config/model.ts";
import { Pool } from "../src/upstream/pool.ts";
import { poolPlan, serverPlan } from "../tests/unit/plans.ts";

/** @param count servers of one weight, @param shared whether other threads may pick from them */
export function boardPool(count: number, shared: boolean, algorithm: Algorithm): Pool {
  const boards = new BoardRegistry();
  const servers = Array.from(
    { length: count },
    (_, index) => serverPlan({ address: `10.0.${index >> 8}.${index & 255}` }),
  );
  boards.provide("web", servers.map(({ key }) => key));
  const plan = poolPlan(servers, { algorithm });
  return new Pool(plan, boards.forWorker("web", 1), { ipTranslation: false, now: Date.now, shared });
}
