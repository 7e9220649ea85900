/**
 * Letting another process take this one's place: what it is told, and what happens when it has.
 *
 * @module
 */

import { drainedBy } from "../config/runtime.ts";
import type { Reloader } from "../control/reload.ts";
import { type Offer, Succession, type Successor } from "../control/succession.ts";
import type { Supervisor } from "../control/supervisor.ts";
import { WeirError } from "../errors.ts";
import type { Log } from "../log.ts";
import { VERSION } from "../version.ts";
import type { AdminDoor } from "./admin_door.ts";

/** What belongs to the process that gives way. */
export interface GivingWayContext {
  readonly reloader: Pick<Reloader, "serving" | "overrides" | "betweenChanges">;
  readonly supervisor: Pick<Supervisor, "admitSuccessor" | "places">;
  readonly door: Pick<AdminDoor, "address" | "close">;
  readonly log: Log;
  /** How often a service manager wants to hear of this program; `null` when none does. */
  readonly watchdogMicroseconds: number | null;
  isStopping(): boolean;
  /** Ends everything but the admin API, which closes by itself. @param seconds to drain */
  end(seconds: number, doorClosed: Promise<void>): void;
}

/** One process, and those that want its place. */
export class GivingWay {
  readonly #context: GivingWayContext;
  readonly #succession = new Succession({ now: () => performance.now(), newId: () => crypto.randomUUID() });
  readonly #done = Promise.withResolvers<void>();

  /** @param context what is given up */
  constructor(context: GivingWayContext) {
    this.#context = context;
  }

  /** Resolves when another process has taken this one's place. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /**
   * Makes room beside this process.
   *
   * @throws {WeirError} `stopping`, or when another process has the offer
   */
  async offer(): Promise<Offer> {
    const { reloader, supervisor, door, log, watchdogMicroseconds } = this.#context;
    this.#refuseWhenStopping();
    const id = this.#succession.grant();
    try {
      await reloader.betweenChanges(() => supervisor.admitSuccessor());
    } catch (error) {
      this.#succession.redeem(id);
      throw error;
    }
    log("info", "Another process gets ready to replace this one");
    return {
      id,
      process: Deno.pid,
      version: VERSION,
      places: supervisor.places,
      admin: door.address,
      drained: drainedBy(reloader.overrides),
      watchdogMicroseconds,
    };
  }

  /** Takes an offer back. @throws {WeirError} when there is no such offer */
  withdraw(id: string): void {
    this.#succession.redeem(id);
  }

  /** Another process serves: this one drains and ends. @throws {WeirError} `stopping`, or when there is no such offer */
  giveWay(id: string, { process, version }: Successor): void {
    const { reloader, door, log, end } = this.#context;
    this.#succession.redeem(id);
    this.#refuseWhenStopping();
    const seconds = reloader.serving?.drainTimeout ?? 0;
    const left = `open connections have ${seconds} s to end`;
    log("info", `Process ${process} (Weir ${version}) has taken over; ${left}`, { event: "stopping" });
    end(seconds, door.close());
    this.#done.resolve();
  }

  #refuseWhenStopping(): void {
    if (this.#context.isStopping()) throw new WeirError("stopping", "Weir is stopping already");
  }
}
