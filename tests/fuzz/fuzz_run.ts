/** Gives one target after the other inputs until one fails, or it is enough. @module */

import process from "node:process";
import fc from "fast-check";
import { type Random, randomFrom } from "../support/random.ts";
import { type CorpusEntry, readCorpus } from "./corpus.ts";
import { minimise } from "./minimise.ts";
import { mutate } from "./mutate.ts";
import { type FuzzTarget, shapeOf } from "./target.ts";

/** When it is enough, and what takes too long. */
export interface FuzzLimits {
  readonly seed: number;
  readonly runs: number;
  readonly seconds: number;
  /** Milliseconds of processor time that an input may take, however large it is, twice in a row. */
  readonly patience: number;
  /** Inputs are no longer than this, or than the target says. */
  readonly longest?: number;
  /** Told of every input before it is given. */
  readonly watch?: (input: Uint8Array) => void;
}

/** An input that broke what must hold. */
export interface FuzzFailure {
  readonly input: Uint8Array;
  readonly error: Error;
}

/** What came of it. */
export interface FuzzResult {
  readonly runs: number;
  /** Different things that became of inputs. */
  readonly outcomes: number;
  readonly failure: FuzzFailure | undefined;
}

/** Inputs that came to something new and are kept to make others of. */
const MOST_KEPT = 5000;

/** Generated inputs that are made at once. */
const BATCH = 100;

/** Fuzzes a target. */
export async function fuzz(target: FuzzTarget, limits: FuzzLimits): Promise<FuzzResult> {
  const known = [...readCorpus(target).map(({ input }: CorpusEntry) => input), ...await target.seeds()];
  const maker = new InputMaker(target, known, limits);
  const outcomes = new Set<string>();
  const until = performance.now() + limits.seconds * 1000;
  let runs = 0;
  // What is known comes first: it is what others are made of.
  for (; runs < limits.runs + known.length && (runs < known.length || performance.now() < until); runs++) {
    const input = known[runs] ?? maker.next();
    limits.watch?.(input);
    try {
      const outcome = await timed(target, input, limits.patience);
      if (!outcomes.has(outcome)) {
        outcomes.add(outcome);
        if (runs >= known.length) maker.keep(input);
      }
    } catch (error) {
      return { runs: runs + 1, outcomes: outcomes.size, failure: await smallest(target, input, error, limits) };
    }
  }
  return { runs, outcomes: outcomes.size, failure: undefined };
}

async function timed(target: FuzzTarget, input: Uint8Array, patience: number): Promise<string> {
  for (let attempt = 1;; attempt++) {
    // Not the time that passes: the machine may be busy with other things.
    const before = process.cpuUsage();
    const outcome = target.check(input);
    const word = typeof outcome === "string" ? outcome : await outcome;
    const { user, system } = process.cpuUsage(before);
    const milliseconds = (user + system) / 1000;
    if (milliseconds <= patience) return word;
    if (attempt === 2) throw new Error(`took ${Math.round(milliseconds)} ms for ${input.length} bytes`);
  }
}

async function smallest(
  target: FuzzTarget,
  input: Uint8Array,
  thrown: unknown,
  { patience, watch }: FuzzLimits,
): Promise<FuzzFailure> {
  let error = asError(thrown);
  const kind = kindOf(error);
  const small = await minimise(input, async (smaller) => {
    watch?.(smaller);
    try {
      await timed(target, smaller, patience);
      return false;
    } catch (other) {
      if (kindOf(asError(other)) !== kind) return false;
      error = asError(other);
      return true;
    }
  });
  return { input: small, error };
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Smaller inputs may fail in another manner, which is another fault. */
function kindOf({ name, message }: Error): string {
  return `${name}: ${shapeOf(message.split("\n", 1)[0] ?? "")}`;
}

/** Makes inputs: generated ones, and known ones with damage. */
class InputMaker {
  readonly #random: Random;
  readonly #target: FuzzTarget;
  readonly #pool: Uint8Array[];
  readonly #longest: number;
  readonly #seed: number;
  #batches = 0;
  #batch: Uint8Array[] = [];

  constructor(target: FuzzTarget, known: readonly Uint8Array[], { seed, longest }: FuzzLimits) {
    this.#random = randomFrom(seed);
    this.#seed = seed;
    this.#target = target;
    this.#pool = [...known];
    this.#longest = Math.min(target.longest, longest ?? Infinity);
  }

  keep(input: Uint8Array): void {
    if (this.#pool.length < MOST_KEPT) this.#pool.push(input);
    else this.#pool[this.#random(MOST_KEPT)] = input;
  }

  next(): Uint8Array {
    const random = this.#random;
    const fresh = this.#target.generated !== undefined && random(4) === 0 ? this.#generated() : undefined;
    if (fresh !== undefined && random(2) === 0) return fresh;
    const base = fresh ?? this.#pool[random(this.#pool.length)] ?? new Uint8Array();
    const { words, isText } = this.#target;
    return mutate(base, random, { pool: this.#pool, words, isText, longest: this.#longest });
  }

  #generated(): Uint8Array | undefined {
    if (this.#batch.length === 0 && this.#target.generated !== undefined) {
      const seed = this.#seed + this.#batches++;
      this.#batch = fc.sample(this.#target.generated, { seed, numRuns: BATCH })
        .map((input) => input.subarray(0, this.#longest));
    }
    return this.#batch.pop();
  }
}
