/**
 * Where a server of a group serves: on one port, on several (each of which is a server of its own), on a range that
 * stands for the listener's ports, or on those ports themselves. Also the names by which each is known.
 *
 * @module
 */

import { canonicalHost, formatEndpoint } from "../net/ip.ts";
import { parsePortList, type PortRange } from "../net/ports.ts";
import type { ServerPlan } from "./model.ts";
import type { ServerConfig } from "./schema.ts";

/** The part of a server's plan that says on which port it serves. */
export type ServerPlace = Pick<ServerPlan, "port" | "ports">;

/** The places of one server of the configuration. @param defaultPort for a server that gives no port */
export function serverPlaces(server: ServerConfig, defaultPort: number | undefined): readonly ServerPlace[] {
  if (typeof server.ports === "string") return [{ port: null, ports: portRanges(server.ports) }];
  return (server.ports ?? [server.port ?? defaultPort ?? null]).map((port) => ({ port, ports: null }));
}

/** A server's identity, {@link ServerPlan.key}. */
export function serverKey(serverAddress: string, { port, ports }: ServerPlace): string {
  const address = canonicalHost(serverAddress);
  if (port !== null) return formatEndpoint(address, port);
  return ports === null ? address : formatEndpoint(address, `${ports[0]?.first}+`);
}

/** A list of ports that the schema has let pass. */
export function portRanges(text: string): readonly PortRange[] {
  const list = parsePortList(text);
  if (!list.ok) throw new Error(`Cannot resolve "${text}": validation let it pass`);
  return list.ranges;
}
