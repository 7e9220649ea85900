/** What becomes of the connections of clients under load. @module */

/** A time in which failures have a good reason. Times are in milliseconds of `performance.now()`. */
export interface Excuse {
  readonly fault: string;
  readonly from: number;
  to: number;
  /** The server whose connections may fail; `null` for those of any server. */
  readonly server: string | null;
  /** Connections that began before this may fail; without it all that overlap with the time. */
  begunBefore?: number;
  /** So many that began later may end unanswered as well, each of which takes one off. */
  spare?: number;
}

/** A connection that a client has made, or tried to. */
export interface Attempt {
  readonly what: string;
  readonly startedAt: number;
  /** The server's name, once it has answered. */
  server: string | null;
}

/** Counts. */
export class Tally {
  offered = 0;
  served = 0;
  refused = 0;
  /** Failed because of what was done to their server, or to the thread or the call that served them. */
  excused = 0;
  /** Those of {@link excused} that a thread has accepted as it ended. */
  takenLast = 0;
  wrongBytes = 0;
  /** Never begun, because the clients' own machine did not keep up. */
  skipped = 0;
  /** Answered, of sessions. */
  messages = 0;
  readonly failures: string[] = [];
  readonly #excuses: Excuse[] = [];
  #lastServedAt = performance.now();
  #longestPause = 0;
  #longestPauseEnd = 0;
  #longestPauseFault = "calm";
  /** Whether clients may be turned away at the moment. */
  mayRefuse = false;
  /** The fault at the moment, for the list of failures. */
  fault = "calm";

  /** The longest time in which no connection was served though none was to be turned away, in milliseconds. */
  get longestPause(): number {
    return this.#longestPause;
  }

  /** When that was over, in milliseconds of `performance.now()`. */
  get longestPauseEnd(): number {
    return this.#longestPauseEnd;
  }

  /** What was done meanwhile. */
  get longestPauseFault(): string {
    return this.#longestPauseFault;
  }

  /** A failure has a good reason from now on. @returns what ends that, some time after the fault has */
  excuse(server: string | null, begunBefore?: number): Excuse {
    const from = performance.now();
    const excuse: Excuse = {
      fault: this.fault,
      from,
      to: Infinity,
      server,
      ...(begunBefore === undefined ? {} : { begunBefore }),
    };
    this.#excuses.push(excuse);
    return excuse;
  }

  /** A client begins. */
  begin(what: string): Attempt {
    this.offered++;
    return { what, startedAt: performance.now(), server: null };
  }

  /** All has come as it should. */
  done({ what }: Attempt): void {
    this.served++;
    if (what !== "short") return;
    const now = performance.now();
    if (!this.mayRefuse && now - this.#lastServedAt > this.#longestPause) {
      this.#longestPause = now - this.#lastServedAt;
      this.#longestPauseEnd = now;
      this.#longestPauseFault = this.fault;
    }
    this.#lastServedAt = now;
  }

  /** Clients have not tried for a while, or were to be turned away: that is no pause. */
  resumePauses(): void {
    this.#lastServedAt = performance.now();
  }

  /** It ended too early, or never began. */
  failed(attempt: Attempt, why: string): void {
    if (this.mayRefuse && attempt.server === null) this.refused++;
    else if (this.#isExcused(attempt)) this.excused++;
    else if (this.#isSpared(attempt)) {
      this.excused++;
      this.takenLast++;
    } else {
      const at = new Date().toISOString().slice(11, 23);
      const age = `after ${Math.round(performance.now() - attempt.startedAt)} ms`;
      this.failures.push(
        `${at} during "${this.fault}": ${attempt.what} by ${attempt.server ?? "nobody"}: ${why}, ${age}`,
      );
    }
  }

  #isExcused({ server, startedAt }: Attempt): boolean {
    return this.#excuses.some((excuse) =>
      overlaps(excuse, startedAt) && startedAt < (excuse.begunBefore ?? Infinity) &&
      (excuse.server === null || server === null || excuse.server === server)
    );
  }

  #isSpared({ server, startedAt }: Attempt): boolean {
    const excuse = this.#excuses.find((one) => (one.spare ?? 0) > 0 && overlaps(one, startedAt));
    if (excuse?.spare === undefined || server !== null) return false;
    excuse.spare--;
    return true;
  }
}

/** Whether a connection that fails now was there while something was wrong. */
function overlaps({ from, to }: Excuse, startedAt: number): boolean {
  return startedAt <= to && performance.now() >= from;
}

/** Names and values below each other. */
export function twoColumns(rows: readonly (readonly [name: string, value: string | number])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}
