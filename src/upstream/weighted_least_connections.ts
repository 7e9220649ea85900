/**
 * Weighted least connections: the fewest active connections for its weight gets the next one.
 *
 * @module
 */

import type { Candidate } from "./scheduler.ts";
import { weightedRoundRobin } from "./weighted_round_robin.ts";

/** Takes the lowest ratio of active connections to weight; among equals, round robin by weight. */
export function weightedLeastConnections<Server extends Candidate>(candidates: readonly Server[]): Server | undefined {
  let best: Server | undefined;
  let bestActive = 0;
  let equals: Server[] | undefined;
  for (const candidate of candidates) {
    const active = candidate.active;
    // active / weight compared without dividing, so that equal ratios are equal to the last bit
    const difference = best === undefined ? -1 : active * best.weight - bestActive * candidate.weight;
    if (difference < 0) {
      best = candidate;
      bestActive = active;
      equals = undefined;
    } else if (difference === 0 && best !== undefined) {
      equals ??= [best];
      equals.push(candidate);
    }
  }
  return equals === undefined ? best : weightedRoundRobin(equals);
}
