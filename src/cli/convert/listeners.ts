/**
 * The listeners of a `listen` or `frontend` section: its binds with its limits and times. Pure.
 *
 * @module
 */

import { familyOf } from "../../net/ip.ts";
import { countPorts, listPorts, onlyPort, type PortRange } from "../../net/ports.ts";
import { type Access, EVERYBODY, readAccess } from "./access.ts";
import type { Backend, Surroundings } from "./backend.ts";
import { type Bind, readBinds } from "./binds.ts";
import type { Placed, Proxy } from "./proxy.ts";
import type { Remarks } from "./remarks.ts";
import type { ServerLine } from "./server_lines.ts";
import { toSeconds } from "./values.ts";

/** A listener that has no name yet. */
export interface Listener {
  readonly line: number;
  /** What its line calls it. */
  readonly wantedName: string | undefined;
  readonly address: string;
  readonly ports: readonly PortRange[];
  /** The keys beside its name, address, ports and backend group, in the order of the file. */
  readonly protocol: "TCP" | "TCP_SSL";
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Listeners that one range of ports is split into at most. */
const MAX_SPLIT = 100;

/** Translates a section that listens. */
export function readListeners(proxy: Proxy, backend: Backend, surroundings: Surroundings): readonly Listener[] {
  const { remarks } = surroundings;
  const binds = readBinds(proxy, surroundings).flatMap((bind) => splitPorts(bind, backend.servers, remarks));
  const access = readAccess(proxy, remarks);
  const times = timesOf(proxy, backend.proxy, remarks);
  sayShared(proxy, binds.length, remarks);
  return binds.map((bind): Listener => ({
    line: bind.line,
    wantedName: bind.name,
    address: bind.address,
    ports: bind.ports,
    protocol: bind.tls === undefined ? "TCP" : "TCP_SSL",
    settings: {
      ...(bind.tls === undefined ? {} : { tls: bind.tls }),
      ...backend.proxyProtocol,
      ...accessOf(bind, access, surroundings),
      ...(translates(bind.address, backend.servers) ? { ipTranslation: true } : {}),
      ...times,
      ...limitsOf(proxy, bind),
      ...(proxy.description === "" ? {} : { description: proxy.description.slice(0, 255) }),
    },
  }));
}

/** A range whose servers have ports of their own is as many listeners: all of its ports lead to the same ones. */
function splitPorts(bind: Bind, servers: readonly ServerLine[], remarks: Remarks): readonly Bind[] {
  const { ports, line } = bind;
  const offsets = servers.flatMap(({ port }) => port.kind === "same" ? [port.offset] : []);
  const isOutside = ({ first, last }: PortRange) =>
    offsets.some((offset) => first + offset < 1 || last + offset > 65535);
  if (ports.some(isOutside)) {
    remarks.add(line, "the bind is left out: the ports of its servers would be outside of 1-65535");
    return [];
  }
  if (onlyPort(ports) !== null || servers.every(({ port }) => port.kind === "same")) return [bind];
  const count = countPorts(ports);
  if (count > MAX_SPLIT) {
    remarks.add(line, `${count} ports are left out: for servers with ports of their own each needs a listener`);
    return [];
  }
  remarks.add(line, `${count} ports become ${count} listeners, because their servers have ports of their own`);
  return listPorts(ports).map((port) => ({
    ...bind,
    name: bind.name === undefined ? undefined : `${bind.name}-${port}`,
    ports: [{ first: port, last: port }],
  }));
}

/** HAProxy connects clients of either family to servers of either. */
function translates(address: string, servers: readonly ServerLine[]): boolean {
  const families = servers.map((server) => familyOf(server.address));
  if (familyOf(address) === "IPv4") return families.includes("IPv6");
  if (address === "::") return families.length > 0;
  return families.some((family) => family !== "IPv6");
}

function accessOf(bind: Bind, access: Access, { store, remarks }: Surroundings) {
  const { accessControl, headersFrom } = access;
  if (bind.acceptsHeaders) {
    remarks.add(
      bind.line,
      "accept-proxy believes whoever sends a header: narrow the group of acceptProxyProtocol.from",
    );
    if (accessControl !== undefined) {
      remarks.add(bind.line, "accessControl looks at the client in the header, tcp-request connection at its sender");
    }
  }
  const from = bind.acceptsHeaders ? [EVERYBODY] : headersFrom;
  return {
    ...(from === undefined ? {} : { acceptProxyProtocol: { from: store.ipGroups(from) } }),
    ...(accessControl === undefined
      ? {}
      : { accessControl: { mode: accessControl.mode, groups: store.ipGroups(accessControl.sets) } }),
  };
}

const LONGEST_IDLE = 4000;

function timesOf(front: Proxy, back: Proxy, remarks: Remarks): { idleTimeout: number; connectTimeout?: number } {
  const placed = [
    ["timeout client", front.timeouts.get("client")],
    ["timeout server", back.timeouts.get("server")],
  ] as const;
  const tunnel = back.timeouts.get("tunnel") ?? front.timeouts.get("tunnel");
  const given = placed.flatMap(([name, time]) => time === undefined || time.value === 0 ? [] : [{ name, ...time }]);
  const shortest = given.toSorted((a, b) => a.value - b.value)[0];
  const chosen = tunnel === undefined || tunnel.value === 0 ? shortest : { name: "timeout tunnel", ...tunnel };
  const connect = back.timeouts.get("connect");
  return {
    idleTimeout: idleOf(chosen, given.length > 1 && given[0]?.value !== given[1]?.value, front, remarks),
    ...(connect === undefined || connect.value === 0
      ? {}
      : { connectTimeout: secondsOf("timeout connect", connect, [1, 60], remarks) }),
  };
}

function idleOf(
  chosen: Placed<number> & { readonly name: string } | undefined,
  differ: boolean,
  { section }: Proxy,
  remarks: Remarks,
): number {
  if (chosen === undefined) {
    remarks.add(section.line, `no timeout ends idle connections: idleTimeout ${LONGEST_IDLE} is the longest`);
    return LONGEST_IDLE;
  }
  if (differ && chosen.name !== "timeout tunnel") {
    remarks.add(chosen.line, `idleTimeout counts for both sides: "${chosen.name}" is the shorter one, and is taken`);
  }
  return secondsOf(chosen.name, chosen, [10, LONGEST_IDLE], remarks);
}

function secondsOf(
  name: string,
  { line, value }: Placed<number>,
  range: readonly [number, number],
  remarks: Remarks,
): number {
  const { seconds, note } = toSeconds(value, range);
  if (note !== undefined) remarks.add(line, `"${name}" ${note}`);
  return seconds;
}

function sayShared({ numbers }: Proxy, listeners: number, remarks: Remarks): void {
  if (listeners < 2) return;
  for (const [key, name] of [["maxConnections", "maxconn"], ["maxNewConnections", "rate"]] as const) {
    const limit = numbers.get(name);
    if (limit === undefined) continue;
    remarks.add(limit.line, `${key} ${limit.value} holds for each of the section's ${listeners} listeners by itself`);
  }
}

/** What the section and the line say together: the lower limit, the line's own backlog. */
function limitsOf({ numbers }: Proxy, bind: Bind): Readonly<Record<string, number>> {
  const lowest = (most: number, ...limits: readonly (number | undefined)[]) => {
    const given = limits.filter((limit): limit is number => limit !== undefined && limit > 0);
    return given.length === 0 ? undefined : Math.min(most, ...given);
  };
  const values = {
    backlog: lowest(65535, bind.backlog ?? numbers.get("backlog")?.value),
    maxConnections: lowest(1_000_000, bind.maxConnections, numbers.get("maxconn")?.value),
    maxNewConnections: lowest(1_000_000, numbers.get("rate")?.value),
  };
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}
