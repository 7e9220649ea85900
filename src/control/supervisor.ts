/**
 * The listeners that run: starting, changing and stopping them as one change that happens as a whole or not at all,
 * and replacing workers that die.
 *
 * @module
 */

import type { AccessBatch } from "../access_log/record.ts";
import { BoardRegistry } from "../board/registry.ts";
import type { ListenerChange } from "../config/diff.ts";
import { type ListenerPlan, type Model, protocolOf, usesRuntimeTls } from "../config/model.ts";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { InstanceId } from "../messages.ts";
import { formatEndpoint } from "../net/ip.ts";
import { formatPorts, listPorts } from "../net/ports.ts";
import { Anchor, ofListener } from "./anchors.ts";
import { HealthNotes } from "./health_notes.ts";
import { type Instance, leavingIn, type ListenerState } from "./instance.ts";
import { type Opening, portMovesOf, portsOnlyIn, type Release } from "./port_moves.ts";
import { allSettled } from "./all_settled.ts";
import { RestartBackoff } from "./restart_backoff.ts";
import { takeMessage } from "./worker_events.ts";
import { type Crew, WorkerFleet } from "./worker_fleet.ts";

/** A change that every worker is ready for. Exactly one of the two is called. */
export interface PreparedChange {
  /** Makes it so. */
  commit(): Promise<void>;
  /** Leaves everything as it was. */
  abort(): Promise<void>;
}

/** Pause before a listener that could not get its port back tries again. */
const REOPEN_SECONDS = 1;

const NONE: ReadonlySet<number> = new Set();

/** Runs listeners in workers. */
export class Supervisor {
  /** Counters and health of every listener. */
  readonly boards = new BoardRegistry();
  /** Why servers are as they are. */
  readonly health = new HealthNotes();
  readonly #log: Log;
  readonly #fleet: WorkerFleet;
  /** The instance that serves under each name. */
  readonly #serving = new Map<string, Instance>();
  /** Everything that lives in a worker, those that drain as well. */
  readonly #instances = new Map<InstanceId, Instance>();
  readonly #stopping = new Set<Promise<void>>();
  #nextInstance = 1;
  #restarts = 0;
  readonly #backoff = new RestartBackoff();
  #stopped = false;

