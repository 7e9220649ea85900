/**
 * Everything that lives in a worker: listeners that serve, those that get ready, and those that drain; and what is asked
 * of one of them.
 *
 * @module
 */

import type { BoardRegistry } from "../board/registry.ts";
import { type ListenerPlan, protocolOf } from "../config/model.ts";
import type { Log } from "../log.ts";
import type { InstanceId } from "../messages.ts";
import { formatEndpoint } from "../net/ip.ts";
import { formatPorts } from "../net/ports.ts";
import { Anchor, ofListener } from "./anchors.ts";
import type { HealthNotes } from "./health_notes.ts";
import type { Instance } from "./instance.ts";
import type { Opening } from "./port_moves.ts";
import type { WorkerFleet } from "./worker_fleet.ts";

/** Where instances live, and what is kept of them beside. */
export interface InstancesContext {
  readonly fleet: WorkerFleet;
  readonly boards: BoardRegistry;
  readonly health: HealthNotes;
  readonly log: Log;
}

/** All instances. */
export class Instances {
  readonly #context: InstancesContext;
  readonly #all = new Map<InstanceId, Instance>();
  /** The one that serves under each name. */
  readonly serving = new Map<string, Instance>();
  #next = 1;

  /** @param context where they live */
  constructor(context: InstancesContext) {
    this.#context = context;
  }

  /** Every one that has not been forgotten. */
  get all(): readonly Instance[] {
    return [...this.#all.values()];
  }

  /** Those of `ids` that have not been forgotten. */
  find(ids: Iterable<InstanceId>): Instance[] {
    return [...ids].flatMap((id) => this.#all.get(id) ?? []);
  }

  /** Whether an instance has not been forgotten. */
  has(instance: Instance): boolean {
    return this.#all.get(instance.id) === instance;
  }

  /**
   * Opens the ports of a plan.
   *
   * @param ours those that a listener of ours has open, which does not matter
   * @throws {WeirError} `bind_failed`; nothing is left of it then
   */
  async open({ plan, ports, sockets }: Opening, ours: ReadonlySet<number>): Promise<Instance> {
    const anchor = new Anchor(plan, sockets);
    anchor.take(ports, ours);
    const id = `${plan.name}#${this.#next++}`;
    const crew = this.#context.fleet.place(id);
    const instance: Instance = { id, plan, crew, state: "starting", committed: false, sockets, anchor };
    this.#all.set(id, instance);
    try {
      await this.openIn(instance);
      return instance;
    } catch (error) {
      // Also when it opens after all, too late: nobody waits for it any more.
      await this.discard(instance);
      throw ofListener(plan, error);
    }
  }

  /** Has an instance's worker open its ports. @throws {WeirError} when it cannot */
  async openIn({ id, plan, crew, sockets }: Instance): Promise<void> {
    await crew.worker.request({ kind: "open", instance: id, plan, memory: this.memoryFor(plan), sockets });
  }

  /** The listener's board, with slots for the servers that serve now and for those of the plan. */
  memoryFor(plan: ListenerPlan) {
    const serving = this.serving.get(plan.name)?.plan.pool.servers ?? [];
    return this.#context.boards.provide(plan.name, [...serving, ...plan.pool.servers].map((server) => server.key));
  }

  /** Has an instance accept. @throws {WeirError} when its worker cannot */
  async accept(instance: Instance): Promise<void> {
    await instance.crew.worker.request({ kind: "accept", instance: instance.id });
    instance.state = "accepting";
    const { name, address, ports } = instance.plan;
    const where = formatEndpoint(address, formatPorts(ports));
    this.#context.log("info", `Listener "${name}" accepts ${protocolOf(instance.plan)} on ${where}`, {
      listener: name,
    });
  }

  /** Asks for something that a worker can only fail to do by dying, and then it is done all the same. */
  async ask(instance: Instance, kind: "forgo" | "suspend" | "recount"): Promise<void> {
    if (kind === "suspend") instance.anchor[Symbol.dispose]();
    await instance.crew.worker.request({ kind, instance: instance.id }).catch(() => {});
  }

  /** Ends an instance that never served. */
  async discard(instance: Instance): Promise<void> {
    await instance.crew.worker.request({ kind: "stop", instance: instance.id, drainTimeout: 0 }).catch(() => {});
    this.forget(instance);
  }

  /** An instance has ended. What is kept of its listener goes with the last one of the name. */
  forget(instance: Instance): void {
    instance.anchor[Symbol.dispose]();
    this.#all.delete(instance.id);
    const { fleet, boards, health } = this.#context;
    fleet.leave(instance.crew, instance.id);
    const { name } = instance.plan;
    if (this.all.some((other) => other.plan.name === name)) return;
    boards.drop(name);
    health.drop(name);
  }
}
