/**
 * Two looks at a running Weir make rates. Pure.
 *
 * @module
 */

import type { z } from "zod";
import type { listenerSchema, statusSchema } from "../../admin/schemas.ts";

type Listener = z.infer<typeof listenerSchema>;
type Server = Listener["servers"][number];

/** A look at a running Weir. */
export interface Look {
  /** Seconds since any moment. */
  readonly at: number;
  readonly status: z.infer<typeof statusSchema>;
  readonly listeners: readonly Listener[];
}

/** How much a second; `null` before there are two looks. */
export interface Rates {
  readonly newConnections: number | null;
  readonly bytesIn: number | null;
  readonly bytesOut: number | null;
}

/** A listener with its rates. */
export interface ListenerRates extends Rates {
  readonly listener: string;
  readonly protocol: Listener["protocol"];
  readonly address: string;
  readonly port: string;
  readonly state: Listener["state"];
  /** Servers that are not Abnormal. */
  readonly serversUp: number;
  readonly servers: number;
  readonly active: number;
}

/** A server of a listener with its rates. */
export interface ServerRates extends Rates {
  readonly listener: string;
  readonly server: string;
  readonly health: Server["health"];
  readonly draining: boolean;
  readonly backup: boolean;
  readonly weight: number;
  readonly effectiveWeight: number;
  readonly active: number;
}

/** What `weir top` shows. */
export interface TopRates {
  readonly total: Rates & { readonly active: number };
  readonly listeners: readonly ListenerRates[];
  readonly servers: readonly ServerRates[];
}

interface Counted {
  readonly connectionsTotal: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What two rows may be compared by. */
export const SORT_KEYS = ["traffic", "new", "active", "name"] as const;

/** What rows are sorted by; the largest first, names in their order. */
export type SortKey = (typeof SORT_KEYS)[number];

/** Works the rates out. @param before an earlier look; without one there are none */
export function ratesBetween(before: Look | undefined, now: Look, sort: SortKey = "traffic"): TopRates {
  const seconds = before === undefined ? 0 : now.at - before.at;
  const rates = (was: Counted | undefined, is: Counted): Rates => ({
    newConnections: rate(was?.connectionsTotal, is.connectionsTotal, seconds),
    bytesIn: rate(was?.bytesIn, is.bytesIn, seconds),
    bytesOut: rate(was?.bytesOut, is.bytesOut, seconds),
  });
  const earlier = new Map(before?.listeners.map((listener) => [listener.name, listener]));
  const listeners = now.listeners.map((listener): ListenerRates => ({
    listener: listener.name,
    protocol: listener.protocol,
    address: listener.address,
    port: String(listener.port ?? listener.ports ?? ""),
    state: listener.state,
    serversUp: listener.servers.filter(({ health }) => health !== "Abnormal").length,
    servers: listener.servers.length,
    active: listener.connectionsActive,
    ...rates(earlier.get(listener.name), listener),
  }));
  const servers = now.listeners.flatMap((listener) => {
    const known = new Map(earlier.get(listener.name)?.servers.map((server) => [server.server, server]));
    return listener.servers.map((server): ServerRates => ({
      listener: listener.name,
      server: server.server,
      health: server.health,
      draining: server.draining,
      backup: server.backup,
      weight: server.weight,
      effectiveWeight: server.effectiveWeight,
      active: server.connectionsActive,
      ...rates(known.get(server.server), server),
    }));
  });
  return {
    // Of listeners, not of the program's totals: these fall when a listener goes.
    total: {
      active: now.status.totals.connectionsActive,
      newConnections: sum(listeners, ({ newConnections }) => newConnections),
      bytesIn: sum(listeners, ({ bytesIn }) => bytesIn),
      bytesOut: sum(listeners, ({ bytesOut }) => bytesOut),
    },
    listeners: sorted(listeners, sort, ({ listener }) => listener),
    servers: sorted(servers, sort, ({ listener, server }) => `${listener} ${server}`),
  };
}

/** A counter that is smaller than it was has begun anew in between: it belongs to a Weir that was restarted. */
function rate(before: number | undefined, now: number, seconds: number): number | null {
  if (seconds <= 0) return null;
  const from = before === undefined || before > now ? 0 : before;
  return (now - from) / seconds;
}

function sum(listeners: readonly ListenerRates[], pick: (listener: ListenerRates) => number | null): number | null {
  const known = listeners.map(pick).filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
}

function sorted<Row extends Rates & { readonly active: number }>(
  rows: readonly Row[],
  by: SortKey,
  nameOf: (row: Row) => string,
): Row[] {
  const keys: Readonly<Record<Exclude<SortKey, "name">, (row: Row) => number>> = {
    traffic: ({ bytesIn, bytesOut }) => (bytesIn ?? 0) + (bytesOut ?? 0),
    new: ({ newConnections }) => newConnections ?? 0,
    active: ({ active }) => active,
  };
  const compareNames = (a: Row, b: Row) => nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0;
  if (by === "name") return rows.toSorted(compareNames);
  return rows.toSorted((a, b) => keys[by](b) - keys[by](a) || b.active - a.active || compareNames(a, b));
}
