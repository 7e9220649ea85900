/**
 * With what the runtime is told to run Weir: the executable, the tasks of deno.json and the tests all have the same.
 *
 * @module
 */

/** The least that works: see "Permissions" in the README. */
export const PERMISSIONS: readonly string[] = ["--allow-net", "--allow-read", "--allow-env", "--allow-write"];

/**
 * How large the space for new objects may become, in megabytes; V8's own limit is 32, of which each thread takes two as
 * soon as many connections stay open: 3 KB more for each of 5,000. A collection takes as long as there are objects that
 * live on, not longer in a smaller space, so this costs no time that could be measured.
 */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=4";
