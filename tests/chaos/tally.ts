/** What becomes of the connections of a chaos run, and the table at its end. @module */

/** A time in which failures have a good reason. Times are in milliseconds of `performance.now()`. */
export interface Excuse {
  readonly fault: string;
  readonly from: number;
  to: number;
  /** The server whose connections may fail; `null` for those of any server. */
  readonly server: string | null;
  /** Connections that began before this may fail; without it all that overlap with the time. */
  readonly begunBefore?: number;
}

/** A connection that a client has made, or tried to. */
export interface Attempt {
  readonly what: string;
  readonly startedAt: number;
  /** The server's name, once it has answered. */
  server: string | null;
  /** A byte has come: the client is patient for as long again. */
  progress: () => void;
}

/** Counts. */
export class Tally {
  offered = 0;
  served = 0;
  refused = 0;
  /** Failed because of what was done to their server, or to the thread or the call that served them. */
  excused = 0;
  wrongBytes = 0;
  readonly failures: string[] = [];
  readonly #excuses: Excuse[] = [];
  #lastServedAt = performance.now();
  #longestPause = 0;
  /** Whether clients may be turned away at the moment. */
  mayRefuse = false;
  /** The fault at the moment, for the list of failures. */
  fault = "calm";

  /** The longest time in which no connection was served, in milliseconds. */
  get longestPause(): number {
    return this.#longestPause;
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
    return { what, startedAt: performance.now(), server: null, progress: () => {} };
  }

  /** All has come as it should. */
  done({ what }: Attempt): void {
    this.served++;
    if (what !== "short") return;
    const now = performance.now();
    this.#longestPause = Math.max(this.#longestPause, now - this.#lastServedAt);
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
    else {
      const at = new Date().toISOString().slice(11, 23);
      this.failures.push(`${at} during "${this.fault}": ${attempt.what} by ${attempt.server ?? "nobody"}: ${why}`);
    }
  }

  #isExcused({ server, startedAt }: Attempt): boolean {
    return this.#excuses.some((excuse) =>
      startedAt <= excuse.to && performance.now() >= excuse.from &&
      startedAt < (excuse.begunBefore ?? Infinity) &&
      (excuse.server === null || server === null || excuse.server === server)
    );
  }
}

/** What is measured beside the clients. */
export interface Facts {
  readonly seconds: number;
  readonly memoryStart: number;
  readonly memoryEnd: number;
  readonly descriptorsStart: number;
  readonly descriptorsEnd: number;
  readonly faultsInLog: readonly string[];
}

/** The table, and what of it must not be. */
export function conclude(tally: Tally, facts: Facts): { readonly table: string; readonly faults: readonly string[] } {
  const leaked = Math.max(0, facts.descriptorsEnd - facts.descriptorsStart);
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  const rows: readonly (readonly [string, string | number])[] = [
    ["seconds", Math.round(facts.seconds)],
    ["connections offered", tally.offered],
    ["served", tally.served],
    ["refused by rule", tally.refused],
    ["ended with the server or thread that was killed", tally.excused],
    ["failed for no good reason", tally.failures.length],
    ["checksums wrong", tally.wrongBytes],
    ["longest pause", `${Math.round(tally.longestPause)} ms`],
    ["memory at start, at end", `${mebibytes(facts.memoryStart)}, ${mebibytes(facts.memoryEnd)}`],
    ["descriptors at start, at end", `${facts.descriptorsStart}, ${facts.descriptorsEnd}`],
    ["descriptors leaked", leaked <= 5 ? 0 : leaked],
    ["faults in the log", facts.faultsInLog.length],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const faults = [
    ...tally.failures,
    ...facts.faultsInLog,
    ...(tally.wrongBytes > 0 ? [`${tally.wrongBytes} transfers had wrong bytes`] : []),
    ...(leaked > 5 ? [`${leaked} descriptors leaked`] : []),
    ...(tally.served === 0 ? ["nothing was served"] : []),
  ];
  return { table: rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n"), faults };
}
