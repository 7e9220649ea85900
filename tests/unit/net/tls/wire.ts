/** A wire between a client and a server that a test can listen to, cut, and change. @module */

import { writeAll } from "../../../support/servers.ts";

/** What happens to the bytes of one direction: `undefined` ends it there, without a word. */
export type Change = (bytes: Uint8Array) => Uint8Array | undefined;

/** One connection that goes through the test. */
export class Wire implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  /** Where a client connects to. */
  readonly port = this.#listener.addr.port;
  /** What the client has sent and the server has got so far. */
  toServer: Change = (bytes) => bytes;
  /** What the server has sent and the client has got so far. */
  toClient: Change = (bytes) => bytes;
  readonly #connections: Deno.TcpConn[] = [];
  readonly #running: Promise<unknown>;

  /** @param serverPort where the client gets through to */
  constructor(serverPort: number) {
    this.#running = this.#run(serverPort);
  }

  /** Ends the way to the server, in the middle of whatever is on it. */
  async endToServer(): Promise<void> {
    await this.#connections[1]?.closeWrite();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of [this.#listener, ...this.#connections]) {
      try {
        one.close();
      } catch { /* closed before */ }
    }
    await this.#running;
  }

  async #run(serverPort: number): Promise<void> {
    try {
      const client = await this.#listener.accept();
      this.#connections.push(client);
      const server = await Deno.connect({ hostname: "127.0.0.1", port: serverPort });
      this.#connections.push(server);
      await Promise.all([
        this.#pump(client, server, (bytes) => this.toServer(bytes)),
        this.#pump(server, client, (bytes) => this.toClient(bytes)),
      ]);
    } catch { /* it was closed */ }
  }

  async #pump(from: Deno.TcpConn, to: Deno.TcpConn, change: Change): Promise<void> {
    const buffer = new Uint8Array(65536);
    for (;;) {
      const count = await from.read(buffer).catch(() => null);
      const bytes = count === null ? undefined : change(buffer.slice(0, count));
      try {
        if (bytes === undefined) return await to.closeWrite();
        await writeAll(to, bytes);
      } catch {
        return;
      }
    }
  }
}
