/**
 * The listeners that run: starting, changing and stopping them as one change that happens as a whole or not at all.
 *
 * @module
 */

import { BoardRegistry } from "../board/registry.ts";
import type { ListenerChange } from "../config/diff.ts";
import { type ListenerPlan, type Model, usesRuntimeTls } from "../config/model.ts";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { allSettled } from "./all_settled.ts";
import { ofListener } from "./anchors.ts";
import { HealthNotes } from "./health_notes.ts";
import { type Instance, leavingIn, type ListenerState } from "./instance.ts";
import { Instances } from "./instances.ts";
import { type Opening, portMovesOf, portsOnlyIn, type Release } from "./port_moves.ts";
import { Revival } from "./revival.ts";
import { takeMessage } from "./worker_events.ts";
import { WorkerFleet } from "./worker_fleet.ts";

/** A change that every worker is ready for. Exactly one of the two is called. */
export interface PreparedChange {
  /** Makes it so. */
  commit(): Promise<void>;
  /** Leaves everything as it was. */
  abort(): Promise<void>;
}

/** Runs listeners in workers. */
export class Supervisor {
  /** Counters and health of every listener. */
  readonly boards = new BoardRegistry();
  /** Why servers are as they are. */
  readonly health = new HealthNotes();
  readonly #log: Log;
  readonly #fleet: WorkerFleet;
  readonly #instances: Instances;
  readonly #revival: Revival;
  readonly #stopping = new Set<Promise<void>>();

  /** @param log where to tell what happens, @param maxWorkers threads at most */
  constructor(log: Log, maxWorkers: number) {
    this.#log = log;
    const { boards, health } = this;
    const fleet = new WorkerFleet(maxWorkers, (crew) => ({
      onMessage: takeMessage(log, health),
      onDeath: (reason) => void this.#revival.revive(crew(), reason),
    }));
    this.#fleet = fleet;
    const instances = new Instances({ fleet, boards, health, log });
    this.#instances = instances;
    this.#revival = new Revival({ instances, fleet, boards, log });
  }

  /** What the listener of a name is doing; `undefined` when there is none. */
  stateOf(name: string): ListenerState | undefined {
    return this.#instances.serving.get(name)?.state;
  }

