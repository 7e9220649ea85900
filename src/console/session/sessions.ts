/**
 * Who is signed in to the console: in memory, bounded in number, each one over after a time of no use, at the end of a
 * day's work, on signing out, and as soon as the token is another one.
 *
 * @module
 */

import { createHash, randomBytes } from "node:crypto";

/** Sessions at once; one more ends the one that was not used for longest. */
export const MOST_SESSIONS = 100;

/** Milliseconds of no use that end a session. */
export const IDLE_MS = 60 * 60_000;

/** Milliseconds that a session may last. */
export const LONGEST_MS = 12 * 60 * 60_000;

/** Somebody who is signed in. */
export interface Session {
  /** Goes into every form, so that nobody else can make one. */
  readonly formToken: string;
}

interface Kept extends Session {
  readonly token: string;
  readonly startedAt: number;
  usedAt: number;
}

/** All sessions. */
export class Sessions {
  /** By the hash of the id, the one used last at the end: what is in memory opens nothing. */
  readonly #kept = new Map<string, Kept>();
  readonly #now: () => number;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Sessions that are kept. */
  get size(): number {
    return this.#kept.size;
  }

  /** Begins a session. @param token that it was signed in with @returns its id, which only its owner may know */
  begin(token: string): string {
    const id = secret();
    const now = this.#now();
    for (const [key, kept] of this.#kept) if (this.#isOver(kept, token)) this.#kept.delete(key);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size >= MOST_SESSIONS) this.#kept.delete(oldest);
    this.#kept.set(hash(id), { formToken: secret(), token: hash(token), startedAt: now, usedAt: now });
    return id;
  }

  /** The session of an id, used now; `undefined` when there is none. @param token in force */
  use(id: string, token: string): Session | undefined {
    const key = hash(id);
    const kept = this.#find(key, token);
    if (kept === undefined) return undefined;
    kept.usedAt = this.#now();
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept;
  }

  /** Whether a session goes on, which is not a use of it. @param token in force */
  goesOn(id: string, token: string): boolean {
    return this.#find(hash(id), token) !== undefined;
  }

  /** Ends a session. */
  end(id: string): void {
    this.#kept.delete(hash(id));
  }

  #find(key: string, token: string): Kept | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined || !this.#isOver(kept, token)) return kept;
    this.#kept.delete(key);
    return undefined;
  }

  #isOver({ token: own, startedAt, usedAt }: Kept, token: string): boolean {
    const now = this.#now();
    return own !== hash(token) || now - usedAt >= IDLE_MS || now - startedAt >= LONGEST_MS;
  }
}

/** 256 bits that nobody can guess, for a cookie or a form. */
export function secret(): string {
  return randomBytes(32).toString("base64url");
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
