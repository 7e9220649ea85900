/**
 * Clients that behave well, and say how long each of their requests took: on a new connection each, from connecting on
 * (with TLS: handshake and all), or on connections that are kept. All targets are asked at once and from one thread, so
 * that whatever holds up this thread, or the machine, shows at all of them alike. Runs as a worker; see
 * {@link GoodClients}.
 *
 * @module
 */

/** Whom clients ask, and how. */
export interface Target {
  readonly port: number;
  /** `127.0.0.1` unless given. */
  readonly hostname?: string;
  /** Trusted certificates, for TLS; plain TCP without. */
  readonly caCerts?: readonly string[];
  /** Whether connections are kept; a new one for each request otherwise. */
  readonly keep?: boolean;
  readonly clients: number;
  /** Milliseconds between two requests of a client. */
  readonly pause: number;
}

/** What the clients of one target have seen. Times are in milliseconds. */
export interface Seen {
  /** How long each took, sorted. */
  readonly times: readonly number[];
  readonly failures: readonly string[];
  /** The longest time in which nobody was served. */
  readonly longestGap: number;
}

/** What is asked of the worker; `stop` is answered with a `Record<string, Seen>`. */
export type Task =
  | { readonly kind: "start"; readonly targets: Readonly<Record<string, Target>> }
  | { readonly kind: "stop" };

const request = (keep: boolean) =>
  new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: bench\r\n${keep ? "" : "Connection: close\r\n"}\r\n`);
const [LAST, KEPT] = [request(false), request(true)];

class Crowd {
  readonly #target: Target;
  readonly #times: number[] = [];
  readonly #failures: string[] = [];
  #longestGap = 0;
  #servedAt = performance.now();
  #isOver = false;
  readonly #ended: Promise<unknown>;

  constructor(target: Target) {
    this.#target = target;
    this.#ended = Promise.all(Array.from({ length: target.clients }, () => this.#go()));
  }

  async end(): Promise<Seen> {
    this.#isOver = true;
    await this.#ended;
    const times = this.#times.sort((a, b) => a - b);
    return { times, failures: this.#failures, longestGap: this.#longestGap };
  }

  async #go(): Promise<void> {
    const buffer = new Uint8Array(4096);
    const { keep = false, pause } = this.#target;
    let kept: Deno.Conn | undefined;
    let left = 0;
    while (!this.#isOver) {
      // nginx answers a hundred requests on a connection; making the next one is not what is measured.
      if (keep && left === 0) {
        kept?.close();
        kept = await this.#connect();
        await ask(kept, KEPT, buffer);
        left = 90;
      }
      const startedAt = performance.now();
      let fresh: Deno.Conn | undefined;
      try {
        fresh = keep ? undefined : await this.#connect();
        const connection = fresh ?? kept;
        if (connection !== undefined) await ask(connection, keep ? KEPT : LAST, buffer);
        this.#served(startedAt);
        left--;
      } catch (error) {
        this.#failures.push(String(error));
        left = 0;
      } finally {
        fresh?.close();
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    kept?.close();
  }

  async #connect(): Promise<Deno.Conn> {
    const { port, hostname = "127.0.0.1", caCerts } = this.#target;
    const connection = await Deno.connect({ hostname, port });
    if (caCerts === undefined) return connection;
    // Or the request waits 40 ms for the server to acknowledge the end of the handshake.
    connection.setNoDelay(true);
    return await Deno.startTls(connection, { hostname: "localhost", caCerts: [...caCerts] });
  }

  #served(startedAt: number): void {
    const now = performance.now();
    this.#times.push(now - startedAt);
    this.#longestGap = Math.max(this.#longestGap, now - this.#servedAt);
    this.#servedAt = now;
  }
}

/** Asks, and reads until all has come. @throws {Error} when it is not what it should be */
async function ask(connection: Deno.Conn, bytes: Uint8Array, buffer: Uint8Array): Promise<void> {
  await connection.write(bytes);
  let text = "";
  while (!text.endsWith("hello")) {
    const count = await connection.read(buffer);
    if (count === null) throw new Error(`The answer ends with ${JSON.stringify(text.slice(-50))}`);
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
}

/** The other side: starts and stops clients in a thread of their own. */
export class GoodClients implements Disposable {
  readonly #worker = new Worker(import.meta.url, { type: "module", name: "good-clients" });

  /** What clients see while something goes on, by the names of the targets. */
  async during(targets: Readonly<Record<string, Target>>, work: () => Promise<unknown>): Promise<Map<string, Seen>> {
    this.#ask({ kind: "start", targets });
    await work();
    const seen = new Promise<Readonly<Record<string, Seen>>>((resolve) => {
      this.#worker.onmessage = ({ data }) => resolve(data);
    });
    this.#ask({ kind: "stop" });
    return new Map(Object.entries(await seen));
  }

  /** Ends the thread. */
  [Symbol.dispose](): void {
    this.#worker.terminate();
  }

  #ask(task: Task): void {
    this.#worker.postMessage(task);
  }
}

let crowds: (readonly [string, Crowd])[] = [];

if (self.name === "good-clients") {
  // The scope of a dedicated worker; the page-wide types name the window instead.
  const scope = self as unknown as DedicatedWorkerGlobalScope;
  scope.onmessage = async ({ data }: MessageEvent<Task>) => {
    if (data.kind === "start") {
      crowds = Object.entries(data.targets).map(([name, target]) => [name, new Crowd(target)]);
      return;
    }
    const seen = await Promise.all(crowds.map(async ([name, crowd]) => [name, await crowd.end()] as const));
    scope.postMessage(Object.fromEntries(seen));
  };
}
