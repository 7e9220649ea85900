/**
 * A listener's board, as a worker writes it and as anyone reads it.
 *
 * @module
 */

import type { AccessFormat } from "../access_log/render.ts";
import { END_REASONS, type EndReason } from "../end_reason.ts";
import { HANDSHAKE_FAILURES, type HandshakeFailure } from "../net/tls/handshake_failure.ts";
import { ClaimJournal } from "./claim_journal.ts";
import { countTime, readTimes } from "./histogram.ts";
import {
  ACCESS_FORMATS,
  type BoardMemory,
  CONNECT_BUCKETS,
  DURATION_BUCKETS,
  HANDSHAKE_BUCKETS,
  HEALTH_STATES,
  type HealthState,
  type LedgerMemory,
  LISTENER,
  SERVER,
  SLOTS_PER_BLOCK,
  type WorkerMemory,
} from "./layout.ts";
import { ledgerWord } from "./ledger.ts";
import { OpenCount } from "./open_count.ts";
import { addToCounter, readCounter, storeCounter } from "./words.ts";

/** Counters of one listener. */
export class ListenerCounters {
  readonly #words: Int32Array;
  /** The moment until which the allowance of new connections is used up, in nanoseconds since 1970; one element. */
  readonly rateClock: BigInt64Array;
  readonly #open: OpenCount;

  /** @param memory the listener's block, @param ledger of the worker that counts connections here */
  constructor(memory: SharedArrayBuffer, ledger?: LedgerMemory) {
    this.#words = new Int32Array(memory);
    const own = ledger === undefined ? undefined : { words: new Int32Array(ledger.listener), index: 0 };
    this.#open = new OpenCount({ words: this.#words, index: LISTENER.active }, own);
    this.rateClock = new BigInt64Array(memory, LISTENER.rateClock * 4, 1);
  }

