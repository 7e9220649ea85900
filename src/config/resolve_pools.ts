/**
 * Backend groups as listeners see them: servers with the addresses that their names have at the moment, on their ports,
 * with what was changed on them at run time.
 *
 * @module
 */

import { canonicalAddress, canonicalHost, familyOf } from "../net/ip.ts";
import { known } from "./known.ts";
import type { BackendTlsPlan, PoolPlan, ServerPlan } from "./model.ts";
import { overriddenServer, type Overrides, type OverrideScope, type RuntimeFacts } from "./runtime.ts";
import type { BackendGroupConfig, ListenerConfig } from "./schema.ts";
import { serverKey, serverPlaces } from "./server_places.ts";
import type { ValidConfig } from "./validate.ts";

/** The groups by name, and the pool of each listener. */
export interface ResolvedGroups {
  readonly groups: ReadonlyMap<string, PoolPlan>;
  poolOf(listener: ListenerConfig): PoolPlan;
}

/**
 * The groups as they are by themselves, and as a listener sees them: a group's `defaultPort` holds for listeners with
 * one port, and for those with `ports` a server without a port has the ports of the listener. A group by itself is what
 * its listeners with one port see, if there are any.
 */
export function resolveGroups({ config, clientCAs }: ValidConfig, facts: RuntimeFacts): ResolvedGroups {
  const { backendGroups, listeners } = config;
  const resolve = (group: BackendGroupConfig) => {
    const backendTls = resolveBackendTls(group.backendTls, clientCAs);
    return {
      fixed: { ...resolvePool(group, group.defaultPort, facts), backendTls },
      mapped: { ...resolvePool(group, undefined, facts), backendTls },
    };
  };
  const pools = new Map(
    Object.entries(backendGroups).map(([name, group]) => {
      const { fixed, mapped } = resolve(group);
      const scope: OverrideScope = { kind: "group", name };
      return [name, {
        fixed: overridden(fixed, scope, facts.overrides),
        mapped: overridden(mapped, scope, facts.overrides),
      }];
    }),
  );
  const groups = new Map(
    [...pools].map(([name, { fixed, mapped }]) => {
      const users = listeners.filter((listener) => listener.backendGroup === name);
      return [name, users.length > 0 && users.every(({ ports }) => ports !== undefined) ? mapped : fixed];
    }),
  );
  const poolOf = (listener: ListenerConfig) => {
    const both = listener.backends === undefined
      ? known(pools.get(listener.backendGroup ?? ""), listener.name)
      : resolve(listener.backends);
    const pool = withinFamily(listener.ports === undefined ? both.fixed : both.mapped, listener);
    return overridden(pool, { kind: "listener", name: listener.name }, facts.overrides);
  };
  return { groups, poolOf };
}

/** Every host name that servers are given by. */
export function serverNames({ config }: ValidConfig): ReadonlySet<string> {
  const groups = [
    ...Object.values(config.backendGroups),
    ...config.listeners.flatMap(({ backends }) => backends ?? []),
  ];
  return new Set(groups.flatMap((group) => group.servers.flatMap(({ address }) => hostNameOf(address) ?? [])));
}

/** A host name in its one form; `undefined` for an address. */
function hostNameOf(address: string): string | undefined {
  return familyOf(address) === undefined ? canonicalHost(address) : undefined;
}

function resolvePool(
  group: BackendGroupConfig,
  defaultPort: number | undefined,
  { addresses }: RuntimeFacts,
): Omit<PoolPlan, "backendTls"> {
  const { port, ...check } = group.healthCheck;
  const servers = new Map<string, ServerPlan>();
  const names = new Set<string>();
  const references = new Set<string>();
  for (const server of group.servers) {
    const name = hostNameOf(server.address);
    if (name !== undefined) names.add(name);
    const found = name === undefined ? [canonicalAddress(server.address)] : addresses.get(name) ?? [];
    for (const place of serverPlaces(server, defaultPort)) {
      const configured = serverKey(server.address, place);
      references.add(configured);
      for (const address of found) {
        const key = serverKey(address, place);
        // Two names may have the same address; the first one in the file has it.
        if (servers.has(key)) continue;
        const family = known(familyOf(address), address);
        const { weight, backup } = server;
        const host = name ?? null;
        servers.set(key, { key, configured, host, address, family, ...place, weight, backup, draining: false });
      }
    }
  }
  return {
    algorithm: group.algorithm,
    servers: [...servers.values()],
    names: [...names],
    unresolved: withoutServer(references, [...servers.values()]),
    healthCheck: { ...check, port: port ?? null },
    whenAllUnhealthy: group.whenAllUnhealthy,
    slowStart: group.slowStart,
  };
}

function resolveBackendTls(
  tls: BackendGroupConfig["backendTls"],
  cas: ValidConfig["clientCAs"],
): BackendTlsPlan | null {
  if (tls?.enabled !== true) return null;
  const { serverName, ca, verify } = tls;
  return {
    serverName: serverName === undefined ? null : canonicalHost(serverName),
    ca: ca === undefined || !verify ? null : { name: ca, pem: known(cas.get(ca), ca) },
    verify,
  };
}

/** Of a name's addresses a listener without translation gets those of its own family. */
function withinFamily(pool: PoolPlan, { address, ipTranslation }: ListenerConfig): PoolPlan {
  const own = familyOf(address);
  if (pool.names.length === 0 || ipTranslation || canonicalAddress(address) === "::") return pool;
  const servers = pool.servers.filter(({ key, configured, family }) => key === configured || family === own);
  const references = [...pool.servers.map(({ configured }) => configured), ...pool.unresolved];
  return { ...pool, servers, unresolved: withoutServer(references, servers) };
}

/** The servers of the configuration that no address stands for at the moment. */
function withoutServer(references: Iterable<string>, servers: readonly ServerPlan[]): string[] {
  const found = new Set(servers.map(({ configured }) => configured));
  return [...new Set(references)].filter((reference) => !found.has(reference));
}

function overridden(pool: PoolPlan, scope: OverrideScope, overrides: Overrides): PoolPlan {
  if (overrides.size === 0) return pool;
  return { ...pool, servers: pool.servers.map((server) => overriddenServer(server, scope, overrides)) };
}
