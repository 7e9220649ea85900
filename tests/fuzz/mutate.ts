/** Inputs made of others, by damage of every degree. Pure. @module */

import type { Random } from "../support/random.ts";
import { inputOf } from "./target.ts";

/** What damage is done with. */
export interface Surroundings {
  /** Inputs to take pieces from. */
  readonly pool: readonly Uint8Array[];
  readonly words: readonly (string | Uint8Array)[];
  readonly isText: boolean;
  readonly longest: number;
}

/** One to several kinds of damage. */
export function mutate(input: Uint8Array, random: Random, surroundings: Surroundings): Uint8Array {
  let bytes = input;
  for (let left = random(5); left >= 0; left--) bytes = damaged(bytes, random, surroundings);
  return bytes.subarray(0, surroundings.longest);
}

function damaged(bytes: Uint8Array, random: Random, { pool, words, isText, longest }: Surroundings): Uint8Array {
  const at = random(bytes.length + 1);
  const length = random(random(8) === 0 ? bytes.length + 1 : 16) + 1;
  const other = pool[random(pool.length)] ?? bytes;
  switch (random(11)) {
    case 0: // one bit
      return isText ? replaced(bytes, at, 1, printable(random)) : flipped(bytes, at, 1 << random(8));
    case 1: // one byte
      return replaced(bytes, at, 1, isText ? printable(random) : Uint8Array.of(random(256)));
    case 2:
      return replaced(bytes, at, 0, isText ? printable(random) : Uint8Array.of(random(256)));
    case 3:
      return replaced(bytes, at, length, new Uint8Array());
    case 4: // cut off
      return random(4) === 0 ? bytes.slice(0, at) : bytes;
    case 5: // the beginning of this and the end of another
      return replaced(bytes, at, bytes.length, other.slice(random(other.length + 1)));
    case 6: { // a piece of another
      const from = random(other.length + 1);
      return replaced(bytes, at, random(2) * length, other.slice(from, from + length));
    }
    case 7: { // a piece of itself elsewhere
      const from = random(bytes.length + 1);
      return replaced(bytes, at, 0, bytes.slice(from, from + length));
    }
    case 8: { // a piece of itself again and again: what takes more than linear time shows
      if (random(20) > 0) return bytes;
      const piece = bytes.slice(at, at + length);
      const times = Math.min(Math.floor(longest / (piece.length + 1)), 1 << random(18));
      const many = new Uint8Array(piece.length * times);
      for (let index = 0; index < times; index++) many.set(piece, index * piece.length);
      return replaced(bytes, at, 0, many);
    }
    case 9: { // numbers at the edges of their ranges
      if (!isText) return replaced(bytes, at, 1, Uint8Array.of([0, 1, 0x7f, 0x80, 0xff][random(5)] ?? 0));
      return replaced(bytes, at, random(2) * length, inputOf(NUMBERS[random(NUMBERS.length)] ?? "0"));
    }
    default: {
      const word = words[random(words.length)] ?? "";
      return replaced(bytes, at, random(3) === 0 ? length : 0, typeof word === "string" ? inputOf(word) : word);
    }
  }
}

const NUMBERS = ["0", "-1", "1", "65535", "65536", "99999999999999999999", "1e309", "0x10", "-0", "1.5", "007", "NaN"];

/** Characters that mean something in most languages come often, and some that mean nothing. */
const MARKS = [..."abcABC019 \n\t:,;-_./\\\"'`{}[]()<>#*&!|%@?$=+~^\r", "\0", "\u007f", "é", "😀", "\u2028", "\ufeff"];

function printable(random: Random): Uint8Array {
  return inputOf(MARKS[random(MARKS.length)] ?? "a");
}

function flipped(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  return bytes.map((byte, index) => index === at ? byte ^ bit : byte);
}

function replaced(bytes: Uint8Array, at: number, length: number, piece: Uint8Array): Uint8Array {
  const end = Math.min(at + length, bytes.length);
  const result = new Uint8Array(at + piece.length + bytes.length - end);
  result.set(bytes.subarray(0, at));
  result.set(piece, at);
  result.set(bytes.subarray(end), at + piece.length);
  return result;
}
