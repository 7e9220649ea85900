/**
 * What one slice of load did.
 *
 * @module
 */

/** Requests, or blocks of 16 MB of bulk. */
export interface Load {
  readonly requests: number;
  /** In the direction that is measured. */
  readonly bytes: number;
  /** Connections and requests that failed. */
  readonly errors: number;
  /** Microseconds; `null` where they were not looked at. */
  readonly p50: number | null;
  readonly p99: number | null;
}
