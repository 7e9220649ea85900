/**
 * The listeners that run: starting, changing and stopping them as one change that happens as a whole or not at all,
 * and replacing workers that die.
 *
 * @module
 */

import { BoardRegistry } from "../board/registry.ts";
import type { ListenerChange } from "../config/diff.ts";
import { type ListenerPlan, type Model, protocolOf } from "../config/model.ts";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { InstanceId } from "../messages.ts";
import { formatEndpoint } from "../net/ip.ts";
import { Anchor, ofListener } from "./anchors.ts";
import { HealthNotes } from "./health_notes.ts";
import { type Instance, inTheWayOf, leavingIn, type ListenerState, sharesSocket } from "./instance.ts";
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

  /** @param log where to tell what happens, @param maxWorkers threads at most */
  constructor(log: Log, maxWorkers: number) {
    this.#log = log;
    this.#fleet = new WorkerFleet(maxWorkers, (crew) => ({
      onMessage: takeMessage(log, this.health),
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
   * Gets ready for a change: opens the sockets of new listeners. Nothing that serves is changed.
   *
   * @throws {WeirError} when a part cannot be done; nothing of the change is left then
   */
  async prepare(changes: readonly ListenerChange[], next: Model): Promise<PreparedChange> {
    const opened: Instance[] = [];
    const suspended: Instance[] = [];
    const renewed: Instance[] = [];
    const { maxWorkers } = this.#fleet;
    const undo = async () => {
      this.#fleet.maxWorkers = maxWorkers;
      await Promise.all(opened.map((instance) => this.#discard(instance)));
      await Promise.all(renewed.map((instance) => this.#ask(instance, "forgo")));
      await Promise.all(suspended.map((instance) => this.#resume(instance)));
    };
    this.#fleet.maxWorkers = next.maxWorkers;
    const plans = changes.flatMap((change) =>
      change.kind === "start" || change.kind === "replace" ? [change.plan] : []
    );
    const leaving = leavingIn(changes, this.#serving);
    try {
      suspended.push(...inTheWayOf(plans, leaving));
      await allSettled(suspended.map((instance) => this.#suspend(instance)));
      await allSettled(plans.map(async (plan) => opened.push(await this.#open(plan, leaving))));
      await allSettled(changes.map(async (change) => {
        const instance = change.kind === "update" ? this.#serving.get(change.plan.name) : undefined;
        if (change.kind !== "update" || instance?.state !== "accepting" || !change.changed.includes("tls")) return;
        renewed.push(instance);
        try {
          await instance.crew.worker.request({ kind: "renew", instance: instance.id, plan: change.plan });
        } catch (error) {
          throw ofListener(change.plan, error);
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

  /** Opens a socket for a plan. */
  async #open(plan: ListenerPlan, leaving: readonly Instance[]): Promise<Instance> {
    const anchor = new Anchor(plan, leaving.some((other) => sharesSocket(other.plan, plan)));
    const id = `${plan.name}#${this.#nextInstance++}`;
    const instance: Instance = { id, plan, crew: this.#fleet.place(id), state: "starting", committed: false, anchor };
    this.#instances.set(id, instance);
    try {
      await instance.crew.worker.request({ kind: "open", instance: id, plan, memory: this.#memoryFor(plan) });
      return instance;
    } catch (error) {
      // Also when it opens after all, too late: nobody waits for it any more.
      await this.#discard(instance);
      throw ofListener(plan, error);
    }
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
      this.#log("error", `Listener "${name}" does not accept yet: ${messageOf(error)}`, { listener: name });
    }
  }

  async #accept(instance: Instance): Promise<void> {
    await instance.crew.worker.request({ kind: "accept", instance: instance.id });
    instance.state = "accepting";
    const { name, address, port } = instance.plan;
    this.#log("info", `Listener "${name}" accepts ${protocolOf(instance.plan)} on ${formatEndpoint(address, port)}`, {
      listener: name,
    });
  }

  async #update(plan: ListenerPlan): Promise<void> {
    const instance = this.#serving.get(plan.name);
    if (instance === undefined) return;
    const memory = this.#memoryFor(plan);
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
    this.#log("info", `Listener "${name}" stops accepting`, { listener: name });
    instance.anchor[Symbol.dispose]();
    try {
      await instance.crew.worker.request({ kind: "stop", instance: instance.id, drainTimeout });
      this.#log("info", `Listener "${name}" has stopped`, { listener: name });
    } catch (error) {
      this.#log("warn", `Listener "${name}" ended before its connections did: ${messageOf(error)}`, { listener: name });
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

  async #suspend(instance: Instance): Promise<void> {
    instance.anchor[Symbol.dispose]();
    await instance.crew.worker.request({ kind: "suspend", instance: instance.id });
  }

  /** Gives a listener its socket back; tries until it has it. */
  async #resume(instance: Instance): Promise<void> {
    try {
      instance.anchor = new Anchor(instance.plan, false);
      await instance.crew.worker.request({ kind: "resume", instance: instance.id });
      if (instance.state === "restarting") instance.state = "accepting";
    } catch (error) {
      instance.anchor[Symbol.dispose]();
      this.#logFailure(instance, error);
      instance.state = "restarting";
      void this.#later(instance, instance.crew, () => this.#resume(instance));
    }
  }

  #logFailure({ plan }: Instance, error: unknown): void {
    this.#log("error", `Listener "${plan.name}" is down: ${messageOf(error)}; trying again in ${REOPEN_SECONDS} s`, {
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
    await Promise.all(orphans.map((instance) => this.#reopen(instance, crew)));
  }

  async #reopen(instance: Instance, crew: Crew): Promise<void> {
    instance.crew = crew;
    const { plan, id } = instance;
    const given = () => this.#instances.get(id) !== instance;
    // Those that were draining had nothing but connections, which are gone; those given up belong to nobody.
    if (given() || instance.state === "draining") return this.#fleet.leave(crew, id);
    try {
      await crew.worker.request({ kind: "open", instance: id, plan, memory: this.#memoryFor(plan) });
      if (given()) return await this.#discard(instance);
      if (instance.committed) await this.#accept(instance);
    } catch (error) {
      // Somebody else has the port. (A worker that died as well is another matter, and comes back by itself.)
      this.#logFailure(instance, error);
      await this.#later(instance, crew, () => this.#reopen(instance, crew));
    }
  }
}
