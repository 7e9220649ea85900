/** A server that can be killed and frozen. @module */

import { until } from "../support/wait.ts";

/** Where it listens, and its name. */
export interface ServerPlace {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** The process. */
export class ServerProcess implements AsyncDisposable {
  readonly #place: ServerPlace;
  #process: Deno.ChildProcess | undefined;

  /** @param place where it listens */
  constructor(place: ServerPlace) {
    this.#place = place;
  }

  /** Its name. */
  get name(): string {
    return this.#place.name;
  }

  /** Starts it and waits until it answers. */
  async start(): Promise<void> {
    const { name, address, port } = this.#place;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--allow-net",
        new URL("./server.ts", import.meta.url).pathname,
        name,
        address,
        `${port}`,
      ],
      stdin: "null",
      stdout: "null",
    }).spawn();
    await until(`server ${name} answers`, async () => {
      try {
        (await Deno.connect({ hostname: address, port })).close();
        return true;
      } catch {
        return false;
      }
    }, 60);
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.status;
    this.#process = undefined;
  }

  /** Stops it where it is. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  /** Lets it go on. */
  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
