/**
 * The two halves of a change: first everybody gets ready, then all of it is made, or nothing.
 *
 * @module
 */

/** A change that all who take part are ready for. Exactly one of the two is called. */
export interface PreparedChange {
  /** Makes it so. */
  commit(): Promise<void>;
  /** Leaves everything as it was. */
  abort(): Promise<void>;
}