  /** Worker threads that run, and how often one had to be replaced. */
  get workers(): { readonly running: number; readonly restarts: number } {
    return { running: this.#fleet.size, restarts: this.#revival.restarts };
  }

  /** Replaced or removed listeners that still have connections. */
  get draining(): number {
    return this.#instances.all.filter((instance) => instance.state === "draining").length;
  }

  /** Whether every listener accepts. */
  get ready(): boolean {
    return [...this.#instances.serving.values()].every((instance) => instance.state === "accepting");
  }

  /**
   * Gets ready for a change: opens the ports of new listeners and those added to others. Nothing that serves is changed.
   *
   * @throws {WeirError} when a part cannot be done; nothing of the change is left then
   */
  async prepare(changes: readonly ListenerChange[], next: Model): Promise<PreparedChange> {
    const opened: Instance[] = [];
    const suspended: Release[] = [];
    const prepared: Release[] = [];
    const { maxWorkers } = this.#fleet;
    const undo = async () => {
      this.#fleet.maxWorkers = maxWorkers;
      await Promise.all(opened.map((instance) => this.#instances.discard(instance)));
      await Promise.all(prepared.map((added) => this.#forgo(added)));
      await Promise.all(suspended.map((closed) => this.#revival.resume(closed)));
    };
    this.#fleet.maxWorkers = next.maxWorkers;
    const { openings, inTheWay, oursIn } = portMovesOf(changes, this.#instances.serving);
    const leaving = leavingIn(changes, this.#instances.serving);
    try {
      suspended.push(...inTheWay);
      await allSettled(suspended.map((closed) => this.#suspend(closed)));
      await allSettled(changes.map(async (change) => {
        const opening = change.kind === "stop" ? undefined : openings.get(change.plan.name);
        if (opening === undefined) return;
        const ours = oursIn(opening);
        if (change.kind !== "update") opened.push(await this.#instances.open(opening, ours));
        else if (opening.ports.length > 0 || (change.changed.includes("tls") && usesRuntimeTls(change.plan))) {
          const instance = this.#instances.serving.get(change.plan.name);
          if (instance !== undefined) await this.#prepareUpdate(instance, opening, { ours, prepared });
        }
      }));
    } catch (error) {
      await undo();
      throw error;
    }
    return {
      abort: undo,
      commit: async () => {
        await Promise.all(opened.map((instance) => this.#begin(instance)));
        await Promise.all(changes.map((change) => change.kind === "update" ? this.#update(change.plan) : undefined));
        await Promise.all(leaving.map((instance) => this.#instances.ask(instance, "suspend")));
        for (const change of changes) {
          if (change.kind === "stop") this.#retire(change.name, next.drainTimeout);
          else if (change.kind === "replace") {
            this.#retire(change.plan.name, change.disconnect ? 0 : next.drainTimeout);
          }
        }
        for (const instance of opened) this.#instances.serving.set(instance.plan.name, instance);
      },
    };
  }

  /** Stops every listener, gives sessions `drainTimeout` seconds, and ends all workers. */
  async stop(drainTimeout: number): Promise<void> {
    for (const name of [...this.#instances.serving.keys()]) this.#retire(name, drainTimeout);
    await Promise.all(this.#stopping);
    this.#revival.stop();
    this.#fleet.terminate();
  }

  /** Opens what an update needs beside what is open: added ports, sockets for a renewed certificate. */
  async #prepareUpdate(
    instance: Instance,
    { plan, ports }: Opening,
    { ours, prepared }: { readonly ours: ReadonlySet<number>; readonly prepared: Release[] },
  ): Promise<void> {
    instance.anchor.take(ports, ours);
    prepared.push({ instance, ports });
    // One whose worker starts anew opens everything when it takes up the plan.
    if (instance.state !== "accepting") return;
    try {
      await instance.crew.worker.request({ kind: "prepare", instance: instance.id, plan });
    } catch (error) {
      throw ofListener(plan, error);
    }
  }

  async #forgo({ instance, ports }: Release): Promise<void> {
    instance.anchor.release(ports);
    await this.#instances.ask(instance, "forgo");
  }

  /** From here on the change is made: a worker that dies now is the business of {@link Revival}. */
  async #begin(instance: Instance): Promise<void> {
    instance.committed = true;
    try {
      await this.#instances.accept(instance);
    } catch (error) {
      const { name } = instance.plan;
      this.#log("error", `Listener "${name}" does not accept yet: ${messageOf(error)}`, { listener: name });
    }
  }

  async #update(plan: ListenerPlan): Promise<void> {
    const instance = this.#instances.serving.get(plan.name);
    if (instance === undefined) return;
    const memory = this.#instances.memoryFor(plan);
    const gone = portsOnlyIn(instance.plan, plan);
    instance.plan = plan;
    this.health.keepOnly(plan.name, plan.pool.servers.map((server) => server.key));
    try {
      await instance.crew.worker.request({ kind: "update", instance: instance.id, plan, memory });
    } catch (error) {
      // The worker died or hangs: its successor starts with the new plan.
      this.#log("error", `Listener "${plan.name}" did not take the new settings at once: ${messageOf(error)}`, {
        listener: plan.name,
      });
    }
    instance.anchor.release(gone);
  }

  #retire(name: string, drainTimeout: number): void {
    const instance = this.#instances.serving.get(name);
    if (instance === undefined) return;
    this.#instances.serving.delete(name);
    instance.state = "draining";
    const ended = this.#drain(instance, drainTimeout).finally(() => {
      this.#stopping.delete(ended);
      this.#instances.forget(instance);
    });
    this.#stopping.add(ended);
  }

  async #drain(instance: Instance, drainTimeout: number): Promise<void> {
    const { name } = instance.plan;
    this.#log("info", `Listener "${name}" stops accepting`, { listener: name });
    instance.anchor[Symbol.dispose]();
    try {
      await instance.crew.worker.request({ kind: "stop", instance: instance.id, drainTimeout });
      this.#log("info", `Listener "${name}" has stopped`, { listener: name });
    } catch (error) {
      this.#log("warn", `Listener "${name}" ended before its connections did: ${messageOf(error)}`, { listener: name });
    }
  }

  async #suspend({ instance, ports }: Release): Promise<void> {
    instance.anchor.release(ports);
    await instance.crew.worker.request({ kind: "suspend", instance: instance.id, ports });
  }
}
