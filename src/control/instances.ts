/**
 * Everything that lives in workers: listeners that serve, those that get ready, and those that drain; each in as many
 * parts as it has threads.
 *
 * @module
 */

import type { BoardRegistry } from "../board/registry.ts";
import { type ListenerPlan, protocolOf } from "../config/model.ts";
import type { Log } from "../log.ts";
import type { InstanceId, WorkerRequest } from "../messages.ts";
import { formatEndpoint } from "../net/ip.ts";
import { formatPorts } from "../net/ports.ts";
import { allSettled } from "./all_settled.ts";
import { Anchor, ofListener } from "./anchors.ts";
import type { HealthNotes } from "./health_notes.ts";
import { acceptingParts, type Instance, type Part } from "./instance.ts";
import { type Opening, portsOnlyIn } from "./port_moves.ts";
import type { WorkerFleet } from "./worker_fleet.ts";

/** Where instances live, and what is kept of them beside. */
export interface InstancesContext {
  readonly fleet: WorkerFleet;
  readonly boards: BoardRegistry;
  readonly health: HealthNotes;
  readonly log: Log;
}

/** What is asked of a part, which goes into every request by itself. */
type PartRequest = WorkerRequest extends infer Request
  ? Request extends WorkerRequest ? Omit<Request, "instance"> : never
  : never;

/** All instances. */
export class Instances {
  readonly #context: InstancesContext;
  readonly #all = new Set<Instance>();
  /** The one that serves under each name. */
  readonly serving = new Map<string, Instance>();
  #next = 1;

  /** @param context where they live */
  constructor(context: InstancesContext) {
    this.#context = context;
  }

  /** Every one that has not been forgotten. */
  get all(): readonly Instance[] {
    return [...this.#all];
  }

  /** Whether a part is still wanted where it is: not left over, not given up, and not waiting for its end. */
  isWanted(instance: Instance, part: Part): boolean {
    return this.#all.has(instance) && !instance.retired && instance.parts.includes(part);
  }

  /**
   * Opens the ports of a plan in as many workers as it asks for.
   *
   * @param ours those that a listener of ours has open, which does not matter
   * @throws {WeirError} `bind_failed`; nothing is left of it then
   */
  async open({ plan, ports, sockets }: Opening, ours: ReadonlySet<number>): Promise<Instance> {
    const anchor = new Anchor(plan, sockets);
    anchor.take(ports, ours);
    const state = { committed: false, retired: false, leaving: new Map(), prober: undefined };
    const instance: Instance = { plan, parts: [], ...state, sockets, anchor };
    this.#all.add(instance);
    this.provideBoard(plan);
    try {
      await this.#add(instance, plan.workers, plan);
      return instance;
    } catch (error) {
      // Also when it opens after all, too late: nobody waits for it any more.
      await this.discard(instance);
      throw ofListener(plan, error);
    }
  }

  /**
   * Has more parts join an instance, as many as the next plan asks for; they open its ports and accept nothing yet. Until
   * that plan is in force they go by the one that is.
   *
   * @throws {WeirError} when one cannot be opened
   */
  async join(instance: Instance, next: ListenerPlan): Promise<readonly Part[]> {
    const before = instance.parts;
    const now = { ...instance.plan, workers: Math.max(instance.plan.workers, next.workers) };
    await this.#add(instance, next.workers - before.length, now, portsOnlyIn(instance.plan, next));
    return instance.parts.filter((part) => !before.includes(part));
  }

  async #add(instance: Instance, count: number, plan: ListenerPlan, closed: readonly number[] = []): Promise<void> {
    const added: Part[] = [];
    for (let index = 0; index < count; index++) {
      const id = `${plan.name}#${this.#next++}`;
      const crew = this.#context.fleet.place(id, [...instance.parts, ...added].map((part) => part.crew));
      added.push({ id, crew, state: "starting" });
    }
    instance.parts = [...instance.parts, ...added];
    await allSettled(added.map((part) => this.openPart(instance, part, plan, closed)));
  }

  /** Has a part open the ports of its instance, but for those in `closed`. @throws {WeirError} when it cannot */
  async openPart(
    instance: Instance,
    part: Part,
    plan: ListenerPlan = instance.plan,
    closed: readonly number[] = [],
  ): Promise<void> {
    const memory = this.memoryOf(plan.name, part);
    await this.request(part, { kind: "open", plan, memory, sockets: instance.sockets, closed });
  }

