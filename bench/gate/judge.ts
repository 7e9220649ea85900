/**
 * Whether something has become much more expensive. Pure, but for what it is handed to measure.
 *
 * A cost is measured as a ratio to a reference loop that is measured in the same moment, round after round, and the
 * median of the ratios is compared with the one that is stored. What other programs do on the machine makes both of them
 * slower; only a ratio far beyond the stored one counts, and only when it comes twice.
 *
 * @module
 */

import { median } from "../statistics.ts";

/** By how much a ratio may be above the stored one. */
export const LIMIT = 1.5;

/** Rounds of which the median counts. */
export const ROUNDS = 5;

/** Something with a cost and a reference to it. Both give CPU seconds for the same amount of work. */
export interface Gauge {
  readonly name: string;
  own(): Promise<number>;
  reference(): Promise<number>;
}

/** What was found of a gauge. */
export interface Verdict {
  readonly name: string;
  /** Own cost over that of the reference. */
  readonly ratio: number;
  /** `undefined` when nothing is stored. */
  readonly stored: number | undefined;
  /** Whether it was measured again. */
  readonly again: boolean;
  readonly isFine: boolean;
}

/** The median of a gauge's ratios. The two take turns, and the first turn of each warms up. */
export async function measure({ own, reference }: Gauge, rounds = ROUNDS): Promise<number> {
  const ratios: number[] = [];
  for (let round = -1; round < rounds; round++) {
    // Each comes first as often as the other.
    const [first, second] = round % 2 === 0 ? [own, reference] : [reference, own];
    const [one, other] = [await first(), await second()];
    if (round >= 0) ratios.push(round % 2 === 0 ? one / other : other / one);
  }
  return median(ratios);
}

/** Measures a gauge, and once more before it says that it is too expensive. */
export async function judge(gauge: Gauge, stored: number | undefined, rounds = ROUNDS): Promise<Verdict> {
  const { name } = gauge;
  const first = await measure(gauge, rounds);
  if (stored === undefined) return { name, ratio: first, stored, again: false, isFine: false };
  if (first <= stored * LIMIT) return { name, ratio: first, stored, again: false, isFine: true };
  const ratio = await measure(gauge, rounds);
  return { name, ratio, stored, again: true, isFine: ratio <= stored * LIMIT };
}
