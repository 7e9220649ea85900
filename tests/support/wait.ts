/** Waiting for something to become true: looks again and again, and fails with a reason when it never does. @module */

/**
 * Resolves with the first value that is neither `undefined` nor `false`.
 *
 * @param seconds after which it never will: long enough for a machine that is busy with other things
 */
export async function until<Value>(
  what: string,
  look: () => Value | undefined | false | Promise<Value | undefined | false>,
  seconds = 60,
): Promise<Value> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`Waited ${seconds} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
