/**
 * Finding what a request names, or refusing it with the nearest name.
 *
 * @module
 */

import type { ListenerPlan, Model, PoolPlan } from "../config/model.ts";
import { suggestion } from "../text/nearest.ts";
import { refusal } from "./problem.ts";

/** The listener of a name. Throws the 404 answer when there is none. */
export function findListener({ listeners }: Model, name: string): ListenerPlan {
  const plan = listeners.get(name);
  if (plan !== undefined) return plan;
  throw refusal(404, "no_such_listener", `There is no listener "${name}"${suggestion(name, [...listeners.keys()])}`);
}

/** The named backend group. Throws the 404 answer when there is none. */
export function findGroup({ groups }: Model, name: string): PoolPlan {
  const pool = groups.get(name);
  if (pool !== undefined) return pool;
  const hint = suggestion(name, [...groups.keys()]);
  throw refusal(404, "no_such_backend_group", `There is no backend group "${name}"${hint}`);
}
