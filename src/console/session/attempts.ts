/**
 * How often somebody may try to sign in: a few times at once, then slowly; each address by itself, and all together.
 * Only attempts that fail count.
 *
 * @module
 */

/** Failures in a row that are for free. */
const BURST = 5;

/** Milliseconds after which one more is. */
const REFILL_MS = 10_000;

/** The same for all addresses together. */
const BURST_OF_ALL = 100;
const REFILL_OF_ALL_MS = 500;

/** Addresses that are remembered; the one that failed longest ago is forgotten first. */
const MOST_ADDRESSES = 1000;

/** A bucket as the moment, in milliseconds, when all its failures are forgiven. */
type Forgiven = number;

/** Counts failed attempts. */
export class SignInAttempts {
  readonly #now: () => number;
  readonly #addresses = new Map<string, Forgiven>();
  #all: Forgiven = 0;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Seconds until an address may try; 0 for at once. */
  wait(address: string): number {
    const own = this.#over(this.#addresses.get(address) ?? 0, BURST, REFILL_MS);
    const all = this.#over(this.#all, BURST_OF_ALL, REFILL_OF_ALL_MS);
    return Math.ceil(Math.max(0, own, all) / 1000);
  }

  /** An attempt has failed. */
  failed(address: string): void {
    const now = this.#now();
    const own = Math.max(now, this.#addresses.get(address) ?? 0) + REFILL_MS;
    this.#addresses.delete(address);
    this.#addresses.set(address, own);
    const [oldest] = this.#addresses.keys();
    if (oldest !== undefined && this.#addresses.size > MOST_ADDRESSES) this.#addresses.delete(oldest);
    this.#all = Math.max(now, this.#all) + REFILL_OF_ALL_MS;
  }

  /** Milliseconds until there is room for one more failure. */
  #over(forgiven: Forgiven, burst: number, refill: number): number {
    return forgiven + refill - burst * refill - this.#now();
  }
}
