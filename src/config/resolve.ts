/**
 * From a valid configuration to the resolved model.
 *
 * @module
 */

import { type AddressRanges, compileRanges } from "../net/address_set.ts";
import { canonicalAddress, canonicalHost, familyOf, formatEndpoint, parseEndpoint } from "../net/ip.ts";
import type { ListenerPlan, Model, PoolPlan, ServerPlan, TlsPlan } from "./model.ts";
import { NO_FACTS, overriddenServer, type Overrides, type OverrideScope, type RuntimeFacts } from "./runtime.ts";
import type { BackendGroupConfig, ListenerConfig } from "./schema.ts";
import type { ValidConfig } from "./validate.ts";

/** Looks up every reference of a valid configuration. @param facts what holds at run time beside it */
export function resolveModel(valid: ValidConfig, facts: RuntimeFacts = NO_FACTS): Model {
  const { config, certificates, ipGroups } = valid;
  const compile = compileOnce(ipGroups);
  const groups = new Map(
    Object.entries(config.backendGroups).map(([name, group]) => {
      return [name, overridden(resolvePool(group, facts), { kind: "group", name }, facts.overrides)];
    }),
  );
  const endpoint = parseEndpoint(config.admin.listen);
  const listeners = config.listeners.map((listener): ListenerPlan => ({
    name: listener.name,
    address: canonicalAddress(listener.address),
    port: known(listener.port, listener.name),
    tls: resolveTls(listener, certificates),
    group: listener.backendGroup ?? null,
    pool: overridden(
      withinFamily(
        listener.backends === undefined
          ? known(groups.get(listener.backendGroup ?? ""), listener.name)
          : resolvePool(listener.backends, facts),
        listener,
      ),
      { kind: "listener", name: listener.name },
      facts.overrides,
    ),
    ipTranslation: listener.ipTranslation,
    proxyProtocol: listener.proxyProtocol === "off"
      ? null
      : { version: listener.proxyProtocol === "v1" ? 1 : 2, checksum: listener.proxyProtocolChecksum },
    acceptProxy: listener.acceptProxyProtocol === undefined ? null : {
      groups: listener.acceptProxyProtocol.from,
      ranges: compile(listener.acceptProxyProtocol.from),
      timeout: listener.acceptProxyProtocol.timeout,
    },
    access: listener.accessControl === undefined
      ? null
      : { ...listener.accessControl, ranges: compile(listener.accessControl.groups) },
    maxConnections: resolveLimit(listener.maxConnections),
    maxNewConnections: resolveLimit(listener.maxNewConnections),
    idleTimeout: listener.idleTimeout,
    connectTimeout: listener.connectTimeout,
    tags: listener.tags,
    description: listener.description,
  }));
  return {
    admin: {
      listen: endpoint === undefined ? null : {
        address: endpoint.address === "localhost" ? "127.0.0.1" : endpoint.address,
        port: endpoint.port,
      },
      token: config.admin.token,
    },
    log: { level: config.log.level, format: config.log.format },
    dnsServers: config.dns.servers,
    drainTimeout: config.shutdown.drainTimeout,
    maxWorkers: config.maxWorkers,
    groups,
    listeners: new Map(listeners.map((plan) => [plan.name, plan])),
  };
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

function resolvePool(group: BackendGroupConfig, { addresses }: RuntimeFacts): PoolPlan {
  const { port, ...check } = group.healthCheck;
  const servers = new Map<string, ServerPlan>();
  const names = new Set<string>();
  const references = new Set<string>();
  for (const server of group.servers) {
    const name = hostNameOf(server.address);
    if (name !== undefined) names.add(name);
    const found = name === undefined ? [canonicalAddress(server.address)] : addresses.get(name) ?? [];
    for (const port of server.ports ?? [known(server.port ?? group.defaultPort, server.address)]) {
      const configured = formatEndpoint(canonicalHost(server.address), port);
      references.add(configured);
      for (const address of found) {
        const key = formatEndpoint(address, port);
        // Two names may have the same address; the first one in the file has it.
        if (servers.has(key)) continue;
        const family = known(familyOf(address), address);
        const { weight, backup } = server;
        servers.set(key, { key, configured, address, family, port, weight, backup, draining: false });
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

function resolveLimit(limit: number | "unlimited"): number | null {
  return limit === "unlimited" ? null : limit;
}

/** Listeners with the same groups share the compiled ranges, and their memory. */
function compileOnce(ipGroups: ValidConfig["ipGroups"]): (names: readonly string[]) => AddressRanges {
  const compiled = new Map<string, AddressRanges>();
  return (names) => {
    const key = [...new Set(names)].sort().join(",");
    const ranges = compiled.get(key) ?? compileRanges(names.flatMap((name) => known(ipGroups.get(name), name)));
    compiled.set(key, ranges);
    return ranges;
  };
}

function resolveTls(listener: ListenerConfig, certificates: ValidConfig["certificates"]): TlsPlan | null {
  if (listener.tls === undefined) return null;
  const pair = known(certificates.get(listener.tls.certificate), listener.tls.certificate);
  return { certificate: listener.tls.certificate, ...pair, handshakeTimeout: listener.tls.handshakeTimeout };
}

/** Validation has made sure of these; a miss is a mistake of ours, not of the user. */
function known<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw unreachable(what);
  return value;
}

function unreachable(what: string): Error {
  return new Error(`Cannot resolve "${what}": validation let it pass`);
}
