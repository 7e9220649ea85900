/**
 * From a valid configuration to the resolved model.
 *
 * @module
 */

import { type AddressRanges, compileRanges } from "../net/address_set.ts";
import { canonicalAddress, familyOf, formatEndpoint, parseEndpoint } from "../net/ip.ts";
import type { CertificateKind, CertificatePlan, ListenerPlan, Model, PoolPlan, ServerPlan, TlsPlan } from "./model.ts";
import type { BackendGroupConfig, ListenerConfig } from "./schema.ts";
import type { ValidConfig } from "./validate.ts";

/** Looks up every reference of a valid configuration. */
export function resolveModel(valid: ValidConfig): Model {
  const { config, certificates, ipGroups } = valid;
  const compile = compileOnce(ipGroups);
  const groups = new Map(Object.entries(config.backendGroups).map(([name, group]) => [name, resolvePool(group)]));
  const endpoint = parseEndpoint(config.admin.listen);
  const listeners = config.listeners.map((listener): ListenerPlan => ({
    name: listener.name,
    address: canonicalAddress(listener.address),
    port: known(listener.port, listener.name),
    tls: resolveTls(listener, certificates),
    group: listener.backendGroup ?? null,
    pool: listener.backends === undefined
      ? known(groups.get(listener.backendGroup ?? ""), listener.name)
      : resolvePool(listener.backends),
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
    drainTimeout: config.shutdown.drainTimeout,
    maxWorkers: config.maxWorkers,
    watchCertificates: config.watchCertificates,
    certificates: resolveStore(valid, "certificate"),
    clientCAs: resolveStore(valid, "clientCA"),
    groups,
    listeners: new Map(listeners.map((plan) => [plan.name, plan])),
  };
}

/** The entries of one section of the certificate store, each with the listeners that use it. */
function resolveStore({ config, stored }: ValidConfig, kind: CertificateKind): Map<string, CertificatePlan> {
  return new Map(
    stored.filter((entry) => entry.kind === kind).map((entry) => {
      const users = config.listeners.filter((listener) => listener.tls?.[kind] === entry.name);
      return [entry.name, { ...entry, users: users.map((listener) => listener.name) }];
    }),
  );
}

function resolvePool(group: BackendGroupConfig): PoolPlan {
  const { port, ...check } = group.healthCheck;
  return {
    algorithm: group.algorithm,
    servers: group.servers.flatMap((server) => {
      const ports = server.ports ?? [known(server.port ?? group.defaultPort, server.address)];
      const address = canonicalAddress(server.address);
      return ports.map((port): ServerPlan => ({
        key: formatEndpoint(address, port),
        address,
        family: known(familyOf(address), address),
        port,
        weight: server.weight,
        backup: server.backup,
      }));
    }),
    healthCheck: { ...check, port: port ?? null },
    whenAllUnhealthy: group.whenAllUnhealthy,
  };
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
