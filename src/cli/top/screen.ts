/**
 * A terminal that is drawn on: its second screen, without a cursor and with keys read one by one, until disposed. Then
 * everything is as it was.
 *
 * @module
 */

import { print } from "../output.ts";
import type { FrameSize } from "./frame.ts";

/** Enters the second screen, hides the cursor. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** What a terminal that does not know its size is taken for. */
const USUAL: FrameSize = { columns: 80, rows: 24 };

/** A terminal while it is drawn on. */
export class Screen implements Disposable {
  readonly #keys = Deno.stdin.isTerminal();

  /** @param onKey called for each key, with what the terminal sends for it */
  constructor(onKey: (key: string) => void) {
    print(ENTER, "");
    if (!this.#keys) return;
    Deno.stdin.setRaw(true);
    void this.#read(onKey);
  }

  /** The room there is now. */
  get size(): FrameSize {
    const { columns, rows } = Deno.consoleSize();
    return columns > 0 && rows > 0 ? { columns, rows } : USUAL;
  }

  /** Shows lines instead of what was there. */
  draw(lines: readonly string[]): void {
    // A line feed at the end of the last line would scroll.
    print(`${HOME}${lines.map((line) => `${line}${CLEAR_LINE}`).join("\r\n")}${CLEAR_BELOW}`, "");
  }

  [Symbol.dispose](): void {
    if (this.#keys) Deno.stdin.setRaw(false);
    print(LEAVE, "");
  }

  async #read(onKey: (key: string) => void): Promise<void> {
    const buffer = new Uint8Array(64);
    const decoder = new TextDecoder();
    for (;;) {
      const count = await Deno.stdin.read(buffer).catch(() => null);
      if (count === null) return;
      for (const key of decoder.decode(buffer.subarray(0, count))) onKey(key);
    }
  }
}
