/**
 * Measures, in a process of its own, how long an echo takes through each listener of Weir, an answer of its admin API,
 * and for comparison an echo through a relay that does nothing else. Writes one line of JSON every few seconds.
 *
 * @module
 */

import { print } from "../../src/cli/output.ts";

/** What is to be measured; the first argument, in JSON. */
export interface ProberTask {
  readonly tcpPort: number;
  readonly tlsPort: number;
  readonly caCerts: readonly string[];
  readonly healthUrl: string;
  /** The bare relay's. */
  readonly barePort: number;
  /** Seconds between two lines. */
  readonly every: number;
}

/** The middle of the times that things took, in milliseconds. */
export interface Delays {
  /** An echo through Weir. */
  readonly tcp: number;
  readonly tls: number;
  /** An answer of the admin API. */
  readonly admin: number;
  /** An echo through the bare relay. */
  readonly bare: number;
  /** The longest of all that went through Weir. */
  readonly worst: number;
}

const PROBE_PAUSE = 250;

/** An echo over a connection that is kept, and made anew when it has ended. */
class EchoProbe {
  #connection: Deno.Conn | undefined;
  readonly #connect: () => Promise<Deno.Conn>;

  constructor(connect: () => Promise<Deno.Conn>) {
    this.#connect = connect;
  }

  /** @returns milliseconds; `undefined` when the connection had ended, as it does when its server goes */
  async measure(): Promise<number | undefined> {
    try {
      this.#connection ??= await this.#open();
      const startedAt = performance.now();
      await this.#connection.write(new Uint8Array([1]));
      if (await this.#connection.read(new Uint8Array(1)) !== 1) throw new Error("ended");
      return performance.now() - startedAt;
    } catch {
      this.#connection?.close();
      this.#connection = undefined;
      return undefined;
    }
  }

  async #open(): Promise<Deno.Conn> {
    const connection = await this.#connect();
    await connection.write(new TextEncoder().encode("E\n"));
    const byte = new Uint8Array(1);
    do {
      if (await connection.read(byte) !== 1) throw new Error("ended");
    } while (byte[0] !== 10);
    return connection;
  }
}

async function answer(url: string): Promise<number> {
  const startedAt = performance.now();
  await (await fetch(url)).text();
  return performance.now() - startedAt;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

if (import.meta.main) {
  const task = JSON.parse(Deno.args[0] ?? "{}") as ProberTask;
  const plain = { hostname: "127.0.0.1", port: task.tcpPort };
  const secret = { hostname: "127.0.0.1", port: task.tlsPort, caCerts: [...task.caCerts] };
  const probes = {
    // Two connections, so that most likely both threads are asked.
    tcp: [new EchoProbe(() => Deno.connect(plain)), new EchoProbe(() => Deno.connect(plain))],
    tls: [new EchoProbe(() => Deno.connectTls(secret))],
    bare: [new EchoProbe(() => Deno.connect({ hostname: "127.0.0.1", port: task.barePort }))],
  };
  for (;;) {
    const times = { tcp: [] as number[], tls: [] as number[], admin: [] as number[], bare: [] as number[] };
    const until = performance.now() + task.every * 1000;
    while (performance.now() < until) {
      for (const kind of ["tcp", "tls", "bare"] as const) {
        for (const probe of probes[kind]) {
          const time = await probe.measure();
          if (time !== undefined) times[kind].push(time);
        }
      }
      times.admin.push(await answer(task.healthUrl));
      await new Promise((resolve) => setTimeout(resolve, PROBE_PAUSE));
    }
    const delays: Delays = {
      tcp: median(times.tcp),
      tls: median(times.tls),
      admin: median(times.admin),
      bare: median(times.bare),
      worst: Math.max(...times.tcp, ...times.tls, ...times.admin),
    };
    if (!print(JSON.stringify(delays))) break;
  }
}
