/**
 * The access log's side of a worker: it gathers what connections leave and sends it to the main thread now and then.
 * A message costs as much as several records, and a connection is not to wait for either.
 *
 * @module
 */

import type { AccessBatch, AccessRecord } from "./record.ts";

/** Records that are sent at once at the latest. */
export const BATCH_RECORDS = 128;

/** Milliseconds that a record waits for others. */
export const BATCH_MS = 100;

/** Records that may be on their way; more than that are dropped, so that a busy main thread is not buried in them. */
export const MOST_ON_THE_WAY = 16_384;

/** What a recorder needs. */
export interface RecorderContext {
  /** Sends a batch to the main thread. */
  send(batch: AccessBatch): void;
  /** How many records the main thread has taken so far, as 32 bits that start over. */
  taken(): number;
  /** Calls once, later. */
  after(milliseconds: number, call: () => void): void;
}

/** Gathers the records of all listeners of a worker. */
export class AccessRecorder {
  readonly #context: RecorderContext;
  #records: AccessRecord[] = [];
  #dropped = 0;
  #sent = 0;
  #isWaiting = false;

  /** @param context where records go */
  constructor(context: RecorderContext) {
    this.#context = context;
  }

  /** A connection has ended. */
  add(record: AccessRecord): void {
    this.#records.push(record);
    if (this.#records.length >= BATCH_RECORDS) this.flush();
    else this.#wait();
  }

  /** Sends what there is, or drops it while too much is on its way. */
  flush(): void {
    const records = this.#records;
    if (records.length === 0 && this.#dropped === 0) return;
    this.#records = [];
    const onTheWay = (this.#sent - this.#context.taken()) | 0;
    if (onTheWay + records.length > MOST_ON_THE_WAY) {
      this.#dropped += records.length;
      // To be told all the same, when no other connection ends for long.
      this.#wait();
      return;
    }
    const batch = { records, dropped: this.#dropped };
    this.#sent = (this.#sent + records.length) | 0;
    this.#dropped = 0;
    this.#context.send(batch);
  }

  #wait(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#context.after(BATCH_MS, () => {
      this.#isWaiting = false;
      this.flush();
    });
  }
}
