/**
 * Stopping listeners for good: they accept nothing more, and their connections get some time to end.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { allSettled } from "./all_settled.ts";
import { drainOf, type Instance, type Part } from "./instance.ts";
import type { Instances } from "./instances.ts";

/** Milliseconds between two lines about what is left. */
const TELL_EVERY_MS = 5000;

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
    this.#log("info", `Listener "${name}" stops accepting; its connections have ${drainTimeout} s`, {
      event: "listener_draining",
      listener: name,
    });
    instance.anchor[Symbol.dispose]();
    const stop = (part: Part) => this.#instances.stop(part, drainTimeout);
    const telling = setInterval(() => this.#tellProgress(instance), TELL_EVERY_MS);
    try {
      // Those that leave already may get less time now.
      const left = [...instance.leaving].map(([part, ended]) => Promise.all([stop(part).catch(() => {}), ended]));
      await allSettled([...instance.parts.map(stop), ...left]);
      const ended = instance.parts.reduce((sum, { drain }) => sum + (drain?.ended ?? 0), 0);
      const which = ended === 0 ? "" : `; ${ended} connection${ended === 1 ? "" : "s"} had to be ended`;
      this.#log("info", `Listener "${name}" has stopped${which}`, { event: "listener_stopped", listener: name, ended });
    } catch (error) {
      this.#log("warn", `Listener "${name}" ended before its connections did: ${messageOf(error)}`, {
        event: "listener_stopped",
        listener: name,
      });
    } finally {
      clearInterval(telling);
    }
  }

  #tellProgress(instance: Instance): void {
    const drain = drainOf(instance, performance.now());
    if (drain === undefined || drain.connections === 0) return;
    const { listener, connections, secondsLeft } = drain;
    const many = connections === 1 ? "1 connection is" : `${connections} connections are`;
    this.#log("info", `Listener "${listener}" drains: ${many} left, ${secondsLeft} s to go`, { listener, connections });
  }
}
