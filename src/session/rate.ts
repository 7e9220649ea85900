/**
 * How many new connections a second a listener takes: a token bucket with a burst of one second, kept as one moment in
 * shared memory (the generic cell rate algorithm), so that it is exact over all threads.
 *
 * @module
 */

const SECOND = 1_000_000_000n;

/**
 * Now, in nanoseconds since 1970; the same for all threads. (Not from `performance`: its origin is the wall clock at a
 * thread's start, so threads that start before and after the clock is set would never agree again.)
 */
export function nowNanoseconds(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/**
 * Takes one connection out of the allowance.
 *
 * @param clock the moment until which the allowance is used up; one element
 * @param perSecond 1-1,000,000
 * @param now nanoseconds since 1970
 * @returns whether there was one left; never more than `perSecond` at one moment
 */
export function takeFromRate(clock: BigInt64Array, perSecond: number, now: bigint): boolean {
  const rate = BigInt(perSecond);
  // Rounded up, so that the rate is never exceeded; the burst is counted in connections and not in time.
  const share = (SECOND + rate - 1n) / rate;
  for (;;) {
    const usedUntil = Atomics.load(clock, 0);
    // So far ahead it was never put: the clock has been set back since, and the allowance starts anew.
    const isStale = usedUntil - now > 2n * share * rate;
    const next = (usedUntil > now && !isStale ? usedUntil : now) + share;
    if (next - now > share * rate) return false;
    if (Atomics.compareExchange(clock, 0, usedUntil, next) === usedUntil) return true;
  }
}
