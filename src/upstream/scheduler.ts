/**
 * The contract of a scheduler. A scheduler is handed servers that may all take the connection; whether they may is
 * decided elsewhere, once.
 *
 * @module
 */

/** What a scheduler sees of a server. */
export interface Candidate {
  /** A whole number above 0; only how it compares with the others' counts. */
  readonly weight: number;
  /** Made from its identity, 32 bits. */
  readonly hash: number;
  /** Connections that are open or being opened. */
  readonly active: number;
  /** The running value of smooth weighted round robin; it lives on the board and so survives reloads. */
  turn: number;
}

/**
 * Picks one of `candidates` for a client (its address, as its socket reports it), or `undefined` when there are none. Two calls with the same candidates may give different
 * answers: a scheduler moves on with each pick.
 */
export type Scheduler = <Server extends Candidate>(candidates: readonly Server[], client: string) => Server | undefined;
