/**
 * The rules of one backend group: its servers among themselves, and what its listeners ask of their ports.
 *
 * @module
 */

import { canonicalAddress, familyOf, isLoopback, isWildcard } from "../net/ip.ts";
import { countPorts } from "../net/ports.ts";
import type { Findings } from "./findings.ts";
import { checkReference } from "./references.ts";
import type { ServerConfig } from "./schema.ts";
import { portRanges, serverKey, serverPlaces } from "./server_places.ts";
import type { ShapedGroup, ShapedListener } from "./shape.ts";
import type { ConfigPath } from "./source.ts";

/** What a group stands in. */
export interface GroupSurroundings {
  /** The listeners that use it. */
  readonly users: readonly ShapedListener[];
  /** The names of all client CAs. */
  readonly clientCAs: readonly string[];
}

/** Checks a group. */
export function checkGroup(group: ShapedGroup, { users, clientCAs }: GroupSurroundings, findings: Findings): void {
  checkServers(group, sortByPorts(users), findings);
  checkBackendTls(group, clientCAs, findings);
  checkSense(group, findings);
}

function checkBackendTls({ path, config }: ShapedGroup, clientCAs: readonly string[], findings: Findings): void {
  const { backendTls: tls } = config;
  if (tls === undefined) return;
  const at = [...path, "backendTls"];
  checkReference([...at, "ca"], tls.ca, { kind: "client CA", defined: clientCAs }, findings);
  if (!tls.enabled || tls.verify) return;
  findings.warn(
    [...at, "verify"],
    "is false, so servers need not prove who they are: whoever comes between can read and change everything",
  );
  if (tls.ca !== undefined) findings.warn([...at, "ca"], "is not used, because verify is false");
}

/** A listener with several ports, and how many. */
interface RangeUser {
  readonly name: string;
  readonly address: string;
  readonly count: number;
}

/** The users of a group by what they ask of its servers' ports; those whose own ports are not right ask nothing. */
interface Users {
  /** Listeners with `port`; each server needs a port. */
  readonly single: readonly string[];
  /** Listeners with `ports`; no server may have one port. */
  readonly ranges: readonly RangeUser[];
}

function sortByPorts(users: readonly ShapedListener[]): Users {
  const isGiven = ({ config, wrong }: ShapedListener, key: "port" | "ports") =>
    config[key] !== undefined || wrong.has(key);
  return {
    single: users.filter((user) => isGiven(user, "port") && !isGiven(user, "ports")).map(({ config }) => config.name),
    ranges: users.flatMap((user): readonly RangeUser[] => {
      const { name, address, ports } = user.config;
      if (ports === undefined || isGiven(user, "port")) return [];
      return [{ name, address, count: countPorts(portRanges(ports)) }];
    }),
  };
}

function checkServers(
  { path, config: group, wrong, wrongServers }: ShapedGroup,
  users: Users,
  findings: Findings,
): void {
  const [single, range] = [users.single[0], users.ranges[0]];
  const seen = new Set<string>();
  for (const [index, server] of group.servers.entries()) {
    if (wrongServers.has(index)) continue;
    const serverPath: ConfigPath = [...path, "servers", index];
    if (server.port !== undefined && server.ports !== undefined) {
      findings.error([...serverPath, "ports"], 'must not be given together with "port"', true);
      continue;
    }
    const places = serverPlaces(server, group.defaultPort);
    for (const [placeIndex, place] of places.entries()) {
      const key = serverKey(server.address, place);
      const isListed = Array.isArray(server.ports);
      const at: ConfigPath = isListed ? [...serverPath, "ports", placeIndex] : serverPath;
      if (seen.has(key)) findings.error(at, `must not name a server twice, but ${key} is in this group already`);
      seen.add(key);
    }
    const hasNone = places.some(({ port, ports }) => port === null && ports === null);
    if (single !== undefined && hasNone && !wrong.has("defaultPort")) {
      findings.error(
        serverPath,
        range === undefined
          ? 'needs "port" or "ports", because the group has no "defaultPort"'
          : `needs a "defaultPort" in its group, because listener "${single}" has one port`,
      );
    }
    if (single !== undefined && typeof server.ports === "string") {
      findings.error(
        [...serverPath, "ports"],
        `must be a list of ports, because listener "${single}" has one port, got "${server.ports}"`,
      );
    }
    checkMapping(server, serverPath, users.ranges, findings);
  }
  if (single === undefined && range !== undefined && group.defaultPort !== undefined) {
    findings.warn(
      [...path, "defaultPort"],
      `is not used, because listener "${range.name}" has "ports": its port P goes to port P of the server`,
    );
  }
}

/** What listeners with several ports ask: port P goes to port P, or to the port in P's place in a list as long. */
function checkMapping(
  server: ServerConfig,
  path: ConfigPath,
  users: readonly RangeUser[],
  findings: Findings,
): void {
  const [range] = users;
  if (range === undefined) return;
  if (server.port !== undefined) {
    findings.error(
      [...path, "port"],
      `must be left out, because listener "${range.name}" has "ports" and sends port P to port P of the server ` +
        `(for other ports, give "ports" as a text with as many), got ${server.port}`,
    );
  } else if (typeof server.ports === "object") {
    findings.error(
      [...path, "ports"],
      `must be left out or a text with as many ports as listener "${range.name}" has, got a list`,
    );
  } else if (typeof server.ports === "string") {
    const count = countPorts(portRanges(server.ports));
    const other = users.find((user) => user.count !== count);
    if (other === undefined) return;
    findings.error(
      [...path, "ports"],
      `must hold as many ports as listener "${other.name}" has (${other.count}), got ${count}`,
    );
  } else {
    const self = users.find(({ address }) => standsFor(address, server.address));
    if (self === undefined) return;
    findings.warn(
      [...path, "address"],
      `is where listener "${self.name}" itself listens, so port P of ${server.address} leads to itself again`,
    );
  }
}

/** Whether a listener on one address surely answers on another. */
function standsFor(listening: string, address: string): boolean {
  if (canonicalAddress(listening) === canonicalAddress(address)) return true;
  if (!isLoopback(address) || !isWildcard(listening)) return false;
  return canonicalAddress(listening) === "::" || familyOf(listening) === familyOf(address);
}

function checkSense({ path, config: group }: ShapedGroup, findings: Findings): void {
  if (group.servers.length === 0) findings.warn(path, "has no servers, so every connection to it is refused");
  else if (group.servers.every((server) => server.weight === 0)) {
    findings.warn([...path, "servers"], "every server has weight 0, so none takes new connections");
  }
  if (group.healthCheck.enabled && group.healthCheck.timeout > group.healthCheck.interval) {
    const { timeout, interval } = group.healthCheck;
    findings.warn(
      [...path, "healthCheck", "timeout"],
      `is longer (${timeout} s) than the interval (${interval} s), so a server that does not answer is probed less often than set`,
    );
  }
}
