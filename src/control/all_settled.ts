/**
 * Waiting for several things of which any may fail.
 *
 * @module
 */

/** Waits for all of them, then throws the first failure: when it throws, nothing is left under way. */
export async function allSettled(work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
