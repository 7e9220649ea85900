/**
 * Where everything stands on a listener's board. The board is made of shared memory that workers write and the main
 * thread reads without a message: one block for the listener, and blocks of server slots that are added as servers
 * are, so that nothing ever moves.
 *
 * @module
 */

import type { AccessFormat } from "../access_log/render.ts";
import { HANDSHAKE_FAILURES } from "../net/tls/handshake_failure.ts";
import { END_REASONS } from "../end_reason.ts";
import { histogramWords } from "./histogram.ts";

/** Upper bounds of the connect-time histogram, in seconds; one more bucket holds the rest. */
export const CONNECT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;

/** Upper bounds of the handshake-time histogram, in seconds; one more bucket holds the rest. */
export const HANDSHAKE_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Upper bounds of the histogram of how long connections last, in seconds; one more bucket holds the rest. */
export const DURATION_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800, 3600, 21_600] as const;

/** How many changes of open connections are kept; a power of two. */
export const CLAIMS_KEPT = 256;

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
  const connectTimes = rateClock + 2;
  const handshakeFailures = connectTimes + histogramWords(CONNECT_BUCKETS);
  const handshakeTimes = handshakeFailures + 2 * HANDSHAKE_FAILURES.length;
  const durations = handshakeTimes + histogramWords(HANDSHAKE_BUCKETS);
  const accessLog = durations + histogramWords(DURATION_BUCKETS);
  const turnHolder = accessLog + 2;
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
    connectTimes,
    /** One counter for each of {@link HANDSHAKE_FAILURES}. */
    handshakeFailures,
    handshakeTimes,
    durations,
    /** One word, an index into {@link ACCESS_FORMATS}. */
    accessLog,
    /** One word: the number of the worker that picks a server at the moment; 0 for none. */
    turnHolder,
    /** One word: threads that wait for their turn to pick. */
    turnWaiting: turnHolder + 1,
    /** One word: counts up whenever the open connections of any server change, by whichever thread. */
    claims: turnHolder + 2,
    /** The last of those changes: a word for each, see `claim_journal.ts`. */
    claimed: turnHolder + 3,
    /** Even, so that 64-bit values are aligned. */
    words: turnHolder + 4 + CLAIMS_KEPT,
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

/** How the access log wants lines for connections that end, in the order of the numbers on the board; `null`: not at all. */
export const ACCESS_FORMATS: readonly (AccessFormat | null)[] = [null, "text", "json"];

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
