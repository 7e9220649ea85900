/**
 * Which ports a change opens, which it gives up, and which of these have to be closed before others can be opened. Pure.
 *
 * @module
 */

import { type ListenerChange, nameOf } from "../config/diff.ts";
import { type ListenerPlan, usesRuntimeTls } from "../config/model.ts";
import { addressesOverlap } from "../config/rules.ts";
import type { SocketKind } from "../messages.ts";
import { listPorts } from "../net/ports.ts";
import type { Instance } from "./instance.ts";

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

/** What happens to ports in a change. */
export interface PortMoves {
  /** What the change opens, by the name of the listener. */
  readonly openings: ReadonlyMap<string, Opening>;
  /** What has to be closed before everything else can be opened. */
  readonly inTheWay: readonly Release[];
  /** The ports of an opening that a listener of ours has open until the change is made, and that can be opened beside. */
  oursIn(opening: Opening): ReadonlySet<number>;
}

/**
 * Works out what happens to ports in a change.
 *
 * @param serving the listeners that serve now, by name, @param kindOf how one that starts opens its ports
 */
export function portMovesOf(
  changes: readonly ListenerChange[],
  serving: ReadonlyMap<string, Instance>,
  kindOf: (plan: ListenerPlan) => SocketKind,
): PortMoves {
  const openings = openingsIn(changes, serving, kindOf);
  const releases = releasesIn(changes, serving);
  const openedOn = byPort(openings);
  const releasedOn = byPort(releases);
  const isBlocked = (port: number, { instance }: Release) =>
    openedOn.get(port)?.some((opening) =>
      addressesOverlap(opening.plan.address, instance.plan.address) && !canShare(opening, instance)
    ) ?? false;
  return {
    openings: new Map(openings.map((opening) => [opening.plan.name, opening])),
    inTheWay: releases
      .map((release) => ({ ...release, ports: release.ports.filter((port) => isBlocked(port, release)) }))
      .filter(({ ports }) => ports.length > 0),
    oursIn: (opening) =>
      new Set(
        opening.ports.filter((port) => releasedOn.get(port)?.some(({ instance }) => canShare(opening, instance))),
      ),
  };
}

function openingsIn(
  changes: readonly ListenerChange[],
  serving: ReadonlyMap<string, Instance>,
  kindOf: (plan: ListenerPlan) => SocketKind,
): Opening[] {
  return changes.flatMap((change): Opening[] => {
    if (change.kind === "stop") return [];
    const { plan } = change;
    if (change.kind !== "update") return [{ plan, ports: listPorts(plan.ports), sockets: kindOf(plan) }];
    const instance = serving.get(plan.name);
    if (instance === undefined) return [];
    return [{ plan, ports: portsOnlyIn(plan, instance.plan), sockets: instance.sockets }];
  });
}

function releasesIn(changes: readonly ListenerChange[], serving: ReadonlyMap<string, Instance>): Release[] {
  return changes.flatMap((change): Release[] => {
    const instance = change.kind === "start" ? undefined : serving.get(nameOf(change));
    if (instance === undefined) return [];
    const stays = change.kind === "update" ? change.plan : undefined;
    return [{
      instance,
      ports: stays === undefined ? listPorts(instance.plan.ports) : portsOnlyIn(instance.plan, stays),
    }];
  });
}

function byPort<Holder extends { readonly ports: readonly number[] }>(
  holders: readonly Holder[],
): ReadonlyMap<number, readonly Holder[]> {
  const found = new Map<number, Holder[]>();
  for (const holder of holders) {
    for (const port of holder.ports) {
      const others = found.get(port);
      if (others === undefined) found.set(port, [holder]);
      else others.push(holder);
    }
  }
  return found;
}

/** The ports of one plan that another does not have. */
export function portsOnlyIn(one: Pick<ListenerPlan, "ports">, other: Pick<ListenerPlan, "ports">): number[] {
  const others = new Set(listPorts(other.ports));
  return listPorts(one.ports).filter((port) => !others.has(port));
}

/** Whether two listeners can have a port open side by side for a moment: the same address and sockets of the same kind. */
function canShare(a: Pick<Opening, "plan" | "sockets">, b: Pick<Opening, "plan" | "sockets">): boolean {
  return a.plan.address === b.plan.address && usesRuntimeTls(a.plan) === usesRuntimeTls(b.plan) &&
    a.sockets === b.sockets;
}
