/**
 * How listeners open their ports, as far as that depends on the kernel and on a running Weir that this one replaces.
 * Why: docs/decisions/0023-replacing-the-program.md.
 *
 * @module
 */

import type { ListenerPlan } from "../config/model.ts";
import { addressesOverlap } from "../config/rules.ts";
import type { SocketKind } from "../messages.ts";
import { listPorts, type PortRange, portsOverlap } from "../net/ports.ts";
import { socketKindOf } from "./anchors.ts";

/** Ports of an address. */
export interface PortsAt {
  readonly address: string;
  readonly ports: readonly PortRange[];
}

/** What the policy goes by. */
export interface SocketFacts {
  /** Whether the kernel hands the clients of a socket that closes to another one of its port. */
  readonly migrates: boolean;
  /** Where the Weir listens that this one replaces. */
  readonly held: readonly PortsAt[];
}

/** Nothing special. */
export const ORDINARY_SOCKETS: SocketFacts = { migrates: false, held: [] };

/** How ports are opened. */
export class SocketPolicy {
  readonly #migrates: boolean;
  #held: readonly PortsAt[];

  /** @param facts what to go by */
  constructor({ migrates, held }: SocketFacts) {
    this.#migrates = migrates;
    this.#held = held;
  }

  /** Whether a socket that opens beside another takes over its clients when that one closes. */
  get migrates(): boolean {
    return this.#migrates;
  }

  /** How a listener that starts with a plan opens its ports. */
  kindOf(plan: ListenerPlan): SocketKind {
    return this.#migrates || this.#overlapping(plan).length > 0 ? "beside" : socketKindOf(plan);
  }

  /** Which ports the Weir has open that this one replaces. */
  heldAmong({ address }: ListenerPlan, ports: readonly number[]): number[] {
    const held = new Set(
      this.#overlapping({ address, ports: ports.map((port) => ({ first: port, last: port })) })
        .flatMap((other) => listPorts(other.ports)),
    );
    return ports.filter((port) => held.has(port));
  }

  /** The other Weir has closed its ports. */
  release(): void {
    this.#held = [];
  }

  #overlapping({ address, ports }: Pick<ListenerPlan, "address" | "ports">): readonly PortsAt[] {
    return this.#held.filter((other) => addressesOverlap(other.address, address) && portsOverlap(other.ports, ports));
  }
}
