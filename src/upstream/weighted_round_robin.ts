/**
 * Smooth weighted round robin, as nginx does it: with weights 5, 1, 1 the order is a a b a c a a.
 *
 * @module
 */

import type { Candidate } from "./scheduler.ts";

/**
 * Every pick raises each candidate's running value by its weight, takes the highest and lowers it by the sum of all.
 * As long as the candidates stay the same, any window of (sum of weights / their greatest common divisor) picks holds
 * each exactly as often as its share says, spread out as evenly as can be.
 */
export function weightedRoundRobin<Server extends Candidate>(candidates: readonly Server[]): Server | undefined {
  let best: Server | undefined;
  let bestTurn = -Infinity;
  let sum = 0;
  for (const candidate of candidates) {
    const turn = candidate.turn + candidate.weight;
    candidate.turn = turn;
    sum += candidate.weight;
    if (turn > bestTurn) {
      best = candidate;
      bestTurn = turn;
    }
  }
  if (best !== undefined) best.turn = bestTurn - sum;
  return best;
}
