/**
 * What a translation could not carry over, or carried over as something else.
 *
 * @module
 */

/** One thing to look at. */
export interface Remark {
  /** 1-based line of the HAProxy configuration. */
  readonly line: number;
  /** What it is, and what to do instead. */
  readonly message: string;
}

/** Collects remarks; the same one twice, as a `defaults` section gives for each section after it, counts once. */
export class Remarks {
  readonly #all = new Map<string, Remark>();

  add(line: number, message: string): void {
    this.#all.set(`${line} ${message}`, { line, message });
  }

  /** All of them, in the order of the file. */
  sorted(): readonly Remark[] {
    return [...this.#all.values()].sort((a, b) => a.line - b.line);
  }
}
