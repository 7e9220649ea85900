/**
 * Bringing back what is down: listeners whose worker has died, and listeners whose port somebody else has taken.
 *
 * @module
 */

import type { BoardRegistry } from "../board/registry.ts";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { listPorts } from "../net/ports.ts";
import { allSettled } from "./all_settled.ts";
import { acceptingParts, type Instance, type Part } from "./instance.ts";
import type { Instances } from "./instances.ts";
import type { Release } from "./port_moves.ts";
import { RestartBackoff } from "./restart_backoff.ts";
import type { Crew, WorkerFleet } from "./worker_fleet.ts";
import { DEATH_CAUSES, type DeathCause } from "./worker_handle.ts";

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
  /** By listener: one that keeps dying takes nobody else's time. */
  readonly #backoffs = new Map<string, RestartBackoff>();
  readonly #deaths = new Map<DeathCause, number>(DEATH_CAUSES.map((cause) => [cause, 0]));
  #stopped = false;

  /** @param context what is to be brought back */
  constructor(context: RevivalContext) {
    this.#context = context;
  }

  /** How often a worker had to be replaced. */
  get restarts(): number {
    return [...this.#deaths.values()].reduce((sum, count) => sum + count, 0);
  }

  /** What those have died of, and how often. */
  get deaths(): ReadonlyMap<DeathCause, number> {
    return this.#deaths;
  }

  /** Brings nothing back any more. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Keeps the ports open that nobody but a dying worker has, where the kernel hands clients on: those who wait, and those
   * who come until a new one has opened them. To be called before its sockets close.
   */
  bridge(dying: Crew): void {
    for (const instance of this.#context.instances.all) {
      const { parts, anchor, plan, sockets, committed, retired } = instance;
      if (sockets !== "beside" || !committed || retired || !parts.some((part) => part.crew === dying)) continue;
      if (acceptingParts(instance).every((part) => part.crew === dying)) anchor.bridge(listPorts(plan.ports));
    }
  }

  /** Starts a new worker for what a dead one served. Only its own connections notice. */
  async revive(dead: Crew, reason: string, cause: DeathCause): Promise<void> {
    const { instances, fleet, boards, log } = this.#context;
    this.#deaths.set(cause, (this.#deaths.get(cause) ?? 0) + 1);
    const orphans = instances.all.flatMap((instance) =>
      [...instance.parts, ...instance.leaving.keys()].filter((part) => part.crew === dead)
        .map((part) => ({ instance, part }))
    );
    const names = orphans.map(({ instance }) => instance.plan.name);
    const pause = this.#pauseFor(new Set(names));
    log("error", `Worker ${dead.worker.number} died: ${reason}; starting another in ${pause} s`, {
      event: "worker_died",
      cause,
      listeners: names.join(","),
    });
    boards.settle(dead.worker.number);
    fleet.capacity.settle(dead.worker.number);
    for (const { instance, part } of orphans) {
      if (instances.isWanted(instance, part)) part.state = "restarting";
      instances.electProber(instance);
    }
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
    if (this.#stopped) return;
    fleet.remove(dead);
    // Those that were draining had nothing but connections, which are gone; those given up belong to nobody.
    const wanted = orphans.filter(({ instance, part }) => instances.isWanted(instance, part));
    for (const { instance, part } of wanted) {
      part.crew = fleet.place(part.id, instance.parts.filter((other) => other !== part).map((other) => other.crew));
    }
    const successors = [...new Set(wanted.map(({ part }) => part.crew.worker.number))];
    if (successors.length > 0) {
      const who = `worker${successors.length > 1 ? "s" : ""} ${successors.join(", ")}`;
      log("info", `What worker ${dead.worker.number} served goes on in ${who}`, { event: "worker_restarted" });
    }
    await Promise.all(wanted.map(({ instance, part }) => this.#reopen(instance, part)));
  }

  /**
   * Gives a listener ports back that were closed for a change; tries until it has them.
   *
   * @param parts those that have closed them; one whose worker starts anew opens all ports by itself
   */
  async resume(release: Release, parts: readonly Part[] = acceptingParts(release.instance)): Promise<void> {
    const { instance, ports } = release;
    const { instances } = this.#context;
    const wanted = new Set(listPorts(instance.plan.ports));
    const missing = ports.filter((port) => wanted.has(port));
    const crews = parts.map((part) => part.crew);
    try {
      instance.anchor.take(missing, NONE);
      await allSettled(parts.map((part) => instances.request(part, { kind: "resume", sockets: instance.sockets })));
      for (const part of parts) if (part.state === "restarting") part.state = "accepting";
      instances.electProber(instance);
    } catch (error) {
      instance.anchor.release(missing);
      // All parts or none: one that has a port keeps the others from being given it.
      await Promise.all(parts.map((part) => instances.request(part, { kind: "suspend", ports: missing }).catch(none)));
      this.#logFailure(instance, error);
      for (const part of parts) part.state = "restarting";
      const waiting = () =>
        parts.filter((part, index) => part.crew === crews[index] && this.#isWaiting(instance, part));
      void this.#later(() => waiting().length > 0, () => this.resume(release, waiting()));
    }
  }

  /** Seconds to wait: those of the listener that has died most often of late. */
  #pauseFor(listeners: ReadonlySet<string>): number {
    const now = performance.now() / 1000;
    const known = new Set(this.#context.instances.all.map(({ plan }) => plan.name));
    for (const name of this.#backoffs.keys()) if (!known.has(name)) this.#backoffs.delete(name);
    return Math.max(
      0,
      ...[...listeners].map((name) => {
        const backoff = this.#backoffs.get(name) ?? new RestartBackoff();
        this.#backoffs.set(name, backoff);
        return backoff.next(now);
      }),
    );
  }

  async #reopen(instance: Instance, part: Part): Promise<void> {
    const { instances } = this.#context;
    const { crew } = part;
    const { sockets } = instance;
    try {
      await instances.openPart(instance, part);
      if (!instances.isWanted(instance, part)) return;
      if (!instance.committed) return;
      await instances.accept(instance, part);
      // The program got ready to be replaced meanwhile.
      if (sockets !== instance.sockets) await instances.request(part, { kind: "split" });
      if (instance.sockets === "beside") instance.anchor.release();
      instances.announce(instance);
    } catch (error) {
      // Somebody else has the port. (A worker that died as well is another matter, and comes back by itself.)
      this.#logFailure(instance, error);
      await this.#later(
        () => part.crew === crew && this.#isWaiting(instance, part),
        () => this.#reopen(instance, part),
      );
    }
  }

  #isWaiting(instance: Instance, part: Part): boolean {
    return part.state === "restarting" && part.crew.worker.alive && this.#context.instances.isWanted(instance, part);
  }

  #logFailure(instance: Instance, error: unknown): void {
    const { name } = instance.plan;
    const what = acceptingParts(instance).length > 0 ? "lacks a thread" : "is down";
    this.#context.log(
      "error",
      `Listener "${name}" ${what}: ${messageOf(error)}; trying again in ${REOPEN_SECONDS} s`,
      { event: "listener_down", listener: name },
    );
  }

  /** Tries again in a while, unless the listener or its worker has gone meanwhile. */
  async #later(stillWaits: () => boolean, again: () => Promise<void>): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, REOPEN_SECONDS * 1000));
    if (!this.#stopped && stillWaits()) await again();
  }
}

function none(): void {}
