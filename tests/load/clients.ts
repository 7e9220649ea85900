/** Clients of Weir under load: short requests, long transfers and sessions that last, plain and over TLS. @module */

import { PatternCheck } from "./pattern.ts";
import type { Attempt, Tally } from "./tally.ts";

/** Where clients connect to. */
export interface Target {
  readonly port: number;
  /** Certificates to trust; empty for plain TCP. */
  readonly caCerts: readonly string[];
}

/** How sessions go that stay open and say something now and then. */
export interface SessionHabit {
  /** What the tally calls them. */
  readonly what: string;
  /** Seconds between two messages. */
  readonly every: number;
  /** Messages, before another session takes its place. */
  readonly rounds: number;
  /** Bytes of a message. */
  readonly bytes: number;
  /** Seconds over which the first sessions begin. */
  readonly spread?: number;
}

/** What clients ask for on a connection of its own. */
export interface Wish {
  /** What the tally calls it. */
  readonly what: "short" | "long";
  /** All at once, or slowly. */
  readonly pace: "fast" | "slow";
  readonly bytes: number;
}

/** Something small. */
export const SHORT: Wish = { what: "short", pace: "fast", bytes: 20_000 };

/** Seconds without a byte that is due, after which a client gives up. */
const PATIENCE = 20;

/** Sessions that end come back within so many milliseconds, not all in one moment. */
const SESSION_PAUSE = 5000;

/** When so many are under way, this machine does not keep up, and no more are begun. */
const MOST_PACED = 1000;

/** Clients that go on until they are told to stop. */
export class Clients {
  readonly #tally: Tally;
  readonly #patience: number;
  readonly #working = new Set<Promise<void>>();
  /** Ends the pauses of sessions. */
  readonly #wakers = new Set<() => void>();
  #paced = 0;
  #stopped = false;
  #seed = 1;

  /** @param tally counts what becomes of them, @param patience seconds after which they give up */
  constructor(tally: Tally, patience: number = PATIENCE) {
    this.#tally = tally;
    this.#patience = patience;
  }

  /** So many clients that ask for something, each time on a new connection, again and again. */
  repeated(target: Target, count: number, wish: Wish): void {
    const pause = wish.what === "short" ? 5 : 50;
    for (let client = 0; client < count; client++) this.#repeat(() => this.#transfer(target, wish), pause);
  }

