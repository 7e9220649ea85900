/**
 * A supervisor with real workers in this process, and a hand on each of the worker threads.
 *
 * @module
 */

import { diffListeners } from "../../src/config/diff.ts";
import type { ListenerPlan, Model, PoolPlan, TlsPlan } from "../../src/config/model.ts";
import type { PreparedChange } from "../../src/control/prepared_change.ts";
import { Supervisor } from "../../src/control/supervisor.ts";
import { certificatePlan, listenerPlan, poolPlan, serverPlan, tlsPlan } from "../unit/plans.ts";
import { emptyModel } from "../support/models.ts";
import { testCertificate } from "../support/certificates.ts";
import { readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** A worker thread and how it was started. */
export interface CapturedWorker {
  readonly worker: Worker;
  readonly options: WorkerOptions | undefined;
}

/** Listeners in workers, changed as a reload changes them. */
export class SupervisorBench implements AsyncDisposable {
  readonly supervisor: Supervisor;
  /** Every worker that was started, in this order. */
  readonly workers: CapturedWorker[] = [];
  /** Every message that was logged. */
  readonly logged: string[] = [];
  #serving: Model["listeners"] = new Map();
  readonly #realWorker = globalThis.Worker;
  readonly #drainTimeout: number;
  readonly #maxWorkers: number;

  /** @param options of the model */
  constructor({ drainTimeout = 0, maxWorkers = 32, migrates = false } = {}) {
    this.#drainTimeout = drainTimeout;
    this.#maxWorkers = maxWorkers;
    const captured = this.workers;
    globalThis.Worker = class extends this.#realWorker {
      constructor(specifier: string | URL, options?: WorkerOptions) {
        super(specifier, options);
        captured.push({ worker: this, options });
      }
    };
    this.supervisor = new Supervisor((_level, message) => this.logged.push(message), maxWorkers, {
      sockets: { migrates, held: [] },
    });
  }

  /** Gets ready for exactly these listeners. */
  prepare(plans: readonly ListenerPlan[]): Promise<PreparedChange> {
    const next = this.#model(plans);
    return this.supervisor.prepare(diffListeners(this.#serving, next.listeners), next);
  }

  /** Makes exactly these listeners serve. */
  async apply(...plans: readonly ListenerPlan[]): Promise<void> {
    const change = await this.prepare(plans);
    await change.commit();
    this.committed(plans);
  }

  /** Says that a change which the test prepared has been committed. */
  committed(plans: readonly ListenerPlan[]): void {
    this.#serving = this.#model(plans).listeners;
  }

  /** Makes the worker that was started last, or another, throw an error that nobody catches. */
  crash(captured: CapturedWorker | undefined = this.workers.at(-1)): void {
    captured?.worker.postMessage(null);
  }

  /** Ends a worker without a word of its own, and lets the supervisor hear of it at once. */
  kill(captured: CapturedWorker | undefined = this.workers.at(-1)): void {
    captured?.worker.terminate();
    this.report(captured);
  }

  /** Lets the supervisor hear that a worker is dead. */
  report(captured: CapturedWorker | undefined = this.workers.at(-1)): void {
    captured?.worker.dispatchEvent(new ErrorEvent("error", { message: "killed by a test", cancelable: true }));
  }

  /** Waits until a worker has taken everything that was sent to it so far. */
  async answers(captured: CapturedWorker | undefined): Promise<void> {
    const answered = Promise.withResolvers<void>();
    captured?.worker.addEventListener("message", ({ data }) => {
      if (data.id === -1) answered.resolve();
    });
    captured?.worker.postMessage({ kind: "suspend", instance: "nobody", id: -1 });
    await answered.promise;
  }

  /** Waits until a listener does something. */
  async state(name: string, state: string | undefined): Promise<void> {
    await until(`"${name}" is ${state}`, () => this.supervisor.stateOf(name) === state);
  }

  /** Connections of a listener that are open, as its board says. */
  active(name: string): number | undefined {
    return this.supervisor.boards.listener(name)?.read().connectionsActive;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.supervisor.stop(0);
    globalThis.Worker = this.#realWorker;
  }

  #model(plans: readonly ListenerPlan[]): Model {
    return {
      ...emptyModel(),
      drainTimeout: this.#drainTimeout,
      maxWorkers: this.#maxWorkers,
      listeners: new Map(plans.map((plan) => [plan.name, plan])),
    };
  }
}

/** Servers on loopback by their ports. */
export function serversOn(...ports: readonly number[]): PoolPlan {
  return poolPlan(ports.map((port) => serverPlan({ port, weight: 1 })));
}

/** A listener with one port, and that port at hand. */
export type OnePortPlan = ListenerPlan & { readonly port: number };

/** A TCP listener on loopback in front of servers on loopback. */
export function tcp(name: string, port: number, servers: readonly number[]): OnePortPlan {
  return { ...listenerPlan({ name, port, pool: serversOn(...servers) }), port };
}

/** A TCP listener on loopback with ports `first` to `last`, in front of servers that get all of it on one port. */
export function range(name: string, first: number, last: number, servers: readonly number[]): ListenerPlan {
  return listenerPlan({ name, ports: [{ first, last }], pool: serversOn(...servers) });
}

/** The same listener on another port. */
export function onPort<Plan extends OnePortPlan>(plan: Plan, port: number): Plan {
  return { ...plan, port, ports: [{ first: port, last: port }] };
}

/** TLS with a certificate of its own. */
export async function newTls(engine: TlsPlan["engine"] = "full"): Promise<TlsPlan> {
  return tlsPlan({ engine, certificates: [certificatePlan(await testCertificate())] });
}

/** Whether anybody listens on a loopback port. */
export async function isListening(port: number, hostname = "127.0.0.1"): Promise<boolean> {
  try {
    (await Deno.connect({ hostname, port })).close();
    return true;
  } catch (error) {
    // reset: its queue was closed with this connection in it
    if (error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.ConnectionReset) return false;
    throw error;
  }
}

/** Connects through TLS and reads everything that comes. */
export async function readNameTls(port: number, tls: TlsPlan): Promise<string> {
  using connection = await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts: [tls.certificates[0].certPem] });
  const buffer = new Uint8Array(100);
  let text = "";
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}

/** The names that several connections in turn get. */
export async function namesFrom(port: number, count: number, hostname?: string): Promise<string[]> {
  const names: string[] = [];
  for (let connection = 0; connection < count; connection++) names.push(await readName(port, hostname));
  return names;
}
