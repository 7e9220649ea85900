/**
 * The addresses of servers' host names: looked up before a configuration serves, and again when their time is over. A
 * name that cannot be looked up any more keeps its last good answer.
 *
 * @module
 */

import { sameData } from "../config/diff.ts";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { familyOf } from "../net/ip.ts";
import type { NameAnswer } from "../net/resolve_name.ts";

/** What is known of a host name. */
export interface NameState {
  /** The last good answer; empty when there was none. */
  readonly addresses: readonly string[];
  /** Why the last look-up failed; `null` when it did not. */
  readonly error: string | null;
  /** When it was looked up last, ISO 8601. */
  readonly checkedAt: string;
}

/** What the watch needs from outside. */
export interface NameWatchContext {
  /** Looks a name up. @param servers DNS servers; none for the system's own rules */
  readonly resolve: (name: string, servers: readonly string[]) => Promise<NameAnswer>;
  /** Calls back after `seconds`; what it returns cancels the call. */
  readonly after: (seconds: number, call: () => void) => () => void;
  readonly now: () => Date;
  readonly log: Log;
  /** The addresses of a watched name are others than before. */
  readonly onChange: () => void;
}

/** Names that are looked up for a configuration which may or may not come to serve. */
export interface PreparedNames {
  /** Addresses by name. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** Watches these names from now on, and no others. */
  commit(): void;
}

/** Seconds that a start or a reload waits for names; those that take longer get their addresses later. */
const FIRST_ANSWER_SECONDS = 3;
/** Seconds until a name is looked up again when its answer does not say. */
const DEFAULT_TTL = 30;
/** Seconds until a name is looked up again after a failure. */
const RETRY_SECONDS = 5;
/** Seconds; a shorter or longer time to live is taken as these. */
const TTL_RANGE = { min: 1, max: 3600 } as const;

interface Found {
  readonly state: NameState;
  /** Seconds until it is looked up again. */
  readonly again: number;
}

interface Watched {
  state: NameState;
  cancel: () => void;
}

/** Keeps host names' addresses. */
export class NameWatch {
  readonly #context: NameWatchContext;
  readonly #watched = new Map<string, Watched>();
  /** Who waits for a first answer, and how to end that. */
  readonly #waiting = new Set<(reason: string) => void>();
  #stopped = false;
  #servers: readonly string[] = [];

  /** @param context time, look-ups and who listens */
  constructor(context: NameWatchContext) {
    this.#context = context;
  }

  /** What is known of every watched name. */
  get states(): ReadonlyMap<string, NameState> {
    return new Map([...this.#watched].map(([name, { state }]) => [name, state]));
  }

  /** Looks up those names that are not watched yet; never fails, and takes no longer than {@link FIRST_ANSWER_SECONDS}. */
  async prepare(names: ReadonlySet<string>, servers: readonly string[]): Promise<PreparedNames> {
    const fresh = new Map<string, Found>();
    const askAnew = !sameData(servers, this.#servers);
    await Promise.all([...names].map(async (name) => {
      const known = this.#watched.get(name)?.state;
      if ((known === undefined || askAnew) && !this.#stopped) {
        fresh.set(name, await this.#firstAnswer(name, servers, known));
      }
    }));
    const stateOf = (name: string) => fresh.get(name)?.state ?? this.#watched.get(name)?.state;
    return {
      addresses: new Map([...names].map((name) => [name, stateOf(name)?.addresses ?? []])),
      commit: () => this.#follow(names, fresh, servers),
    };
  }

  /** Ends all watching, and keeps nobody waiting for an answer any more. */
  stop(): void {
    this.#follow(new Set(), new Map(), this.#servers);
    this.#stopped = true;
    for (const giveUp of this.#waiting) giveUp("Weir is stopping");
  }

  #follow(names: ReadonlySet<string>, fresh: ReadonlyMap<string, Found>, servers: readonly string[]): void {
    if (this.#stopped) return;
    this.#servers = servers;
    for (const [name, watched] of this.#watched) {
      if (names.has(name) && !fresh.has(name)) continue;
      watched.cancel();
      this.#watched.delete(name);
    }
    for (const [name, { state, again }] of fresh) {
      const watched: Watched = { state, cancel: () => {} };
      this.#watched.set(name, watched);
      if (state.error !== null) this.#warn(name, state);
      this.#schedule(name, watched, again);
    }
  }

  #schedule(name: string, watched: Watched, seconds: number): void {
    watched.cancel = this.#context.after(seconds, () => void this.#refresh(name, watched));
  }

  async #refresh(name: string, watched: Watched): Promise<void> {
    const before = watched.state;
    const { state, again } = await this.#lookUp(name, this.#servers, before);
    // Meanwhile another configuration may have taken over.
    if (this.#watched.get(name) !== watched) return;
    watched.state = state;
    this.#schedule(name, watched, again);
    // Told once, and not again with every look-up that fails.
    if (before.error === null && state.error !== null) this.#warn(name, state);
    if (before.error !== null && state.error === null) {
      this.#context.log("info", `Server name ${name} can be resolved again`, { event: "name_resolved", name });
    }
    if (sameData(before.addresses, state.addresses)) return;
    this.#context.log("info", `Server name ${name} has other addresses: ${state.addresses.join(", ")}`, {
      event: "name_changed",
      name,
    });
    this.#context.onChange();
  }

  async #firstAnswer(name: string, servers: readonly string[], known: NameState | undefined): Promise<Found> {
    const { promise: impatience, resolve } = Promise.withResolvers<Found>();
    const giveUp = (reason: string) => resolve(this.#failed(reason, known));
    const cancel = this.#context.after(FIRST_ANSWER_SECONDS, () => {
      giveUp(`no answer within ${FIRST_ANSWER_SECONDS} s`);
    });
    this.#waiting.add(giveUp);
    try {
      return await Promise.race([this.#lookUp(name, servers, known), impatience]);
    } finally {
      cancel();
      this.#waiting.delete(giveUp);
    }
  }

  async #lookUp(name: string, servers: readonly string[], before: NameState | undefined): Promise<Found> {
    try {
      const { addresses, ttl, unsure } = await this.#context.resolve(name, servers);
      const again = ttl === null ? DEFAULT_TTL : Math.min(Math.max(ttl, TTL_RANGE.min), TTL_RANGE.max);
      // Half of the question failed: what was known of that family holds.
      const held = (before?.addresses ?? []).filter((address) => familyOf(address) === unsure);
      return { state: { addresses: [...addresses, ...held].sort(), error: null, checkedAt: this.#now() }, again };
    } catch (error) {
      return this.#failed(messageOf(error), before);
    }
  }

  #failed(error: string, before: NameState | undefined): Found {
    return { state: { addresses: before?.addresses ?? [], error, checkedAt: this.#now() }, again: RETRY_SECONDS };
  }

  #warn(name: string, { error, addresses }: NameState): void {
    const consequence = addresses.length === 0
      ? "no connection goes to it until it can"
      : `its last addresses hold: ${addresses.join(", ")}`;
    this.#context.log("warn", `Server name ${name} cannot be resolved: ${error}; ${consequence}`, {
      event: "name_failing",
      name,
    });
  }

  #now(): string {
    return this.#context.now().toISOString();
  }
}
