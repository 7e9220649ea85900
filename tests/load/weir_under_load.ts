/** A Weir under load: its configuration changes, its certificate is renewed, and its process is watched. @module */

import { testCertificate } from "../support/certificates.ts";
import { freePort } from "../support/ports.ts";
import { type ListenerBody, RunningWeir } from "../support/program.ts";

/** Its configuration in a round of changes; its certificate is in `www.pem` and `www.key`. */
export type ConfigOf<Port extends string> = (
  ports: Readonly<Record<Port, number>>,
  round: number,
) => Record<string, unknown>;

/** The program. */
export class WeirUnderLoad<Port extends string> implements AsyncDisposable {
  readonly running: RunningWeir;
  readonly ports: Readonly<Record<Port, number>>;
  /** Every certificate that it shows at one time or another. */
  readonly caCerts: readonly string[];
  readonly #configOf: ConfigOf<Port>;
  readonly #certificates: readonly { readonly certPem: string; readonly keyPem: string }[];
  #round = 0;
  #renewals = 0;

  private constructor(
    running: RunningWeir,
    ports: Readonly<Record<Port, number>>,
    configOf: ConfigOf<Port>,
    certificates: readonly { readonly certPem: string; readonly keyPem: string }[],
  ) {
    this.running = running;
    this.ports = ports;
    this.#configOf = configOf;
    this.#certificates = certificates;
    this.caCerts = certificates.map(({ certPem }) => certPem);
  }

  /** Starts it, with a free port for each of the names. */
  static async start<Port extends string>(
    names: readonly Port[],
    configOf: ConfigOf<Port>,
  ): Promise<WeirUnderLoad<Port>> {
    const certificates = [await testCertificate(), await testCertificate()];
    const ports = Object.fromEntries(names.map((name) => [name, freePort()])) as Record<Port, number>;
    const [{ certPem, keyPem } = { certPem: "", keyPem: "" }] = certificates;
    const files = { "www.pem": certPem, "www.key": keyPem };
    return new WeirUnderLoad(await RunningWeir.start(configOf(ports, 0), { files }), ports, configOf, certificates);
  }

  /** How often its configuration has changed. */
  get round(): number {
    return this.#round;
  }

  /** Reloads with the configuration of the next round. @returns the status of the answer */
  async reload(): Promise<number> {
    return (await this.running.reload(this.#configOf(this.ports, ++this.#round))).status;
  }

  /** Reloads with something that is wrong. @returns the status of the answer */
  async reloadInvalid(): Promise<number> {
    const { status } = await this.running.reload("listeners: [{ name: web, protocol: TCP, port: 99999 }]");
    await this.running.write(this.#configOf(this.ports, this.#round));
    return status;
  }

  /** Puts another certificate in the place of the one that serves. */
  async renew(): Promise<void> {
    const next = this.#certificates[++this.#renewals % this.#certificates.length];
    for (const [name, text] of [["www.key", next?.keyPem], ["www.pem", next?.certPem]] as const) {
      const file = `${this.running.folder}/${name}`;
      await Deno.writeTextFile(`${file}.new`, text ?? "", { mode: 0o600 });
      await Deno.rename(`${file}.new`, file);
    }
  }

  /** Open descriptors. */
  get descriptors(): number {
    return [...Deno.readDirSync(`/proc/${this.running.pid}/fd`)].length;
  }

  /** Resident memory, in bytes. */
  get memory(): number {
    const status = Deno.readTextFileSync(`/proc/${this.running.pid}/status`);
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
  }

  /** Processor time taken so far, in seconds. */
  get processorSeconds(): number {
    const words = Deno.readTextFileSync(`/proc/${this.running.pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
    // User and system time, in ticks of Linux.
    return (Number(words[11]) + Number(words[12])) / 100;
  }

  /** The ids of the worker threads, in the order of their start. */
  get workerThreads(): number[] {
    const task = `/proc/${this.running.pid}/task`;
    return [...Deno.readDirSync(task)].map(({ name }) => Number(name))
      .filter((id) => Deno.readTextFileSync(`${task}/${id}/comm`).startsWith("worker-"))
      .sort((a, b) => a - b);
  }

  /** How many clients are connected. */
  async active(): Promise<number> {
    const { body } = await this.running.admin("/v1/status");
    return (body as { capacity: { connections: number } }).capacity.connections;
  }

  /** What each listener knows of the server of an address. */
  async states(address: string): Promise<ListenerBody["servers"][number][]> {
    const { body } = await this.running.admin("/v1/listeners");
    const { listeners } = body as { listeners: readonly { readonly name: string }[] };
    const bodies = await Promise.all(listeners.map(({ name }) => this.running.listener(name)));
    return bodies.flatMap(({ servers }) => servers.filter(({ server }) => server.startsWith(`${address}:`)));
  }

  /** Why connections of clients have ended, over all listeners. */
  async ends(): Promise<Record<string, number>> {
    const { body } = await this.running.admin("/v1/listeners");
    const ends: Record<string, number> = {};
    for (const one of (body as { listeners: { connectionsEnded: Record<string, number> }[] }).listeners) {
      for (const [reason, count] of Object.entries(one.connectionsEnded)) ends[reason] = (ends[reason] ?? 0) + count;
    }
    return ends;
  }

  /** Lines of the log that must not be there. */
  get faultsInLog(): string[] {
    return this.running.log.split("\n").filter((line) => /nhandled|fault in Weir|Uncaught|panicked/.test(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.running[Symbol.asyncDispose]();
  }
}
