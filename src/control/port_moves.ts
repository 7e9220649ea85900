/**
 * Which ports a change opens, which it gives up, and which of these have to be closed before others can be opened. Pure.
 *
 * @module
 */

import type { ListenerChange } from "../config/diff.ts";
import { type ListenerPlan, protocolOf } from "../config/model.ts";
import { addressesOverlap } from "../config/rules.ts";
import type { SocketKind } from "../messages.ts";
import { listPorts } from "../net/ports.ts";
import { socketKindOf } from "./anchors.ts";
import { type Instance, leavingIn } from "./instance.ts";

/** Ports that a listener opens in a change: all of them when it starts, those that are added when it stays. */
export interface Opening {
  readonly plan: ListenerPlan;
  readonly ports: readonly number[];
  readonly sockets: SocketKind;
}

/** Ports that a listener gives up in a change: all of them when it leaves, those that go when it stays. */
export interface Release {
  readonly instance: Instance;
  readonly ports: readonly number[];
}

/** What a change opens, by the name of the listener. */
export function openingsIn(
  changes: readonly ListenerChange[],
  serving: ReadonlyMap<string, Instance>,
): ReadonlyMap<string, Opening> {
  const openings = changes.flatMap((change): Opening[] => {
    if (change.kind === "stop") return [];
    const { plan } = change;
    if (change.kind !== "update") return [{ plan, ports: listPorts(plan.ports), sockets: socketKindOf(plan) }];
    const instance = serving.get(plan.name);
    if (instance === undefined) return [];
    return [{ plan, ports: portsOnlyIn(plan, instance.plan), sockets: instance.sockets }];
  });
  return new Map(openings.map((opening) => [opening.plan.name, opening]));
}

/** What a change gives up. */
export function releasesIn(changes: readonly ListenerChange[], serving: ReadonlyMap<string, Instance>): Release[] {
  const leaving = leavingIn(changes, serving);
  return [
    ...leaving.map((instance) => ({ instance, ports: listPorts(instance.plan.ports) })),
    ...changes.flatMap((change): Release[] => {
      const instance = change.kind === "update" ? serving.get(change.plan.name) : undefined;
      if (change.kind !== "update" || instance === undefined) return [];
      return [{ instance, ports: portsOnlyIn(instance.plan, change.plan) }];
    }),
  ];
}

/** The ports of one plan that another does not have. */
function portsOnlyIn(one: ListenerPlan, other: ListenerPlan): number[] {
  if (one.ports === other.ports) return [];
  const others = new Set(listPorts(other.ports));
  return listPorts(one.ports).filter((port) => !others.has(port));
}

/** Whether two listeners can have a port open side by side for a moment: the same address, protocol and sockets. */
function canShare(a: Pick<Opening, "plan" | "sockets">, b: Pick<Opening, "plan" | "sockets">): boolean {
  return a.plan.address === b.plan.address && protocolOf(a.plan) === protocolOf(b.plan) && a.sockets === b.sockets;
}

/** What has to be closed before everything else can be opened. */
export function inTheWayOf(openings: Iterable<Opening>, releases: readonly Release[]): Release[] {
  const opened = [...openings].map((opening) => ({ ...opening, ports: new Set(opening.ports) }));
  return releases.flatMap(({ instance, ports }): Release[] => {
    const rivals = opened.filter((opening) =>
      addressesOverlap(opening.plan.address, instance.plan.address) && !canShare(opening, instance)
    );
    const blocked = ports.filter((port) => rivals.some((rival) => rival.ports.has(port)));
    return blocked.length === 0 ? [] : [{ instance, ports: blocked }];
  });
}

/** The ports of an opening that a listener of ours has open at the moment, and which can be opened beside it. */
export function ownPortsOf(opening: Opening, releases: readonly Release[]): ReadonlySet<number> {
  const beside = releases.filter(({ instance }) => canShare(opening, instance));
  const held = new Set(beside.flatMap(({ ports }) => ports));
  return new Set(opening.ports.filter((port) => held.has(port)));
}
