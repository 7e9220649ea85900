/** The smallest input that fails as a given one does. @module */

/** Seconds that it may take. */
const MOST_SECONDS = 30;

/**
 * Takes away pieces, large ones first, as long as it still fails.
 *
 * @param fails whether an input fails in the same manner
 */
export async function minimise(
  input: Uint8Array,
  fails: (smaller: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let smallest = input;
  const until = performance.now() + MOST_SECONDS * 1000;
  for (let size = Math.ceil(input.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.length;) {
      if (performance.now() > until) return smallest;
      const smaller = new Uint8Array([...smallest.subarray(0, at), ...smallest.subarray(at + size)]);
      if (await fails(smaller)) smallest = smaller;
      else at += size;
    }
  }
  return smallest;
}
