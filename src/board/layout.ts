/**
 * Where everything stands on a listener's board. The board is made of shared memory that workers write and the main
 * thread reads without a message: one block for the listener, and blocks of server slots that are added as servers
 * are, so that nothing ever moves.
 *
 * @module
 */

import { HANDSHAKE_FAILURES } from "../net/tls/handshake_failure.ts";
import { END_REASONS } from "../end_reason.ts";

/** Upper bounds of the connect-time histogram, in seconds; one more bucket holds the rest. */
export const CONNECT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;

/** Upper bounds of the handshake-time histogram, in seconds; one more bucket holds the rest. */
export const HANDSHAKE_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Word indices in a listener's block; counters take two words. */
export const LISTENER = (() => {
  const active = 0;
  const poolVersion = 1;
  const total = 2;
  const bytesIn = 4;
  const bytesOut = 6;
  const acceptErrors = 8;
  const reasons = 10;
  const rateClock = reasons + 2 * END_REASONS.length;
  const connectBuckets = rateClock + 2;
  const connectMicroseconds = connectBuckets + 2 * (CONNECT_BUCKETS.length + 1);
  const handshakeFailures = connectMicroseconds + 2;
  const handshakeBuckets = handshakeFailures + 2 * HANDSHAKE_FAILURES.length;
  const handshakeMicroseconds = handshakeBuckets + 2 * (HANDSHAKE_BUCKETS.length + 1);
  const turnHolder = handshakeMicroseconds + 2;
  return {
    active,
    /** One word: counts up whenever something changes that decides who may take a connection, and how many. */
    poolVersion,
    total,
    bytesIn,
    bytesOut,
    acceptErrors,
    reasons,
    /** 64 bits in one: nanoseconds since 1970 until which the allowance of new connections is used up. */
    rateClock,
    connectBuckets,
    connectMicroseconds,
    /** One counter for each of {@link HANDSHAKE_FAILURES}. */
    handshakeFailures,
    handshakeBuckets,
    handshakeMicroseconds,
    /** One word: the number of the worker that picks a server at the moment; 0 for none. */
    turnHolder,
    /** One word: threads that wait for their turn to pick. */
    turnWaiting: turnHolder + 1,
    words: turnHolder + 2,
  } as const;
})();

/** Word indices within a server's slot; counters take two words. */
export const SERVER = {
  active: 0,
  /** An index into {@link HEALTH_STATES}. */
  health: 1,
  /** The running value of smooth weighted round robin. */
  turn: 2,
  /** 0 no probe yet, 1 the last probe succeeded, 2 it failed. */
  lastProbe: 3,
  total: 4,
  connectFailures: 6,
  bytesIn: 8,
  bytesOut: 10,
  /** Milliseconds since 1970. */
  lastProbeAt: 12,
  /** The sum of weights that `turn` goes by; 0 before the first pick. */
  turnSum: 14,
  /** One word: connection attempts of clients that failed in a row. */
  failureRun: 15,
  /** Since when the server warms up, in milliseconds since 1970; 0 when it never had to. */
  warmSince: 16,
  /** Even, so that 64-bit values are aligned in every slot. */
  words: 18,
} as const;

/** Slots in one block. */
export const SLOTS_PER_BLOCK = 64;

/** Health states, in the order of their numbers on the board. */
export const HEALTH_STATES = ["Unknown", "Healthy", "Abnormal", "Disabled"] as const;

/** What is known of a server's health. */
export type HealthState = (typeof HEALTH_STATES)[number];

/** The shared memory of one listener. */
export interface BoardMemory {
  readonly listener: SharedArrayBuffer;
  /** Blocks of {@link SLOTS_PER_BLOCK} server slots. */
  readonly blocks: readonly SharedArrayBuffer[];
  /** Slot numbers by server key. */
  readonly slots: ReadonlyMap<string, number>;
}

/** What one worker has added to the open connections on a board. */
export interface LedgerMemory {
  /** One word: connections of the listener. */
  readonly listener: SharedArrayBuffer;
  /** Blocks of one word for each server slot. */
  readonly blocks: readonly SharedArrayBuffer[];
}

/** A board as one worker gets it. */
export interface WorkerMemory extends BoardMemory {
  /** The worker's number, above 0. */
  readonly worker: number;
  readonly ledger: LedgerMemory;
}
