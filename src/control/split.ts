/**
 * Giving up the shared queue of a listener: each of its threads gets sockets of its own, which another program of this
 * user can open its own beside.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { listPorts } from "../net/ports.ts";
import { allSettled } from "./all_settled.ts";
import { Anchor } from "./anchors.ts";
import { acceptingParts, type Instance } from "./instance.ts";
import type { Instances } from "./instances.ts";
import type { Revival } from "./revival.ts";

/** Who takes part. */
export interface SplitContext {
  readonly instances: Instances;
  readonly revival: Revival;
  readonly log: Log;
}

/**
 * Splits the queue of a listener. A port cannot be had in both ways at once, so each is closed for a fraction of a
 * millisecond: all threads but one let go of it, and that one closes it and opens it in one go. A port that cannot be
 * had again is tried for until it can.
 */
export async function split(instance: Instance, { instances, revival, log }: SplitContext): Promise<void> {
  const parts = acceptingParts(instance);
  const [last, ...others] = parts;
  // Those whose worker starts anew open their ports by it.
  instance.sockets = "beside";
  try {
    await allSettled(others.map((part) => instances.request(part, { kind: "suspend" })));
    instance.anchor[Symbol.dispose]();
    instance.anchor = new Anchor(instance.plan, "beside");
    if (last !== undefined) await instances.request(last, { kind: "split" });
    await allSettled(others.map((part) => instances.request(part, { kind: "split" })));
  } catch (error) {
    const { name, ports } = instance.plan;
    log("error", `Listener "${name}" lost its ports while it got ready to be replaced: ${messageOf(error)}`, {
      event: "listener_down",
      listener: name,
    });
    await revival.resume({ instance, ports: listPorts(ports) }, parts);
  }
}