  /** @param log where to tell what happens, @param maxWorkers threads at most, @param onAccess takes access logs */
  constructor(log: Log, maxWorkers: number, onAccess: (batch: AccessBatch) => void = () => {}) {
    this.#log = log;
    this.#fleet = new WorkerFleet(maxWorkers, (crew) => ({
      onMessage: takeMessage(log, this.health, onAccess),
      onDeath: (reason) => void this.#revive(crew(), reason),
    }));
  }

  /** What the listener of a name is doing; `undefined` when there is none. */
  stateOf(name: string): ListenerState | undefined {
    return this.#serving.get(name)?.state;
  }

  /** Worker threads that run, and how often one had to be replaced. */
  get workers(): { readonly running: number; readonly restarts: number } {
    return { running: this.#fleet.size, restarts: this.#restarts };
  }

  /** Replaced or removed listeners that still have connections. */
  get draining(): number {
    return [...this.#instances.values()].filter((instance) => instance.state === "draining").length;
  }

  /** Whether every listener accepts. */
  get ready(): boolean {
    return [...this.#serving.values()].every((instance) => instance.state === "accepting");
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
      await Promise.all(opened.map((instance) => this.#discard(instance)));
      await Promise.all(prepared.map((added) => this.#forgo(added)));
      await Promise.all(suspended.map((closed) => this.#resume(closed)));
    };
    this.#fleet.maxWorkers = next.maxWorkers;
    const { openings, inTheWay, oursIn } = portMovesOf(changes, this.#serving);
    const leaving = leavingIn(changes, this.#serving);
    try {
      suspended.push(...inTheWay);
      await allSettled(suspended.map((closed) => this.#suspend(closed)));
      await allSettled(changes.map(async (change) => {
        const opening = change.kind === "stop" ? undefined : openings.get(change.plan.name);
        if (opening === undefined) return;
        const ours = oursIn(opening);
        if (change.kind !== "update") opened.push(await this.#open(opening, ours));
        else if (opening.ports.length > 0 || (change.changed.includes("tls") && usesRuntimeTls(change.plan))) {
          const instance = this.#serving.get(change.plan.name);
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
        await Promise.all(leaving.map((instance) => this.#ask(instance, "suspend")));
        for (const change of changes) {
          if (change.kind === "stop") this.#retire(change.name, next.drainTimeout);
          else if (change.kind === "replace") {
            this.#retire(change.plan.name, change.disconnect ? 0 : next.drainTimeout);
          }
        }
        for (const instance of opened) this.#serving.set(instance.plan.name, instance);
      },
    };
  }

  /** Stops every listener, gives sessions `drainTimeout` seconds, and ends all workers. */
  async stop(drainTimeout: number): Promise<void> {
    for (const name of [...this.#serving.keys()]) this.#retire(name, drainTimeout);
    await Promise.all(this.#stopping);
    this.#stopped = true;
    this.#fleet.terminate();
  }

  /** Opens the ports of a plan. @param ours those that a listener of ours has open, which does not matter */
  async #open({ plan, ports, sockets }: Opening, ours: ReadonlySet<number>): Promise<Instance> {
    const anchor = new Anchor(plan, sockets);
    anchor.take(ports, ours);
    const id = `${plan.name}#${this.#nextInstance++}`;
    const crew = this.#fleet.place(id);
    const instance: Instance = { id, plan, crew, state: "starting", committed: false, sockets, anchor };
    this.#instances.set(id, instance);
    try {
      await crew.worker.request({ kind: "open", instance: id, plan, memory: this.#memoryFor(plan), sockets });
      return instance;
    } catch (error) {
      // Also when it opens after all, too late: nobody waits for it any more.
      await this.#discard(instance);
      throw ofListener(plan, error);
    }
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
    await this.#ask(instance, "forgo");
  }

  /** The listener's board, with slots for the servers that serve now and for those of the plan. */
  #memoryFor(plan: ListenerPlan) {
    const serving = this.#serving.get(plan.name)?.plan.pool.servers ?? [];
    return this.boards.provide(plan.name, [...serving, ...plan.pool.servers].map((server) => server.key));
  }

  /** From here on the change is made: a worker that dies now is the business of {@link #revive}. */
  async #begin(instance: Instance): Promise<void> {
    instance.committed = true;
    try {
      await this.#accept(instance);
    } catch (error) {
      const { name } = instance.plan;
      this.#log("error", `Listener "${name}" does not accept yet: ${messageOf(error)}`, {
        event: "listener_down",
        listener: name,
      });
    }
  }

  async #accept(instance: Instance): Promise<void> {
    await instance.crew.worker.request({ kind: "accept", instance: instance.id });
    instance.state = "accepting";
    const { name, address, ports } = instance.plan;
    const where = formatEndpoint(address, formatPorts(ports));
    const others = this.#serving.get(name) ?? instance;
    this.#log("info", `Listener "${name}" accepts ${protocolOf(instance.plan)} on ${where}`, {
      event: others === instance ? "listener_started" : "listener_replaced",
      listener: name,
    });
  }

  async #update(plan: ListenerPlan): Promise<void> {
    const instance = this.#serving.get(plan.name);
    if (instance === undefined) return;
    const memory = this.#memoryFor(plan);
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
    const instance = this.#serving.get(name);
    if (instance === undefined) return;
    this.#serving.delete(name);
    instance.state = "draining";
    const ended = this.#drain(instance, drainTimeout).finally(() => {
      this.#stopping.delete(ended);
      this.#forget(instance);
    });
    this.#stopping.add(ended);
  }

  async #drain(instance: Instance, drainTimeout: number): Promise<void> {
    const { name } = instance.plan;
    this.#log("info", `Listener "${name}" stops accepting`, { event: "listener_draining", listener: name });
    instance.anchor[Symbol.dispose]();
    try {
      await instance.crew.worker.request({ kind: "stop", instance: instance.id, drainTimeout });
      this.#log("info", `Listener "${name}" has stopped`, { event: "listener_stopped", listener: name });
    } catch (error) {
      this.#log("warn", `Listener "${name}" ended before its connections did: ${messageOf(error)}`, {
        event: "listener_stopped",
        listener: name,
      });
    }
  }

  async #discard(instance: Instance): Promise<void> {
    await instance.crew.worker.request({ kind: "stop", instance: instance.id, drainTimeout: 0 }).catch(() => {});
    this.#forget(instance);
  }

  /** Asks for something that a worker can only fail to do by dying, and then it is done all the same. */
  async #ask(instance: Instance, kind: "forgo" | "suspend" | "recount"): Promise<void> {
    if (kind === "suspend") instance.anchor[Symbol.dispose]();
    await instance.crew.worker.request({ kind, instance: instance.id }).catch(() => {});
  }

  async #suspend({ instance, ports }: Release): Promise<void> {
    instance.anchor.release(ports);
    await instance.crew.worker.request({ kind: "suspend", instance: instance.id, ports });
  }

  /** Gives a listener ports back; tries until it has them. */
  async #resume({ instance, ports }: Release): Promise<void> {
    const wanted = new Set(listPorts(instance.plan.ports));
    const missing = ports.filter((port) => wanted.has(port));
    try {
      instance.anchor.take(missing, NONE);
      await instance.crew.worker.request({ kind: "resume", instance: instance.id });
      if (instance.state === "restarting") instance.state = "accepting";
    } catch (error) {
      instance.anchor.release(missing);
      this.#logFailure(instance, error);
      instance.state = "restarting";
      void this.#later(instance, instance.crew, () => this.#resume({ instance, ports }));
    }
  }

  #logFailure({ plan }: Instance, error: unknown): void {
    this.#log("error", `Listener "${plan.name}" is down: ${messageOf(error)}; trying again in ${REOPEN_SECONDS} s`, {
      event: "listener_down",
      listener: plan.name,
    });
  }

  /** Tries again in a while, unless the listener or its worker has gone meanwhile. */
  async #later(instance: Instance, crew: Crew, again: () => Promise<void>): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, REOPEN_SECONDS * 1000));
    const waiting = this.#instances.get(instance.id) === instance && instance.state === "restarting";
    if (waiting && instance.crew === crew && crew.worker.alive && !this.#stopped) await again();
  }

  #forget(instance: Instance): void {
    instance.anchor[Symbol.dispose]();
    this.#instances.delete(instance.id);
    this.#fleet.leave(instance.crew, instance.id);
    const { name } = instance.plan;
    if ([...this.#instances.values()].some((other) => other.plan.name === name)) return;
    this.boards.drop(name);
    this.health.drop(name);
  }

  /** Starts a new worker for those that a dead one served. Only they notice. */
  async #revive(dead: Crew, reason: string): Promise<void> {
    this.#restarts++;
    const pause = this.#backoff.next(performance.now() / 1000);
    const orphans = [...dead.instances].flatMap((id) => this.#instances.get(id) ?? []);
    const names = orphans.map((instance) => instance.plan.name);
    this.#log("error", `Worker ${dead.worker.number} died: ${reason}; starting another in ${pause} s`, {
      event: "worker_died",
      listeners: names.join(","),
    });
    for (const instance of orphans) {
      this.boards.forgetActive(instance.plan.name);
      if (instance.state !== "draining") instance.state = "restarting";
    }
    // Predecessors and successors of the same name live on in other workers, and so do their connections.
    for (const instance of this.#instances.values()) {
      if (names.includes(instance.plan.name) && !orphans.includes(instance)) void this.#ask(instance, "recount");
    }
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
    if (this.#stopped) return;
    const crew = this.#fleet.replace(dead);
    this.#log("info", `Worker ${crew.worker.number} takes the place of worker ${dead.worker.number}`, {
      event: "worker_restarted",
    });
    await Promise.all(orphans.map((instance) => this.#reopen(instance, crew)));
  }

  async #reopen(instance: Instance, crew: Crew): Promise<void> {
    instance.crew = crew;
    const { plan, id } = instance;
    const given = () => this.#instances.get(id) !== instance;
    // Those that were draining had nothing but connections, which are gone; those given up belong to nobody.
    if (given() || instance.state === "draining") return this.#fleet.leave(crew, id);
    try {
      const { sockets } = instance;
      await crew.worker.request({ kind: "open", instance: id, plan, memory: this.#memoryFor(plan), sockets });
      if (given()) return await this.#discard(instance);
      if (instance.committed) await this.#accept(instance);
    } catch (error) {
      // Somebody else has the port. (A worker that died as well is another matter, and comes back by itself.)
      this.#logFailure(instance, error);
      await this.#later(instance, crew, () => this.#reopen(instance, crew));
    }
  }
}
