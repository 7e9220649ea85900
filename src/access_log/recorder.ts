/**
 * The access log's side of a worker: it gathers what connections leave, and now and then makes lines of it and sends
 * them to the main thread. Many at a time, because a message costs as much as several lines.
 *
 * @module
 */

import type { AccessBatch, AccessRecord } from "./record.ts";
import { type AccessFormat, renderAccess } from "./render.ts";

/** Records that are sent at once. */
export const BATCH_RECORDS = 256;

/** Milliseconds that a record waits for others. */
export const BATCH_MS = 100;

/** Lines that may be on their way; more than that are dropped, so that a busy main thread is not buried in them. */
export const MOST_ON_THE_WAY = 16_384;

/** What a recorder needs. */
export interface RecorderContext {
  /** Sends a batch to the main thread. */
  send(batch: AccessBatch): void;
  /** How many lines the main thread has taken so far, as 32 bits that start over. */
  taken(): number;
  /** Calls once, later. */
  after(milliseconds: number, call: () => void): void;
}

/** Gathers the records of all listeners of a worker. */
export class AccessRecorder {
  readonly #context: RecorderContext;
  readonly #encoder = new TextEncoder();
  #records: AccessRecord[] = [];
  #format: AccessFormat = "json";
  #dropped = 0;
  #sent = 0;
  #isWaiting = false;

  /** @param context where they go */
  constructor(context: RecorderContext) {
    this.#context = context;
  }

  /** A connection has ended. @param format how its line is to look */
  add(record: AccessRecord, format: AccessFormat): void {
    if (format !== this.#format) this.flush();
    this.#format = format;
    this.#records.push(record);
    if (this.#records.length >= BATCH_RECORDS) this.flush();
    else this.#wait();
  }

  /** Sends what there is, or drops it while too much is on its way. */
  flush(): void {
    const records = this.#records;
    const lines = records.length;
    if (lines === 0 && this.#dropped === 0) return;
    this.#records = [];
    const onTheWay = (this.#sent - this.#context.taken()) | 0;
    if (onTheWay + lines > MOST_ON_THE_WAY) {
      this.#dropped += lines;
      // To be told all the same, when no other connection ends for long.
      this.#wait();
      return;
    }
    let text = "";
    for (const record of records) text += `${renderAccess(record, this.#format)}\n`;
    const batch = { bytes: this.#encoder.encode(text), lines, dropped: this.#dropped };
    this.#sent = (this.#sent + lines) | 0;
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
