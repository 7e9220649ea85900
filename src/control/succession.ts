/**
 * Being replaced by another process: one at a time may get ready for it, and only that one may take over. Pure but for
 * the clock.
 *
 * @module
 */

import type { OverrideScope } from "../config/runtime.ts";
import { WeirError } from "../errors.ts";
import type { ListenAddress } from "../net/listen.ts";
import type { PortsAt } from "./socket_policy.ts";

/** Seconds that another process gets to be ready; without a word from it the next one may try after that. */
export const READY_SECONDS = 120;

/** A server that takes nothing new. */
export interface DrainedServer {
  readonly scope: OverrideScope;
  readonly server: string;
}

/** What a running Weir tells the process that is to replace it. */
export interface Offer {
  /** What that process has to name when it takes over. */
  readonly id: string;
  readonly process: number;
  readonly version: string;
  /** Where it listens. */
  readonly places: readonly PortsAt[];
  readonly admin: ListenAddress | null;
  readonly drained: readonly DrainedServer[];
  /** How often a service manager wants to hear of it; `null` when none does. */
  readonly watchdogMicroseconds: number | null;
}

/** Who says that it takes over. */
export interface Successor {
  readonly process: number;
  readonly version: string;
}

/** Who may take over. */
export class Succession {
  readonly #now: () => number;
  readonly #newId: () => string;
  #granted: { readonly id: string; readonly until: number } | undefined;

  /** @param context a clock in milliseconds, and names that nobody can guess */
  constructor({ now, newId }: { readonly now: () => number; readonly newId: () => string }) {
    this.#now = now;
    this.#newId = newId;
  }

  /** Lets one process get ready. @returns its name for it @throws {WeirError} `in_use` while another one does */
  grant(): string {
    const left = Math.ceil(((this.#granted?.until ?? 0) - this.#now()) / 1000);
    if (this.#granted !== undefined && left > 0) {
      throw new WeirError(
        "in_use",
        `Another process is getting ready to replace this one; if it has died, try again in ${left} s`,
      );
    }
    const id = this.#newId();
    this.#granted = { id, until: this.#now() + READY_SECONDS * 1000 };
    return id;
  }

  /** That process does not come, or it takes over: once. @throws {WeirError} `no_such_replacement` when it is another one */
  redeem(id: string): void {
    if (this.#granted?.id !== id) {
      throw new WeirError("no_such_replacement", `This process has not offered "${id}" to replace it`);
    }
    this.#granted = undefined;
  }
}
