/**
 * Histograms of times on a board: a counter for each bucket, one for what is longer than all of them, and after these the
 * sum in microseconds.
 *
 * @module
 */

import { addMuchToCounter, addToCounter, readCounter } from "./words.ts";

/** A histogram of times. */
export interface Times {
  /** Upper bounds of the buckets but the last, in seconds. */
  readonly bounds: readonly number[];
  /** How many times fell into each bucket. */
  readonly buckets: readonly number[];
  /** The sum of all times. */
  readonly seconds: number;
}

/** Words that a histogram takes. */
export function histogramWords(bounds: readonly number[]): number {
  return 2 * (bounds.length + 2);
}

/** Counts a time. @param at where the histogram begins */
export function countTime(words: Int32Array, at: number, { bounds, seconds }: Omit<Times, "buckets">): void {
  const found = bounds.findIndex((bound) => seconds <= bound);
  addToCounter(words, at + 2 * (found < 0 ? bounds.length : found), 1);
  addMuchToCounter(words, at + 2 * (bounds.length + 1), Math.round(seconds * 1e6));
}

/** Reads a histogram. @param at where it begins */
export function readTimes(words: Int32Array, at: number, bounds: readonly number[]): Times {
  const buckets = Array.from({ length: bounds.length + 1 }, (_, index) => readCounter(words, at + 2 * index));
  return { bounds, buckets, seconds: readCounter(words, at + 2 * (bounds.length + 1)) / 1e6 };
}
