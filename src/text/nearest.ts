/**
 * "Did you mean": the known word that is nearest to a mistyped one.
 *
 * @module
 */

/** The edit distance between two words, a swap of two neighbours counting as one edit. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let best = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
      }
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}

/** Letters of a beginning that is taken for a shortened word. */
const SHORTEST_BEGINNING = 3;

/**
 * The candidate nearest to `word`, case ignored, or else the only one that begins so; `undefined` when none is near
 * enough to be what was meant.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Infinity;
  const longer: string[] = [];
  for (const candidate of candidates) {
    if (candidate.toLowerCase().startsWith(wanted)) longer.push(candidate);
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  if (bestDistance <= Math.max(1, Math.floor(word.length / 3))) return best;
  return longer.length === 1 && /[a-z0-9]/i.test(word) && word.length >= SHORTEST_BEGINNING ? longer[0] : undefined;
}

/** ` (did you mean "x"?)`, or nothing when no candidate is near. */
export function suggestion(word: string, candidates: Iterable<string>): string {
  const match = nearest(word, candidates);
  return match === undefined ? "" : ` (did you mean "${match}"?)`;
}
