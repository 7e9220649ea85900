/**
 * Bringing back what is down: listeners whose worker has died, and listeners whose port somebody else has taken.
 *
 * @module
 */

import type { BoardRegistry } from "../board/registry.ts";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { listPorts } from "../net/ports.ts";
import type { Instance } from "./instance.ts";
import type { Instances } from "./instances.ts";
import type { Release } from "./port_moves.ts";
import { RestartBackoff } from "./restart_backoff.ts";
import type { Crew, WorkerFleet } from "./worker_fleet.ts";

/** Pause before a listener that could not get its port back tries again. */
const REOPEN_SECONDS = 1;

const NONE: ReadonlySet<number> = new Set();

/** What is to be brought back, and where. */
export interface RevivalContext {
  readonly instances: Instances;
  readonly fleet: WorkerFleet;
  readonly boards: BoardRegistry;
  readonly log: Log;
}

/** Brings listeners back. */
export class Revival {
  readonly #context: RevivalContext;
  readonly #backoff = new RestartBackoff();
  #restarts = 0;
  #stopped = false;

  /** @param context what is to be brought back */
  constructor(context: RevivalContext) {
    this.#context = context;
  }

  /** How often a worker had to be replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Brings nothing back any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Starts a new worker for those that a dead one served. Only they notice. */
  async revive(dead: Crew, reason: string): Promise<void> {
    const { instances, fleet, boards, log } = this.#context;
    this.#restarts++;
    const pause = this.#backoff.next(performance.now() / 1000);
    const orphans = instances.find(dead.instances);
    const names = orphans.map((instance) => instance.plan.name);
    log("error", `Worker ${dead.worker.number} died: ${reason}; starting another in ${pause} s`, {
      listeners: names.join(","),
    });
    for (const instance of orphans) {
      boards.forgetActive(instance.plan.name);
      if (instance.state !== "draining") instance.state = "restarting";
    }
    // Predecessors and successors of the same name live on in other workers, and so do their connections.
    for (const instance of instances.all) {
      if (names.includes(instance.plan.name) && !orphans.includes(instance)) void instances.ask(instance, "recount");
    }
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
    if (this.#stopped) return;
    const crew = fleet.replace(dead);
    await Promise.all(orphans.map((instance) => this.#reopen(instance, crew)));
  }

  /** Gives a listener ports back that were closed for a change; tries until it has them. */
  async resume({ instance, ports }: Release): Promise<void> {
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
      void this.#later(instance, instance.crew, () => this.resume({ instance, ports }));
    }
  }

  async #reopen(instance: Instance, crew: Crew): Promise<void> {
    const { instances, fleet } = this.#context;
    instance.crew = crew;
    // Those that were draining had nothing but connections, which are gone; those given up belong to nobody.
    if (!instances.has(instance) || instance.state === "draining") return fleet.leave(crew, instance.id);
    try {
      await instances.openIn(instance);
      if (!instances.has(instance)) return await instances.discard(instance);
      if (instance.committed) await instances.accept(instance);
    } catch (error) {
      // Somebody else has the port. (A worker that died as well is another matter, and comes back by itself.)
      this.#logFailure(instance, error);
      await this.#later(instance, crew, () => this.#reopen(instance, crew));
    }
  }

  #logFailure({ plan }: Instance, error: unknown): void {
    this.#context.log(
      "error",
      `Listener "${plan.name}" is down: ${messageOf(error)}; trying again in ${REOPEN_SECONDS} s`,
      { listener: plan.name },
    );
  }

  /** Tries again in a while, unless the listener or its worker has gone meanwhile. */
  async #later(instance: Instance, crew: Crew, again: () => Promise<void>): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, REOPEN_SECONDS * 1000));
    const waiting = this.#context.instances.has(instance) && instance.state === "restarting";
    if (waiting && instance.crew === crew && crew.worker.alive && !this.#stopped) await again();
  }
}