  /** Clients that ask for something, so many each second, whether those before them have been answered or not. */
  paced(target: Target, perSecond: number, wish: Wish): void {
    const startedAt = performance.now();
    let begun = 0;
    this.#repeat(() => {
      const due = Math.floor((performance.now() - startedAt) / 1000 * perSecond);
      for (; begun < due; begun++) void this.#one(target, wish);
      return Promise.resolve();
    }, 5);
  }

  /** So many sessions. */
  sessions(target: Target, count: number, habit: SessionHabit): void {
    for (let client = 0; client < count; client++) {
      const after = (habit.spread ?? 0) * client / count;
      this.#repeat(() => this.#session(target, habit), Math.random() * SESSION_PAUSE, after);
    }
  }

  /** Has them finish what they are at. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const wake of this.#wakers) wake();
    while (this.#working.size > 0) await Promise.all(this.#working);
  }

  #repeat(once: () => Promise<void>, pause: number, afterSeconds = 0): void {
    this.#track((async () => {
      if (afterSeconds > 0) await this.#quiet(afterSeconds);
      while (!this.#stopped) {
        await once();
        await this.#quiet(pause / 1000);
      }
    })());
  }

  #track(work: Promise<void>): void {
    const working = work.finally(() => this.#working.delete(working));
    this.#working.add(working);
  }

  #one(target: Target, wish: Wish): void {
    if (this.#paced >= MOST_PACED) {
      this.#tally.skipped++;
      return;
    }
    this.#paced++;
    this.#track(this.#transfer(target, wish).finally(() => this.#paced--));
  }

  async #transfer(target: Target, { what, pace, bytes }: Wish): Promise<void> {
    const seed = this.#seed++ % 1000;
    const request = `${pace === "fast" ? "G" : "L"} ${bytes} ${seed}\n`;
    await this.#attempt(what, target, request, async (connection, attempt, inTime) => {
      const check = new PatternCheck(seed);
      check.take(await inTime(readName(connection, attempt)));
      const buffer = new Uint8Array(65_536);
      for (;;) {
        const count = await inTime(connection.read(buffer));
        if (count === null) break;
        check.take(buffer.subarray(0, count));
      }
      if (!check.isRight || check.count > bytes) this.#tally.wrongBytes++;
      if (check.count < bytes) throw new Error(`ended after ${check.count} of ${bytes} bytes`);
    });
  }

  async #session(target: Target, { what, every, rounds, bytes }: SessionHabit): Promise<void> {
    await this.#attempt(what, target, "E\n", async (connection, attempt, inTime) => {
      await inTime(readName(connection, attempt));
      const message = new Uint8Array(bytes);
      const buffer = new Uint8Array(bytes);
      for (let round = 0; round < rounds; round++) {
        // Whoever waits reads, so that an end is seen when it comes.
        const reading = connection.read(buffer);
        if (await Promise.race([reading, this.#quiet(every)]) !== "quiet") {
          throw new Error(`ended after ${round} rounds`);
        }
        if (this.#stopped) {
          void reading.catch(() => {}); // it ends with the connection
          return;
        }
        message.fill(round & 255);
        await inTime(writeAll(connection, message));
        let had = await inTime(reading) ?? 0;
        while (had > 0 && had < bytes) {
          const more = await inTime(connection.read(buffer.subarray(had)));
          if (more === null) break;
          had += more;
        }
        if (had < bytes) throw new Error(`ended after ${round} rounds and ${had} bytes`);
        if (!buffer.every((byte) => byte === (round & 255))) this.#tally.wrongBytes++;
        this.#tally.messages++;
      }
    });
  }

  /** Waits, or until all are told to stop. */
  #quiet(seconds: number): Promise<"quiet"> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#wakers.delete(wake);
        resolve("quiet");
      };
      const timer = setTimeout(wake, seconds * 1000);
      this.#wakers.add(wake);
      if (this.#stopped) wake();
    });
  }

  async #attempt(
    what: string,
    { port, caCerts }: Target,
    request: string,
    work: (
      connection: Deno.Conn,
      attempt: Attempt,
      inTime: <Result>(step: Promise<Result>) => Promise<Result>,
    ) => Promise<void>,
  ): Promise<void> {
    const attempt = this.#tally.begin(what);
    let connection: Deno.Conn | undefined;
    let isLate = false;
    // A step that takes too long ends with its connection.
    const inTime = async <Result>(step: Promise<Result>): Promise<Result> => {
      const timer = setTimeout(() => {
        isLate = true;
        close(connection);
      }, this.#patience * 1000);
      try {
        return await step;
      } finally {
        clearTimeout(timer);
      }
    };
    try {
      const at = { hostname: "127.0.0.1", port };
      connection = caCerts.length === 0
        ? await Deno.connect(at)
        : await Deno.connectTls({ ...at, caCerts: [...caCerts] });
      await inTime(writeAll(connection, new TextEncoder().encode(request)));
      await work(connection, attempt, inTime);
      this.#tally.done(attempt);
    } catch (error) {
      this.#tally.failed(attempt, isLate ? "took too long" : error instanceof Error ? error.message : String(error));
    } finally {
      close(connection);
    }
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}

function close(connection: Deno.Conn | undefined): void {
  try {
    connection?.close();
  } catch { /* closed before */ }
}

/** Reads the line with the server's name. @returns what came after it */
async function readName(connection: Deno.Conn, attempt: Attempt): Promise<Uint8Array> {
  const buffer = new Uint8Array(65_536);
  let length = 0;
  for (;;) {
    const count = await connection.read(buffer.subarray(length));
    if (count === null) throw new Error("ended before an answer");
    length += count;
    const end = buffer.subarray(0, length).indexOf(10);
    if (end < 0) continue;
    attempt.server = new TextDecoder().decode(buffer.subarray(0, end));
    return buffer.slice(end + 1, length);
  }
}