  /** Makes room on the listener's board for the servers that serve now and for those of the plan. */
  provideBoard({ name, pool }: ListenerPlan): void {
    const serving = this.serving.get(name)?.plan.pool;
    const [next, now] = [pool, serving ?? pool].map(({ servers }) => servers.map((server) => server.key));
    this.#context.boards.provide(name, next ?? [], now);
  }

  /** The listener's board for the worker of a part. */
  memoryOf(name: string, { crew }: Part) {
    return this.#context.boards.forWorker(name, crew.worker.number);
  }

  /** Has a part accept. @throws {WeirError} when its worker cannot */
  async accept(instance: Instance, part: Part): Promise<void> {
    await this.request(part, { kind: "accept" });
    part.state = "accepting";
    this.electProber(instance);
  }

  /** Says that an instance accepts, once all its parts do. */
  announce(instance: Instance): void {
    const { name, address, ports, workers } = instance.plan;
    if (acceptingParts(instance).length < instance.parts.length) return;
    const where = formatEndpoint(address, formatPorts(ports)) + (workers > 1 ? ` in ${workers} threads` : "");
    const other = this.serving.get(name) ?? instance;
    this.#context.log("info", `Listener "${name}" accepts ${protocolOf(instance.plan)} on ${where}`, {
      event: other === instance ? "listener_started" : "listener_replaced",
      listener: name,
    });
  }

  /** Makes sure that one part, and no more than one, probes the servers. */
  electProber(instance: Instance): void {
    const able = instance.retired ? [] : acceptingParts(instance);
    if (instance.prober !== undefined && able.includes(instance.prober)) return;
    instance.prober = able[0];
    // When it dies meanwhile there is another election.
    if (instance.prober !== undefined) void this.request(instance.prober, { kind: "probe" }).catch(() => {});
  }

  /** Asks a part for something. @throws {WeirError} `worker_failed` */
  request(part: Part, request: PartRequest): Promise<void> {
    return part.crew.worker.request({ ...request, instance: part.id });
  }

  /** Has a part stop; its connections end over `drainTimeout` seconds. @throws {WeirError} when its worker dies */
  stop(part: Part, drainTimeout: number): Promise<void> {
    const endsAt = Math.min(part.drain?.endsAt ?? Infinity, performance.now() + drainTimeout * 1000);
    part.drain = { left: null, ended: 0, ...part.drain, endsAt };
    return this.request(part, { kind: "stop", drainTimeout });
  }

  /** A part tells how far it has drained. */
  noteDrain(id: InstanceId, left: number, ended: number): void {
    for (const { parts, leaving } of this.#all) {
      for (const part of [...parts, ...leaving.keys()]) {
        if (part.id === id && part.drain !== undefined) part.drain = { ...part.drain, left, ended };
      }
    }
  }

  /** Asks all parts for something that a worker can only fail to do by dying, and then it is done all the same. */
  async ask(instance: Instance, kind: "forgo" | "suspend"): Promise<void> {
    if (kind === "suspend") instance.anchor[Symbol.dispose]();
    await Promise.all(instance.parts.map((part) => this.request(part, { kind }).catch(() => {})));
  }

  /** A part of an instance that serves on is not needed any more: its connections have `drainTimeout` seconds. */
  dismiss(instance: Instance, part: Part, drainTimeout: number): void {
    instance.parts = instance.parts.filter((other) => other !== part);
    part.state = "draining";
    this.electProber(instance);
    const ended = this.stop(part, drainTimeout).catch(() => {}).finally(() => {
      instance.leaving.delete(part);
      this.#context.fleet.leave(part.crew, part.id);
    });
    instance.leaving.set(part, ended);
  }

  /** Ends an instance that never served. */
  async discard(instance: Instance): Promise<void> {
    await Promise.all(
      instance.parts.map((part) => this.stop(part, 0).catch(() => {})),
    );
    this.forget(instance);
  }

  /** An instance has ended. What is kept of its listener goes with the last one of the name. */
  forget(instance: Instance): void {
    instance.anchor[Symbol.dispose]();
    this.#all.delete(instance);
    const { fleet, boards, health } = this.#context;
    for (const part of instance.parts) fleet.leave(part.crew, part.id);
    const { name } = instance.plan;
    if (this.all.some((other) => other.plan.name === name)) return;
    boards.drop(name);
    health.drop(name);
  }
}
