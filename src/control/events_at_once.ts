/**
 * How many sockets a worker's runtime looks at before everybody has had a turn.
 *
 * @module
 */

/**
 * So many sockets with news a thread takes from the kernel in one go; the runtime's own number is 1,024. It serves 128 of
 * them at most and looks at the rest in vain, again and again, with those that come later in front: of some hundred busy
 * connections a few were served all the time and others not for seconds. Fewer than it can serve are served in turn, as
 * the kernel has them.
 */
export const EVENTS_AT_ONCE = 32;

/** What the runtime reads when a thread starts. */
const VARIABLE = "DENO_TOKIO_MAX_IO_EVENTS_PER_TICK";

/** Has the threads that are started from now on take {@link EVENTS_AT_ONCE}, unless the environment says otherwise. */
export function limitEventsAtOnce(): void {
  if (Deno.env.get(VARIABLE) === undefined) Deno.env.set(VARIABLE, String(EVENTS_AT_ONCE));
}
