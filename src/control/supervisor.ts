/**
 * The listeners that run: starting, changing and stopping them as one change that happens as a whole or not at all.
 *
 * @module
 */

import type { ProcessCapacity } from "../board/capacity.ts";
import { BoardRegistry } from "../board/registry.ts";
import type { ListenerChange } from "../config/diff.ts";
import type { Model } from "../config/model.ts";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { allSettled } from "./all_settled.ts";
import { HealthNotes } from "./health_notes.ts";
import {
  type DrainingListener,
  drainOf,
  type Instance,
  leavingIn,
  type ListenerState,
  type ListenerThread,
  stateOf,
} from "./instance.ts";
import { Instances } from "./instances.ts";
import { portMovesOf, type Release } from "./port_moves.ts";
import type { PreparedChange } from "./prepared_change.ts";
import { Retirement } from "./retirement.ts";
import { Revival } from "./revival.ts";
import { ORDINARY_SOCKETS, type PortsAt, type SocketFacts, SocketPolicy } from "./socket_policy.ts";
import { split } from "./split.ts";
import { Update } from "./update.ts";
import { takeMessage, type WorkerEventTakers } from "./worker_events.ts";
import { WorkerFleet } from "./worker_fleet.ts";
import type { DeathCause } from "./worker_handle.ts";

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
  readonly #retirement: Retirement;
  readonly #sockets: SocketPolicy;

  /**
   * @param log where to tell what happens, @param maxWorkers threads at most
   * @param options who takes workers' other messages, and how ports are opened
   */
  constructor(
    log: Log,
    maxWorkers: number,
    { takers = {}, sockets = ORDINARY_SOCKETS }: {
      readonly takers?: WorkerEventTakers;
      readonly sockets?: SocketFacts;
    } = {},
  ) {
    this.#log = log;
    this.#sockets = new SocketPolicy(sockets);
    const { boards, health } = this;
    const fleet = new WorkerFleet(maxWorkers, (crew) => ({
      onMessage: takeMessage(log, health, {
        ...takers,
        onDraining: (...drain) => this.#instances.noteDrain(...drain),
      }),
      onDying: () => {
        if (this.#sockets.migrates) this.#revival.bridge(crew());
      },
      onDeath: (reason, cause) => void this.#revival.revive(crew(), reason, cause),
    }));
    this.#fleet = fleet;
    const instances = new Instances({ fleet, boards, health, log });
    this.#instances = instances;
    this.#revival = new Revival({ instances, fleet, boards, log });
    this.#retirement = new Retirement(instances, log);
  }

  /** What the process has of descriptors and memory. */
  get capacity(): ProcessCapacity {
    return this.#fleet.capacity;
  }

  /** What the listener of a name is doing; `undefined` when there is none. */
  stateOf(name: string): ListenerState | undefined {
    const instance = this.#instances.serving.get(name);
    return instance === undefined ? undefined : stateOf(instance);
  }

  /** The threads that the listener of a name runs in, those that drain as well. */
  threadsOf(name: string): ListenerThread[] {
    const instance = this.#instances.serving.get(name);
    const parts = instance === undefined ? [] : [...instance.parts, ...instance.leaving.keys()];
    return parts.map(({ crew, state }) => ({ worker: crew.worker.number, state }));
  }

  /** Worker threads that run, and how often one had to be replaced. */
  get workers(): { readonly running: number; readonly restarts: number } {
    return { running: this.#fleet.size, restarts: this.#revival.restarts };
  }

  /** What workers have died of, and how often. */
  get deaths(): ReadonlyMap<DeathCause, number> {
    return this.#revival.deaths;
  }

  /** What drains, and how many connections are left of it. */
  get drains(): DrainingListener[] {
    const now = performance.now();
    return this.#instances.all.flatMap((instance) => drainOf(instance, now) ?? []);
  }

  /** Replaced or removed listeners, and removed threads of listeners, that still have connections. */
  get draining(): number {
    const { all } = this.#instances;
    return all.reduce((sum, { retired, leaving }) => sum + (retired ? 1 : leaving.size), 0);
  }

  /** Whether every listener accepts. */
  get ready(): boolean {
    return [...this.#instances.serving.values()].every((instance) => stateOf(instance) === "accepting");
  }

  /**
   * Gets ready for a change: opens the ports of new listeners and those added to others, and has threads join. Nothing
   * that serves is changed.
   *
   * @throws {WeirError} when a part cannot be done; nothing of the change is left then
   */
  async prepare(changes: readonly ListenerChange[], next: Model): Promise<PreparedChange> {
    const opened: Instance[] = [];
    const suspended: Release[] = [];
    const updates: Update[] = [];
    const { maxWorkers } = this.#fleet;
    const undo = async () => {
      this.#fleet.maxWorkers = maxWorkers;
      await Promise.all(opened.map((instance) => this.#instances.discard(instance)));
      await Promise.all(updates.map((update) => update.abort(next.drainTimeout)));
      await Promise.all(suspended.map((closed) => this.#revival.resume(closed)));
    };
    this.#fleet.maxWorkers = next.maxWorkers;
    const { openings, inTheWay, oursIn } = portMovesOf(
      changes,
      this.#instances.serving,
      (plan) => this.#sockets.kindOf(plan),
    );
    const leaving = leavingIn(changes, this.#instances.serving);
    try {
      suspended.push(...inTheWay);
      await allSettled(suspended.map((closed) => this.#suspend(closed)));
      await allSettled(changes.map(async (change) => {
        const opening = change.kind === "stop" ? undefined : openings.get(change.plan.name);
        if (opening === undefined) return;
        const ours = new Set([...oursIn(opening), ...this.#sockets.heldAmong(opening.plan, opening.ports)]);
        if (change.kind !== "update") opened.push(await this.#instances.open(opening, ours));
        else {
          const instance = this.#instances.serving.get(change.plan.name);
          if (instance === undefined) return;
          const update = new Update(instance, opening, {
            instances: this.#instances,
            health: this.health,
            log: this.#log,
          });
          updates.push(update);
          await update.prepare(change.changed, ours);
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
        await Promise.all(updates.map((update) => update.commit(next.drainTimeout)));
        await Promise.all(leaving.map((instance) => this.#instances.ask(instance, "suspend")));
        for (const change of changes) {
          if (change.kind === "stop") this.#retirement.retire(change.name, next.drainTimeout);
          else if (change.kind === "replace") {
            this.#retirement.retire(change.plan.name, change.disconnect ? 0 : next.drainTimeout);
          }
        }
        for (const instance of opened) this.#instances.serving.set(instance.plan.name, instance);
      },
    };
  }

  /** Where it listens. */
  get places(): PortsAt[] {
    return [...this.#instances.serving.values()].map(({ plan: { address, ports } }) => ({ address, ports }));
  }

  /**
   * Has every port on sockets that another program of this user can open its own beside. One that was shared is closed
   * for a moment.
   */
  async admitSuccessor(): Promise<void> {
    const context = { instances: this.#instances, revival: this.#revival, log: this.#log };
    const shared = [...this.#instances.serving.values()].filter(({ sockets }) => sockets === "shared");
    await Promise.all(shared.map((instance) => split(instance, context)));
  }

  /** The program that this one replaces has closed its ports. */
  predecessorGone(): void {
    this.#sockets.release();
  }

  /** Stops every listener, gives sessions `drainTimeout` seconds, and ends all workers. */
  async stop(drainTimeout: number): Promise<void> {
    for (const name of [...this.#instances.serving.keys()]) this.#retirement.retire(name, drainTimeout);
    await this.#retirement.ended();
    this.#revival.stop();
    this.#fleet.terminate();
  }

  /** From here on the change is made: a worker that dies now is the business of {@link Revival}. */
  async #begin(instance: Instance): Promise<void> {
    instance.committed = true;
    try {
      await allSettled(instance.parts.map((part) => this.#instances.accept(instance, part)));
      this.#instances.announce(instance);
    } catch (error) {
      const { name } = instance.plan;
      this.#log("error", `Listener "${name}" does not accept yet: ${messageOf(error)}`, {
        event: "listener_down",
        listener: name,
      });
    }
  }

  async #suspend({ instance, ports }: Release): Promise<void> {
    instance.anchor.release(ports);
    await allSettled(instance.parts.map((part) => this.#instances.request(part, { kind: "suspend", ports })));
  }
}
