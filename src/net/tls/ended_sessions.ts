/**
 * Memory of TLS sessions that have ended. The library keeps some 8 KB of each until V8 next looks through all that lives
 * on the thread, and V8, which sees only a small object of each, is in no hurry: a hundred megabytes came together. What
 * V8 does count are the bytes of buffers. See docs/decisions/0027-weight-of-ended-sessions.md.
 *
 * @module
 */

/** Sessions after which V8 is to look. */
export const SESSIONS = 2000;

/**
 * In bytes: as much more than after its last look makes V8 look again. Nobody writes into it, so it is no memory of the
 * machine's, as long as it is more than the 32 MiB from which on the C library always asks the system for fresh pages.
 */
export const WEIGHT = 64 * 1024 * 1024;

/** Of one thread. */
export class EndedSessions {
  #count = 0;
  /** Held until the next one takes its place: by then V8 counts it among what only such a look gives back. */
  #weight: ArrayBuffer | undefined;

  /** One more session has ended. */
  add(): void {
    if (++this.#count % SESSIONS !== 0) return;
    this.#weight = undefined;
    try {
      this.#weight = new ArrayBuffer(WEIGHT);
    } catch {
      // There is no room for it where the system counts what is not used as well; V8 looks later then.
    }
  }
}
