/**
 * The program under test: `deno run main.ts`, or the executable that WEIR_PROGRAM names. The tests are the same.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { PERMISSIONS, V8_FLAGS } from "../../scripts/release/runtime_flags.ts";
import { freePort } from "./ports.ts";
import { until } from "./wait.ts";

const PROGRAM = Deno.env.get("WEIR_PROGRAM") ?? "";
const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** The words of a command line for the program, to be run by another one. */
export function weirCommandLine(args: readonly string[]): [program: string, ...args: string[]] {
  if (PROGRAM !== "") return [PROGRAM, ...args];
  return [Deno.execPath(), "run", "--no-prompt", "--config", CONFIG, V8_FLAGS, ...PERMISSIONS, MAIN, ...args];
}

/** A command line for the program. */
export function weirCommand(args: readonly string[], options: Deno.CommandOptions = {}): Deno.Command {
  const [program, ...words] = weirCommandLine(args);
  return new Deno.Command(program, { ...options, args: words });
}

/** What a finished command left. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program to its end. */
export async function weir(args: readonly string[], options: Deno.CommandOptions = {}): Promise<Finished> {
  const output = await weirCommand(args, { stdin: "null", ...options }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
}

/** Whether the program runs on a Deno that resumes TLS sessions and takes every client key: 2.9; 2.7.14 does not. */
export const hasNewTls = await (async () => {
  const { stdout } = await weir(["version"]);
  return !stdout.includes("(Deno 2.7.");
})();

/** How a program is started for a test. */
export interface StartOptions {
  /** Files beside the configuration, by name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Record<string, string>;
  /** A command line that runs the words after it, to start the program in. */
  readonly within?: readonly string[];
}

/** For {@link StartOptions.within}: at most so many file descriptors. */
export function withDescriptors(most: number): readonly string[] {
  return ["sh", "-c", `ulimit -n ${most}; exec "$0" "$@"`];
}

/** A running program with its configuration in a folder of its own. Configurations are JSON, which is YAML too. */
export class RunningWeir implements AsyncDisposable {
  readonly folder: string;
  readonly file: string;
  readonly adminPort: number;
  readonly #options: StartOptions;
  #process: Deno.ChildProcess;
  #reading: Promise<void>;
  #log = "";
  #status: Deno.CommandStatus | undefined;
  /** Processes that were replaced and may still have connections. */
  readonly #others: Deno.ChildProcess[] = [];

  private constructor(folder: string, adminPort: number, options: StartOptions) {
    this.folder = folder;
    this.file = `${folder}/weir.yaml`;
    this.adminPort = adminPort;
    this.#options = options;
    this.#process = this.#spawn();
    this.#reading = this.#read();
  }

  /** Starts the program and waits until it is ready. `config` gets an admin section with a free port. */
  static async start(config: Record<string, unknown>, options: StartOptions = {}): Promise<RunningWeir> {
    const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
    for (const [name, content] of Object.entries(options.files ?? {})) {
      await Deno.writeTextFile(`${folder}/${name}`, content, { mode: 0o600 });
    }
    const adminPort = freePort();
    await Deno.writeTextFile(`${folder}/weir.yaml`, JSON.stringify(withAdmin(config, adminPort), null, 2));
    const running = new RunningWeir(folder, adminPort, options);
    try {
      await running.#untilReady();
    } catch (error) {
      await running[Symbol.asyncDispose]();
      throw error;
    }
    return running;
  }

  /** Ends the program and starts it again on what is in its folder by now. */
  async restart(): Promise<void> {
    this.signal("SIGTERM");
    await this.ended();
    this.#status = undefined;
    this.#process = this.#spawn();
    this.#reading = this.#read();
    await this.#untilReady();
  }

  /**
   * Starts the program again to take the place of the one that runs.
   *
   * @returns the process id and, later, the exit code of that one
   */
  async replace(flags: readonly string[] = []): Promise<{ readonly pid: number; readonly ended: Promise<number> }> {
    const [before, reading, status] = [this.#process, this.#reading, this.#status];
    const from = this.#log.length;
    const ended = Promise.all([before.status, reading]).then(([{ code }]) => code);
    this.#process = this.#spawn(["--replace", ...flags]);
    this.#reading = this.#read();
    const { pid } = this.#process;
    try {
      await until("it has taken over", () => {
        if (this.#status !== status) throw new Error(`It ended instead:\n${this.#log.slice(from)}`);
        return this.#log.slice(from).includes("Took over from");
      }, 60);
    } catch (error) {
      this.#others.push(this.#process);
      [this.#process, this.#reading, this.#status] = [before, reading, status];
      throw error;
    }
    this.#others.push(before);
    assert.notEqual(pid, before.pid);
    return { pid: before.pid, ended };
  }

  #spawn(flags: readonly string[] = []): Deno.ChildProcess {
    const { env, within = [] } = this.#options;
    const [program = "", ...words] = [...within, ...weirCommandLine(["run", "-c", this.file, ...flags])];
    const process = new Deno.Command(program, {
      args: words,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      ...(env === undefined ? {} : { env }),
    }).spawn();
    void process.status.then((status) => {
      if (process === this.#process) this.#status = status;
    });
    return process;
  }

  async #untilReady(): Promise<void> {
    await until("the program is ready", async () => {
      if (this.#status !== undefined) throw new Error(`The program ended at once:\n${this.log}`);
      return await this.#isReady();
    });
  }

  /** Every whole line that was logged so far. A line comes a moment after what it tells of: {@link untilLogged}. */
  get log(): string {
    return this.#log.slice(0, this.#log.lastIndexOf("\n") + 1);
  }

  /** Waits until something is logged. */
  async untilLogged(what: string | RegExp): Promise<void> {
    await until(`the log says ${what}`, () => typeof what === "string" ? this.log.includes(what) : what.test(this.log));
  }

  /** The process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Calls the admin API. */
  async admin(path: string, init: RequestInit = {}): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`http://127.0.0.1:${this.adminPort}${path}`, init);
    const text = await response.text();
    return {
      status: response.status,
      body: response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text,
    };
  }

  /** A listener as the admin API shows it. */
  async listener(name: string): Promise<ListenerBody> {
    const { status, body } = await this.admin(`/v1/listeners/${name}`);
    if (status !== 200) throw new Error(`No listener ${name}: ${JSON.stringify(body)}`);
    return body as ListenerBody;
  }

  /** Writes another configuration, without reloading. */
  async write(config: Record<string, unknown> | string): Promise<void> {
    const text = typeof config === "string" ? config : JSON.stringify(withAdmin(config, this.adminPort), null, 2);
    // In one step, as an editor does it: a reload that is under way must not see half a file.
    const fresh = await Deno.makeTempFile({ dir: this.folder });
    await Deno.writeTextFile(fresh, text);
    await Deno.rename(fresh, this.file);
  }

  /** Writes another configuration and reloads through the admin API. */
  async reload(config?: Record<string, unknown> | string): Promise<{ status: number; body: unknown }> {
    if (config !== undefined) await this.write(config);
    return await this.admin("/v1/reload", { method: "POST" });
  }

  /** Sends a signal. */
  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Waits for the end. @returns the exit code */
  async ended(): Promise<number> {
    const { code } = await this.#process.status;
    await this.#reading;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#status === undefined) {
      try {
        this.#process.kill("SIGKILL");
      } catch { /* it has ended by itself */ }
    }
    for (const other of this.#others) {
      try {
        other.kill("SIGKILL");
      } catch { /* it has ended by itself */ }
      await other.status;
    }
    await this.ended();
    await Deno.remove(this.folder, { recursive: true });
  }

  async #isReady(): Promise<boolean> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.adminPort}/readyz`);
      await response.body?.cancel();
      return response.status === 200;
    } catch {
      return false;
    }
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stderr) this.#log += decoder.decode(chunk, { stream: true });
  }
}

