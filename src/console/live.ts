/**
 * The parts of a page that move. A page is rendered twice: with its texts for people, and without them for comparing:
 * while only texts differ the browser gets these, and when anything else does it fetches the page again. So there is
 * one place that says what a page shows.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** Collects the moving texts of one rendering. */
export class Live {
  readonly #texts = new Map<string, string>();
  readonly #isShown: boolean;

  /** @param isShown whether the page itself holds the texts */
  constructor(isShown: boolean) {
    this.#isShown = isShown;
  }

  /** Puts a text down. @param key unique on the page @returns what stands in the page */
  put(key: string, text: string): string {
    this.#texts.set(key, text);
    return this.#isShown ? text : "";
  }

  /** The texts by their keys, complete once the page is rendered. */
  get texts(): ReadonlyMap<string, string> {
    return this.#texts;
  }
}

/** A page as it is at a moment. */
export interface Snapshot {
  /** Stands for everything but the texts. */
  readonly shape: string;
  readonly texts: ReadonlyMap<string, string>;
}

/** What a page without its texts comes to. */
export function snapshotOf(html: string, live: Live): Snapshot {
  return { shape: createHash("sha256").update(html).digest("base64url").slice(0, 16), texts: live.texts };
}

/** The texts that are others than before. */
export function changedTexts(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>) {
  return Object.fromEntries([...now].filter(([key, text]) => before.get(key) !== text));
}
