/** The traffic of a chaos run: short requests, long transfers and idle sessions, plain and over TLS. @module */

import { PatternCheck } from "./pattern.ts";
import type { Attempt, Tally } from "./tally.ts";

/** Where clients connect to. */
export interface Target {
  readonly port: number;
  /** Certificates to trust; empty for plain TCP. */
  readonly caCerts: readonly string[];
}

/** Seconds without a byte after which a client gives up. */
const PATIENCE_SECONDS = 20;

/** Clients that go on until they are told to stop. */
export class Clients {
  readonly #tally: Tally;
  readonly #working = new Set<Promise<void>>();
  #stopped = false;
  #seed = 1;

  /** @param tally counts what becomes of them */
  constructor(tally: Tally) {
    this.#tally = tally;
  }

  /** So many clients that ask for something small, each on a new connection, again and again. */
  short(target: Target, count: number): void {
    for (let client = 0; client < count; client++) this.#repeat(() => this.#transfer("short", target, "G", 20_000), 5);
  }

  /** So many clients that get much, slowly. */
  long(target: Target, count: number, bytes: number): void {
    for (let client = 0; client < count; client++) this.#repeat(() => this.#transfer("long", target, "L", bytes), 50);
  }

  /** So many clients that say something now and then, for half a minute each. */
  idle(target: Target, count: number): void {
    for (let client = 0; client < count; client++) this.#repeat(() => this.#idle(target), 100);
  }

  /** Has them finish what they are at. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#working);
  }

  #repeat(once: () => Promise<void>, pause: number): void {
    const working = (async () => {
      while (!this.#stopped) {
        await once();
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    })();
    this.#working.add(working);
  }

  async #transfer(what: "short" | "long", target: Target, word: string, size: number): Promise<void> {
    const seed = this.#seed++ % 1000;
    await this.#attempt(what, target, `${word} ${size} ${seed}\n`, async (connection, attempt) => {
      const check = new PatternCheck(seed);
      const early = await readName(connection, attempt);
      check.take(early);
      const buffer = new Uint8Array(65_536);
      for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
        check.take(buffer.subarray(0, count));
        attempt.progress();
      }
      if (!check.isRight || check.count > size) this.#tally.wrongBytes++;
      if (check.count < size) throw new Error(`ended after ${check.count} of ${size} bytes`);
    });
  }

  async #idle(target: Target): Promise<void> {
    await this.#attempt("idle", target, "E\n", async (connection, attempt) => {
      await readName(connection, attempt);
      const buffer = new Uint8Array(10);
      for (let round = 0; round < 15 && !this.#stopped; round++) {
        await new Promise((resolve) => setTimeout(resolve, 2000));
        await connection.write(new Uint8Array([round]));
        const count = await connection.read(buffer);
        if (count !== 1) throw new Error(`ended after ${round} rounds`);
        if (buffer[0] !== round) this.#tally.wrongBytes++;
        attempt.progress();
      }
    });
  }

  async #attempt(
    what: string,
    { port, caCerts }: Target,
    request: string,
    work: (connection: Deno.Conn, attempt: Attempt) => Promise<void>,
  ): Promise<void> {
    const attempt = this.#tally.begin(what);
    let connection: Deno.Conn | undefined;
    let isLate = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    attempt.progress = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        isLate = true;
        close(connection);
      }, PATIENCE_SECONDS * 1000);
    };
    attempt.progress();
    try {
      const at = { hostname: "127.0.0.1", port };
      connection = caCerts.length === 0
        ? await Deno.connect(at)
        : await Deno.connectTls({ ...at, caCerts: [...caCerts] });
      await connection.write(new TextEncoder().encode(request));
      await work(connection, attempt);
      this.#tally.done(attempt);
    } catch (error) {
      this.#tally.failed(attempt, isLate ? "took too long" : error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(timer);
      close(connection);
    }
  }
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
