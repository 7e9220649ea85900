/**
 * What is said once, on the page that follows an action: kept until it is shown, few at a time.
 *
 * @module
 */

import { randomBytes } from "node:crypto";

/** What was done, or why not. */
export interface Note {
  readonly kind: "done" | "warning" | "error";
  readonly text: string;
  /** More of it, a line each. */
  readonly details?: readonly string[];
}

/** Notes that wait to be shown; the oldest is forgotten first. */
const MOST_NOTES = 100;

/** Keeps notes. */
export class Notes {
  readonly #notes = new Map<string, Note>();

  /** Keeps a note. @returns what it is asked for by */
  put(note: Note): string {
    const id = randomBytes(9).toString("base64url");
    const [oldest] = this.#notes.keys();
    if (oldest !== undefined && this.#notes.size >= MOST_NOTES) this.#notes.delete(oldest);
    this.#notes.set(id, note);
    return id;
  }

  /** Hands a note out, once. */
  take(id: string): Note | undefined {
    const note = this.#notes.get(id);
    this.#notes.delete(id);
    return note;
  }
}
