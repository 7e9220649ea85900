/**
 * Watches that the process stays within its descriptors: says at the start how many connections they are good for, keeps
 * some in hand for the moment in which there are none left, and tells when clients are turned away for want of them.
 *
 * @module
 */

import type { ProcessCapacity } from "../board/capacity.ts";
import type { Model } from "../config/model.ts";
import type { Log } from "../log.ts";
import { connectionsWith, countFree, type Descriptor, worthLookingFor } from "./descriptors.ts";

/** Milliseconds between two lines about clients that are turned away. */
const TELL_EVERY_MS = 60_000;

/** Milliseconds without a shortage after which more connections are let in again, a quarter more every second. */
const CALM_MS = 1000;

/** More than a process can have: Linux gives it a million descriptors at most, unless its administrator says otherwise. */
const NO_LIMIT_FROM = 2 ** 20;

/** Descriptors kept in hand. */
const SPARES = 16;

const ADVICE = "raise the limit (ulimit -n 65536, or LimitNOFILE=65536 in a systemd unit)";

/** What the watch works with. */
export interface OverloadWatchContext {
  readonly capacity: Pick<ProcessCapacity, "most" | "open" | "refused">;
  readonly log: Log;
  /** Takes one descriptor; `null` where they are not limited. */
  readonly open: (() => Descriptor) | null;
  /** Milliseconds since any moment. */
  readonly now: () => number;
}

/** Watches. */
export class OverloadWatch {
  readonly #context: OverloadWatchContext;
  readonly #spares: Descriptor[] = [];
  /** Free descriptors at the start; `undefined` before, `null` when there are more than enough. */
  #free: number | null | undefined;
  /** Connections that the descriptors are good for, as far as is known. */
  #planned: number | null = null;
  #shortageAt = -Infinity;
  /** What the system says to it. */
  #shortage = "as many as the descriptors are good for";
  #told = { refused: 0, at: -Infinity };

  /** @param context what is watched, and with what */
  constructor(context: OverloadWatchContext) {
    this.#context = context;
  }

  /**
   * Takes up a configuration; the first time before its listeners open, and before there are clients. Warns when the
   * descriptors are few.
   */
  plan(model: Model): void {
    const { capacity, log, open } = this.#context;
    if (open === null) return;
    const isStart = this.#free === undefined;
    if (this.#free === undefined) {
      this.#free = countFree(worthLookingFor(model), open);
      this.#takeSpares();
    }
    const planned = this.#free === null ? null : connectionsWith(this.#free, model);
    if (planned === this.#planned) return;
    this.#planned = planned;
    capacity.most = planned;
    if (planned === null || !isStart) return;
    log(
      "warn",
      `${this.#free} file descriptors are free, good for ${planned} connection${
        planned === 1 ? "" : "s"
      } at once over ` +
        `all listeners; more are turned away. For more, ${ADVICE}`,
      { descriptors: this.#free, connections: planned },
    );
  }

  /** A thread was refused a descriptor, or memory: gives back those in hand, so that waiting clients can be turned away. @param error what the system says */
  shortage(error: string): void {
    this.#shortageAt = this.#context.now();
    this.#shortage = error;
    this.release();
    this.#tell();
  }

  /** Looks once; to be called every second. */
  look(): void {
    this.#tell();
    const { capacity, open, now } = this.#context;
    if (open === null || this.#free === undefined || now() - this.#shortageAt < CALM_MS) return;
    // That they can be had is the proof that more connections can be. If not for long, the next shortage tells.
    this.#takeSpares();
    if (capacity.most === null || this.#spares.length < SPARES) return;
    const more = capacity.most + Math.max(SPARES, Math.ceil(capacity.most / 4));
    capacity.most = this.#planned !== null ? Math.min(more, this.#planned) : more < NO_LIMIT_FROM ? more : null;
  }

  /** Gives back the descriptors in hand. */
  release(): void {
    for (const spare of this.#spares.splice(0)) spare.close();
  }

  #takeSpares(): void {
    const { open } = this.#context;
    try {
      while (open !== null && this.#spares.length < SPARES) this.#spares.push(open());
    } catch {
      this.release(); // they are needed more elsewhere
    }
  }

  #tell(): void {
    const { capacity, log, now } = this.#context;
    const refused = (capacity.refused - this.#told.refused) >>> 0;
    if (refused === 0 || now() - this.#told.at < TELL_EVERY_MS) return;
    this.#told = { refused: capacity.refused, at: now() };
    log(
      "error",
      `Turned ${refused} client${refused === 1 ? "" : "s"} away with ${capacity.open} connections open: ` +
        `${this.#shortage}. To serve more, ${ADVICE}`,
      { event: "overloaded", connections: capacity.open, refused },
    );
  }
}