function withAdmin(config: Record<string, unknown>, port: number): Record<string, unknown> {
  return { ...config, admin: { listen: `127.0.0.1:${port}`, ...(config["admin"] as object | undefined) } };
}

/** The parts of a listener's JSON that tests look at. */
export interface ListenerBody {
  readonly name: string;
  readonly state: string;
  readonly workers: number;
  readonly threads: readonly { readonly worker: number; readonly state: string; readonly connectionsActive: number }[];
  readonly connectionsActive: number;
  readonly connectionsTotal: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly connectionsEnded: Readonly<Record<string, number>>;
  readonly names: readonly { readonly name: string; readonly addresses: string[]; readonly error: string | null }[];
  /** By reason; `null` without TLS. */
  readonly handshakeFailures: Readonly<Record<string, number>> | null;
  readonly servers: readonly {
    readonly server: string;
    readonly configured: string;
    readonly weight: number;
    readonly effectiveWeight: number;
    readonly draining: boolean;
    readonly health: string;
    readonly connectionsActive: number;
    readonly connectionsTotal: number;
    readonly connectFailures: number;
    readonly lastChange: { readonly from: string; readonly to: string; readonly reason: string } | null;
    readonly lastProbe: { readonly at: string; readonly ok: boolean; readonly error: string | null } | null;
  }[];
}

/** The path of a file of this repository. */
export function projectPath(relative: string): string {
  return fileURLToPath(new URL(`../../${relative}`, import.meta.url));
}
