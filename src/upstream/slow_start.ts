/**
 * How much of its share a server gets while it warms up. Pure.
 *
 * @module
 */

/** The part of its share that a server starts with, in percent. */
export const FIRST_PERCENT = 10;

/** By how many milliseconds a start may lie ahead of the clock before it counts as a clock that was set back. */
const AHEAD_MS = 2000;

/**
 * The part of its weight that a server has, 10-100 percent: a straight line from {@link FIRST_PERCENT} to 100. It
 * changes at full seconds only, so that all threads and the admin API are of one mind.
 *
 * @param since when the server began to warm up, in milliseconds since 1970; 0 when it never did
 * @param now milliseconds since 1970, @param slowStart seconds that it takes, 0 for none
 */
export function warmPercent(since: number, now: number, slowStart: number): number {
  if (since === 0 || slowStart === 0) return 100;
  const elapsed = Math.floor(now / 1000) * 1000 - since;
  // Set back by an hour, say: better at once than in an hour.
  if (elapsed < -AHEAD_MS || elapsed >= slowStart * 1000) return 100;
  return Math.floor(FIRST_PERCENT + (100 - FIRST_PERCENT) * Math.max(0, elapsed) / (slowStart * 1000));
}

/** The weight that a server has now, which is its own once it is warm. */
export function effectiveWeight(weight: number, since: number, now: number, slowStart: number): number {
  return weight * warmPercent(since, now, slowStart) / 100;
}
