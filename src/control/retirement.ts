/**
 * Stopping listeners for good: they accept nothing more, and their connections get some time to end.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { allSettled } from "./all_settled.ts";
import type { Instance, Part } from "./instance.ts";
import type { Instances } from "./instances.ts";

/** Stops listeners, and knows when they have stopped. */
export class Retirement {
  readonly #instances: Instances;
  readonly #log: Log;
  readonly #underWay = new Set<Promise<void>>();

  /** @param instances where listeners live, @param log where to tell what happens */
  constructor(instances: Instances, log: Log) {
    this.#instances = instances;
    this.#log = log;
  }

  /** Stops the listener that serves under a name; its connections have `drainTimeout` seconds. */
  retire(name: string, drainTimeout: number): void {
    const instance = this.#instances.serving.get(name);
    if (instance === undefined) return;
    this.#instances.serving.delete(name);
    instance.retired = true;
    const ended = this.#drain(instance, drainTimeout).finally(() => {
      this.#underWay.delete(ended);
      this.#instances.forget(instance);
    });
    this.#underWay.add(ended);
  }

  /** Waits until every listener that was retired has stopped. */
  async ended(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #drain(instance: Instance, drainTimeout: number): Promise<void> {
    const { name } = instance.plan;
    this.#log("info", `Listener "${name}" stops accepting`, { event: "listener_draining", listener: name });
    instance.anchor[Symbol.dispose]();
    const stop = (part: Part) => this.#instances.request(part, { kind: "stop", drainTimeout });
    try {
      // Those that leave already may get less time now.
      const left = [...instance.leaving].map(([part, ended]) => Promise.all([stop(part).catch(() => {}), ended]));
      await allSettled([...instance.parts.map(stop), ...left]);
      this.#log("info", `Listener "${name}" has stopped`, { event: "listener_stopped", listener: name });
    } catch (error) {
      this.#log("warn", `Listener "${name}" ended before its connections did: ${messageOf(error)}`, {
        event: "listener_stopped",
        listener: name,
      });
    }
  }
}