  /** Counts up whenever something changes that decides who may take a connection, and how many. */
  get poolVersion(): number {
    return Atomics.load(this.#words, LISTENER.poolVersion);
  }

  /** How the access log wants lines for connections that end; `null` while it is off. */
  get accessFormat(): AccessFormat | null {
    return ACCESS_FORMATS[Atomics.load(this.#words, LISTENER.accessLog)] ?? null;
  }
  set accessFormat(format: AccessFormat | null) {
    Atomics.store(this.#words, LISTENER.accessLog, ACCESS_FORMATS.indexOf(format));
  }

  /** Something has changed that decides who may take a connection: every thread works it out anew. */
  poolChanged(): void {
    Atomics.add(this.#words, LISTENER.poolVersion, 1);
  }

  /**
   * A connection is let in and counts as open, unless there are `max` already; exact over all threads.
   *
   * @returns whether it counts as open
   */
  opened(max = Infinity): boolean {
    if (!this.#open.add(max)) return false;
    addToCounter(this.#words, LISTENER.total, 1);
    return true;
  }

  /** Which part of all open connections is this worker's, 0 to 1. */
  get ownShare(): number {
    const all = this.#open.value;
    return all === 0 ? 0 : this.#open.own / all;
  }

  /** A connection has ended that was never counted as open. */
  turnedAway(reason: EndReason): void {
    addToCounter(this.#words, LISTENER.total, 1);
    this.#ended(reason);
  }

  /** A connection that {@link opened} counted has ended. */
  closed(reason: EndReason): void {
    this.#open.remove();
    this.#ended(reason);
  }

  /** Bytes came from the client. */
  addBytesIn(bytes: number): void {
    addToCounter(this.#words, LISTENER.bytesIn, bytes);
  }

  /** Bytes came from the server. */
  addBytesOut(bytes: number): void {
    addToCounter(this.#words, LISTENER.bytesOut, bytes);
  }

  /** Accepting failed (out of descriptors, say). */
  acceptFailed(): void {
    addToCounter(this.#words, LISTENER.acceptErrors, 1);
  }

  /** A server took a connection after `seconds`. */
  connected(seconds: number): void {
    countTime(this.#words, LISTENER.connectTimes, { bounds: CONNECT_BUCKETS, seconds });
  }

  /** A TLS handshake has succeeded after `seconds`. */
  handshakeDone(seconds: number): void {
    countTime(this.#words, LISTENER.handshakeTimes, { bounds: HANDSHAKE_BUCKETS, seconds });
  }

  /** A connection that was let in has ended after `seconds`. */
  lasted(seconds: number): void {
    countTime(this.#words, LISTENER.durations, { bounds: DURATION_BUCKETS, seconds });
  }

  /** A TLS handshake has failed. */
  handshakeFailed(failure: HandshakeFailure): void {
    addToCounter(this.#words, LISTENER.handshakeFailures + 2 * HANDSHAKE_FAILURES.indexOf(failure), 1);
  }

  #ended(reason: EndReason): void {
    addToCounter(this.#words, LISTENER.reasons + 2 * END_REASONS.indexOf(reason), 1);
  }

  /** How many connections have ended for a reason. */
  ended(reason: EndReason): number {
    return readCounter(this.#words, LISTENER.reasons + 2 * END_REASONS.indexOf(reason));
  }

  /** What moves with every connection, for those who look often. */
  traffic() {
    return {
      connectionsActive: this.#open.value,
      connectionsTotal: readCounter(this.#words, LISTENER.total),
      bytesIn: readCounter(this.#words, LISTENER.bytesIn),
      bytesOut: readCounter(this.#words, LISTENER.bytesOut),
    };
  }

  /** Everything, as plain numbers. */
  read() {
    const counter = (index: number) => readCounter(this.#words, index);
    const reasons = END_REASONS.map((reason) => [reason, this.ended(reason)] as const);
    return {
      ...this.traffic(),
      acceptErrors: counter(LISTENER.acceptErrors),
      ended: new Map(reasons),
      connectTimes: readTimes(this.#words, LISTENER.connectTimes, CONNECT_BUCKETS),
      handshakeFailures: new Map(
        HANDSHAKE_FAILURES.map((failure, index) => [failure, counter(LISTENER.handshakeFailures + 2 * index)] as const),
      ),
      handshakeTimes: readTimes(this.#words, LISTENER.handshakeTimes, HANDSHAKE_BUCKETS),
      durations: readTimes(this.#words, LISTENER.durations, DURATION_BUCKETS),
    };
  }
}

/** State and counters of one server, as one listener sees it. */
export class ServerCounters {
  readonly #words: Int32Array;
  readonly #slot: number;
  readonly #journal: ClaimJournal;
  readonly #open: OpenCount;

  /** @param memory the board the server stands on, that of a worker if it counts connections, @param key the server */
  constructor(memory: BoardMemory | WorkerMemory, key: string) {
    const slot = memory.slots.get(key) ?? -1;
    const block = memory.blocks[Math.floor(slot / SLOTS_PER_BLOCK)];
    if (block === undefined) throw new Error(`Cannot find server "${key}" on the board`);
    this.#words = new Int32Array(block, (slot % SLOTS_PER_BLOCK) * SERVER.words * 4, SERVER.words);
    this.#slot = slot;
    this.#journal = new ClaimJournal(memory.listener);
    const own = "ledger" in memory ? ledgerWord(memory.ledger, slot) : undefined;
    this.#open = new OpenCount({ words: this.#words, index: SERVER.active }, own);
  }

  /**
   * Connections that are open or being opened. A plain read: a pick may look at a thousand servers, and an atomic load
   * is a call. Words are never read by halves.
   */
  get active(): number {
    return this.#words[SERVER.active] ?? 0;
  }

  /**
   * The running value of smooth weighted round robin. Several threads change it under a lock, which orders what they
   * do: an atomic store for each server would be most of what a pick costs.
   */
  get turn(): number {
    return this.#words[SERVER.turn] ?? 0;
  }
  set turn(value: number) {
    this.#words[SERVER.turn] = value;
  }

  /**
   * Makes the turn go by another sum of weights, so that a server stays as far behind its share, or ahead of it, as it
   * was: without this, a turn from a time of large weights would outweigh many picks of small ones.
   */
  scaleTurn(sum: number): void {
    const before = Atomics.exchange(this.#words, SERVER.turnSum, sum);
    if (before !== sum && before > 0) this.turn = Math.round(this.turn * sum / before);
  }

  /** What is known of the server's health. */
  get health(): HealthState {
    return HEALTH_STATES[Atomics.load(this.#words, SERVER.health)] ?? "Unknown";
  }
  set health(state: HealthState) {
    Atomics.store(this.#words, SERVER.health, HEALTH_STATES.indexOf(state));
  }

  /**
   * Sets the health. @returns what it was: of several threads that bring the same news, one sees the change
   */
  becomes(state: HealthState): HealthState {
    return HEALTH_STATES[Atomics.exchange(this.#words, SERVER.health, HEALTH_STATES.indexOf(state))] ?? "Unknown";
  }

  /** Since when the server warms up, in milliseconds since 1970; 0 when it never had to. */
  get warmSince(): number {
    return readCounter(this.#words, SERVER.warmSince);
  }

  /** The server is new, or back. @param at milliseconds since 1970 */
  startWarming(at: number): void {
    storeCounter(this.#words, SERVER.warmSince, at);
  }

  /** A connection is on its way to the server. */
  reserve(): void {
    this.#open.add();
    this.#journal.note(this.#slot);
  }

  /** What {@link reserve} counted is over. */
  release(): void {
    this.#open.remove();
    this.#journal.note(this.#slot);
  }

  /** The server took a connection. */
  connected(): void {
    addToCounter(this.#words, SERVER.total, 1);
    this.forgetFailures();
  }

  /** The server did not take a connection. @returns how many it has not taken in a row, over all threads */
  connectFailed(): number {
    addToCounter(this.#words, SERVER.connectFailures, 1);
    return Atomics.add(this.#words, SERVER.failureRun, 1) + 1;
  }

  /** How many connections the server has taken, for {@link connectTimedOut}. */
  get taken(): number {
    return readCounter(this.#words, SERVER.total);
  }

  /**
   * The server did not take a connection in time. One that it has taken since the attempt began is the fresher news: the
   * answer was lost, or this thread has too much to do to see it.
   *
   * @param takenBefore {@link taken} when the attempt began
   * @returns as {@link connectFailed}, and 0 for an attempt that says nothing about the server
   */
  connectTimedOut(takenBefore: number): number {
    if (this.taken === takenBefore) return this.connectFailed();
    addToCounter(this.#words, SERVER.connectFailures, 1);
    return 0;
  }

  /** Failed connections are counted from the start again. */
  forgetFailures(): void {
    // Looked at first, because nearly always there is nothing to write.
    if (Atomics.load(this.#words, SERVER.failureRun) !== 0) Atomics.store(this.#words, SERVER.failureRun, 0);
  }

  /** Bytes went to the server. */
  addBytesIn(bytes: number): void {
    addToCounter(this.#words, SERVER.bytesIn, bytes);
  }

  /** Bytes came from the server. */
  addBytesOut(bytes: number): void {
    addToCounter(this.#words, SERVER.bytesOut, bytes);
  }

  /** A probe has ended. @param at milliseconds since 1970 */
  probed(ok: boolean, at: number): void {
    Atomics.store(this.#words, SERVER.lastProbe, ok ? 1 : 2);
    storeCounter(this.#words, SERVER.lastProbeAt, at);
  }

  /** Forgets what is known of the server's state; totals and open connections stay. @param at as for warming */
  startAfresh(at: number): void {
    Atomics.store(this.#words, SERVER.lastProbe, 0);
    this.forgetFailures();
    this.startWarming(at);
    this.health = "Unknown";
    this.turn = 0;
  }

  /** Makes the slot as good as new, for another server. Open connections are none by then, and not touched. */
  clear(): void {
    this.#words.fill(0, SERVER.active + 1);
  }

  /** Everything, as plain numbers. */
  read() {
    const lastProbe = Atomics.load(this.#words, SERVER.lastProbe);
    return {
      health: this.health,
      connectionsActive: this.active,
      connectionsTotal: readCounter(this.#words, SERVER.total),
      connectFailures: readCounter(this.#words, SERVER.connectFailures),
      bytesIn: readCounter(this.#words, SERVER.bytesIn),
      bytesOut: readCounter(this.#words, SERVER.bytesOut),
      lastProbeOk: lastProbe === 0 ? null : lastProbe === 1,
      lastProbeAt: lastProbe === 0 ? null : readCounter(this.#words, SERVER.lastProbeAt),
      warmSince: this.warmSince,
    };
  }
}
