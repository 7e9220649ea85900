/** The process that measures delays, and the relay that it compares with. @module */

import type { Delays, ProberTask } from "./prober.ts";

/** Runs it. */
export class ProberProcess implements AsyncDisposable {
  /** The last measurement. */
  delays: Delays | undefined;
  readonly #relay: Deno.ChildProcess;
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<void>;

  private constructor(relay: Deno.ChildProcess, process: Deno.ChildProcess) {
    this.#relay = relay;
    this.#process = process;
    this.#reading = this.#read();
  }

  /** Starts it. @param server what the relay leads to */
  static async start(
    task: Omit<ProberTask, "barePort">,
    server: { readonly address: string; readonly port: number },
  ): Promise<ProberProcess> {
    const relay = spawn("bare_relay.ts", server.address, String(server.port));
    const output = relay.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const barePort = Number((await output.read()).value);
    void output.cancel();
    return new ProberProcess(relay, spawn("prober.ts", JSON.stringify({ ...task, barePort } satisfies ProberTask)));
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      const last = lines.at(-1);
      if (last !== undefined) this.delays = JSON.parse(last) as Delays;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of [this.#process, this.#relay]) {
      try {
        process.kill("SIGKILL");
      } catch { /* it has ended by itself */ }
      await process.status;
    }
    await this.#reading;
  }
}

function spawn(file: string, ...args: string[]): Deno.ChildProcess {
  const words = ["run", "--no-prompt", "--allow-net", new URL(file, import.meta.url).pathname, ...args];
  return new Deno.Command(Deno.execPath(), { args: words, stdin: "null", stdout: "piped" }).spawn();
}
