/** A relay in front of one server of a chaos run that delays, slices and breaks off what goes through it. @module */

import { connect as connectTo, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";

/** What it does to connections. */
export type Mischief = "none" | "delay" | "slice" | "reset";

/** The relay. */
export class FaultRelay implements AsyncDisposable {
  mischief: Mischief = "none";
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** @param target the server behind it */
  constructor(target: { readonly host: string; readonly port: number }) {
    this.#server = createServer(
      { noDelay: true, allowHalfOpen: true },
      (client) => this.#serve(client, connectTo({ ...target, allowHalfOpen: true })),
    );
  }

  /** Opens its port. */
  async listen(host: string, port: number): Promise<void> {
    this.#server.listen(port, host);
    await once(this.#server, "listening");
  }

  /** Breaks off what is open, with resets. */
  resetAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #serve(client: Socket, server: Socket): void {
    for (const [from, to] of [[client, server], [server, client]] as const) {
      this.#sockets.add(from);
      from.on("close", () => this.#sockets.delete(from));
      from.on("error", () => {});
      void this.#pass(from, to);
    }
  }

  async #pass(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Uint8Array>) {
        if (this.mischief === "delay") await new Promise((resolve) => setTimeout(resolve, 20));
        if (this.mischief === "reset" && Math.random() < 0.05) {
          to.resetAndDestroy();
          return void from.resetAndDestroy();
        }
        const step = this.mischief === "slice" ? 700 : chunk.length;
        for (let at = 0; at < chunk.length; at += step) {
          if (!to.write(chunk.subarray(at, at + step))) await Promise.race([once(to, "drain"), once(to, "close")]);
        }
      }
      to.end();
    } catch {
      to.resetAndDestroy(); // one of the two broke off
    }
  }
}
