/**
 * Changing a listener that stays: its settings, its ports, its threads.
 *
 * @module
 */

import { usesRuntimeTls } from "../config/model.ts";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { allSettled } from "./all_settled.ts";
import { ofListener } from "./anchors.ts";
import type { HealthNotes } from "./health_notes.ts";
import { acceptingParts, type Instance, type Part } from "./instance.ts";
import type { Instances } from "./instances.ts";
import { type Opening, portsOnlyIn } from "./port_moves.ts";

/** Where listeners live, and what is kept of them beside. */
export interface UpdateContext {
  readonly instances: Instances;
  readonly health: HealthNotes;
  readonly log: Log;
}

/** The change of one listener. */
export class Update {
  readonly #instance: Instance;
  readonly #opening: Opening;
  readonly #context: UpdateContext;
  /** The parts that the instance had before others joined; `undefined` as long as nothing was opened for it. */
  #before: readonly Part[] | undefined;

  /** @param instance what is to change, @param opening its next plan, and the ports that this adds */
  constructor(instance: Instance, opening: Opening, context: UpdateContext) {
    this.#instance = instance;
    this.#opening = opening;
    this.#context = context;
  }

  /**
   * Opens what it needs beside what is open: added ports, sockets for a renewed certificate, more threads.
   *
   * @param changed settings, @param ours ports that a listener of ours has open, which does not matter
   * @throws {WeirError} when it cannot; what it has opened by then is left to {@link abort}
   */
  async prepare(changed: readonly string[], ours: ReadonlySet<number>): Promise<void> {
    const { instances } = this.#context;
    const instance = this.#instance;
    const { plan, ports } = this.#opening;
    const newSockets = changed.includes("tls") && usesRuntimeTls(plan);
    const newThreads = plan.workers > instance.parts.length;
    if (ports.length === 0 && !newSockets && !newThreads) return;
    instance.anchor.take(ports, ours);
    this.#before = instance.parts;
    const prepare = (part: Part) => instances.request(part, { kind: "prepare", plan });
    try {
      const joining = await instances.join(instance, plan);
      // A part whose worker starts anew opens everything when it takes up the plan.
      await allSettled(acceptingParts(instance).map(prepare));
      // At once, by the settings in force: clients may be waiting in a queue that nobody else looks into.
      await allSettled(joining.map((part) => instances.accept(instance, part)));
      await allSettled(joining.map(prepare));
    } catch (error) {
      throw ofListener(plan, error);
    }
  }

  /** Closes what was opened for it. @param drainTimeout seconds for the connections of threads that had joined */
  async abort(drainTimeout: number): Promise<void> {
    const before = this.#before;
    if (before === undefined) return;
    const { instances } = this.#context;
    const instance = this.#instance;
    instance.anchor.release(this.#opening.ports);
    for (const part of instance.parts.filter((part) => !before.includes(part))) {
      instances.dismiss(instance, part, drainTimeout);
    }
    await instances.ask(instance, "forgo");
  }

  /** Makes it so. @param drainTimeout seconds for the connections of threads that leave */
  async commit(drainTimeout: number): Promise<void> {
    const { instances, health, log } = this.#context;
    const instance = this.#instance;
    const { plan } = this.#opening;
    instances.provideBoard(plan);
    const gone = portsOnlyIn(instance.plan, plan);
    instance.plan = plan;
    health.keepOnly(plan.name, plan.pool.servers.map((server) => server.key));
    // Those that accept stay, rather than those that start anew.
    const rest = instance.parts.filter((part) => part.state !== "accepting");
    const surplus = [...acceptingParts(instance), ...rest].slice(plan.workers);
    for (const part of surplus) instances.dismiss(instance, part, drainTimeout);
    await Promise.all(instance.parts.map(async (part) => {
      try {
        await instances.request(part, { kind: "update", plan, memory: instances.memoryOf(plan.name, part) });
      } catch (error) {
        // The worker died or hangs: its successor starts with the new plan.
        log("error", `Listener "${plan.name}" did not take the new settings at once: ${messageOf(error)}`, {
          listener: plan.name,
        });
      }
    }));
    instance.anchor.release(gone);
  }
}
