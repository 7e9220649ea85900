/** Random numbers that are the same for the same seed. @module */

/** Gives whole numbers from 0 up to, and without, `below`. */
export type Random = (below: number) => number;

/** Mulberry32: small, seeded, good enough to damage things with. */
export function randomFrom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
