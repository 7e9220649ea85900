/**
 * The access log's side of a worker: it gathers lines and sends them to the main thread now and then. A message costs
 * as much as several lines.
 *
 * @module
 */

import type { AccessBatch } from "./record.ts";

/** Lines that are sent at once. */
export const BATCH_LINES = 128;

/** Milliseconds that a line waits for others. */
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

/** Gathers the lines of all listeners of a worker. */
export class AccessRecorder {
  readonly #context: RecorderContext;
  #text = "";
  #lines = 0;
  #dropped = 0;
  #sent = 0;
  #isWaiting = false;

  /** @param context where lines go */
  constructor(context: RecorderContext) {
    this.#context = context;
  }

  /** Takes a line, without its line feed. */
  line(text: string): void {
    this.#text += `${text}\n`;
    if (++this.#lines >= BATCH_LINES) this.flush();
    else this.#wait();
  }

  /** Sends what there is, or drops it while too much is on its way. */
  flush(): void {
    const [text, lines] = [this.#text, this.#lines];
    if (lines === 0 && this.#dropped === 0) return;
    [this.#text, this.#lines] = ["", 0];
    const onTheWay = (this.#sent - this.#context.taken()) | 0;
    if (onTheWay + lines > MOST_ON_THE_WAY) {
      this.#dropped += lines;
      // To be told all the same, when no other connection ends for long.
      this.#wait();
      return;
    }
    const batch = { text, lines, dropped: this.#dropped };
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
