/** What fuzzing needs to know of something that reads what comes from outside. @module */

import type fc from "fast-check";

/** Something that is fuzzed. */
export interface FuzzTarget {
  readonly name: string;
  /** What must hold for every input, in a line for people. */
  readonly holds: string;
  /** Whether inputs are text in UTF-8. */
  readonly isText: boolean;
  /** Good and bad inputs that are known; others are made of them. */
  seeds(): readonly Uint8Array[] | Promise<readonly Uint8Array[]>;
  /** Pieces that mean something to what is fuzzed. */
  readonly words: readonly (string | Uint8Array)[];
  /** Whole inputs that are right, or nearly so. */
  readonly generated?: fc.Arbitrary<Uint8Array>;
  /** Inputs are no longer than this, in bytes. */
  readonly longest: number;
  /**
   * Gives an input to what is fuzzed.
   *
   * @returns in a word or two what became of it: inputs that come to something new are made others of
   * @throws whatever, when what must hold does not
   */
  check(input: Uint8Array): string | Promise<string>;
}

/** A text as an input. */
export function inputOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** An input as text. */
export function textOf(input: Uint8Array): string {
  return new TextDecoder().decode(input);
}

/** What messages have in common that differ only in names, numbers and what is shown. */
export function shapeOf(message: string): string {
  return message.replace(/"(?:[^"\\\n]|\\.)*"|'[^'\n]*'/g, '""').replace(/\d+/g, "0").replace(/\s+/g, " ").slice(
    0,
    120,
  );
}
