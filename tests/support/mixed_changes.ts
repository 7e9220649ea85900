/** Reloads that change many settings. @module */

import { backends, type Settings } from "./configs.ts";

/** Settings that a reload changes in place: weights, algorithm, limits, tags, timeouts and servers that come and go. */
export function mixed(
  round: number,
  servers: readonly number[],
): { readonly group: Settings; readonly settings: Settings } {
  const wanted = servers.filter((_, index) => index === 0 || (round + index) % 3 !== 0);
  const group = backends(wanted.map((port, index) => ({ port, weight: 1 + (round + index) % 7 })), {
    algorithm: ["wrr", "wlc", "source-hash"][round % 3],
  });
  const settings = {
    tags: { round: String(round) },
    maxConnections: 5000 + round % 10,
    idleTimeout: 100 + round % 50,
    description: `round ${round}`,
  };
  return { group, settings };
}
