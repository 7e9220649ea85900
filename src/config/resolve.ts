/**
 * From a valid configuration to the resolved model.
 *
 * @module
 */

import { type AddressRanges, compileRanges } from "../net/address_set.ts";
import { canonicalAddress, familyOf, parseEndpoint } from "../net/ip.ts";
import type { PortRange } from "../net/ports.ts";
import type {
  CertificateDetails,
  CertificateKind,
  CertificatePlan,
  ListenerPlan,
  Model,
  PoolPlan,
  ServerPlan,
  TlsCertificatePlan,
  TlsPlan,
} from "./model.ts";
import type { BackendGroupConfig, ListenerConfig } from "./schema.ts";
import { portRanges, serverKey, serverPlaces } from "./server_places.ts";
import type { ValidConfig } from "./validate.ts";

/** Looks up every reference of a valid configuration. */
export function resolveModel(valid: ValidConfig): Model {
  const { config, ipGroups } = valid;
  const compile = compileOnce(ipGroups);
  const { groups, poolOf } = resolveGroups(config);
  const endpoint = parseEndpoint(config.admin.listen);
  const listeners = config.listeners.map((listener): ListenerPlan => ({
    name: listener.name,
    address: canonicalAddress(listener.address),
    ports: listener.ports === undefined ? [onePort(known(listener.port, listener.name))] : portRanges(listener.ports),
    tls: resolveTls(listener, valid),
    group: listener.backendGroup ?? null,
    pool: poolOf(listener),
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
    tcpKeepAlive: listener.tcpKeepAlive,
    backlog: listener.backlog,
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

/** The entries of the certificate store that a listener names, in its order. */
function namesIn(tls: ListenerConfig["tls"], kind: CertificateKind): readonly string[] {
  if (kind === "clientCA") return tls?.clientCA === undefined ? [] : [tls.clientCA];
  return tls?.certificates ?? (tls?.certificate === undefined ? [] : [tls.certificate]);
}

function resolveTls({ name, tls }: ListenerConfig, { certificates, clientCAs, stored }: ValidConfig): TlsPlan | null {
  if (tls === undefined) return null;
  const [first, ...others] = namesIn(tls, "certificate").map((certificate): TlsCertificatePlan => {
    const { certPem, keyPem } = known(certificates.get(certificate), certificate);
    const entry = known(stored.find((one) => one.kind === "certificate" && one.name === certificate), certificate);
    return { name: certificate, certPem, keyPem, serverNames: serverNamesOf(entry.chain[0]) };
  });
  const { engine, minVersion, alpn, handshakeTimeout, maxHandshakes } = tls;
  return {
    engine,
    certificates: [known(first, name), ...others],
    clientCA: tls.clientCA === undefined
      ? null
      : { name: tls.clientCA, pem: known(clientCAs.get(tls.clientCA), tls.clientCA) },
    minVersion,
    alpn,
    handshakeTimeout,
    maxHandshakes,
  };
}

/** The host names that a certificate is for: its alternative names, or, in old ones without any, its common name. */
function serverNamesOf({ sans, subject }: CertificateDetails): readonly string[] {
  const names = sans.flatMap((name) => name.startsWith("DNS:") ? [name.slice("DNS:".length)] : []);
  const common = sans.length === 0 ? /(?:^|, )CN=([^,]+)/.exec(subject)?.[1] : undefined;
  return (common === undefined ? names : [common]).map((name) => name.toLowerCase());
}

/** The entries of one section of the certificate store, each with the listeners that use it. */
function resolveStore({ config, stored }: ValidConfig, kind: CertificateKind): Map<string, CertificatePlan> {
  return new Map(
    stored.filter((entry) => entry.kind === kind).map((entry) => {
      const users = config.listeners.filter(({ tls }) => namesIn(tls, kind).includes(entry.name));
      return [entry.name, { ...entry, users: users.map((listener) => listener.name) }];
    }),
  );
}

/**
 * The groups as they are by themselves, and as a listener sees them: a group's `defaultPort` holds for listeners with
 * one port, and for those with `ports` a server without a port has the ports of the listener. A group by itself is what
 * its listeners with one port see, if there are any.
 */
function resolveGroups({ backendGroups, listeners }: ValidConfig["config"]) {
  const resolve = (group: BackendGroupConfig) => ({
    fixed: resolvePool(group, group.defaultPort),
    mapped: resolvePool(group, undefined),
  });
  const pools = new Map(Object.entries(backendGroups).map(([name, group]) => [name, resolve(group)]));
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
    return listener.ports === undefined ? both.fixed : both.mapped;
  };
  return { groups, poolOf };
}

function resolvePool(group: BackendGroupConfig, defaultPort: number | undefined): PoolPlan {
  const { port, ...check } = group.healthCheck;
  return {
    algorithm: group.algorithm,
    servers: group.servers.flatMap((server) => {
      const address = canonicalAddress(server.address);
      return serverPlaces(server, defaultPort).map((place): ServerPlan => ({
        key: serverKey(address, place),
        address,
        family: known(familyOf(address), address),
        ...place,
        weight: server.weight,
        backup: server.backup,
      }));
    }),
    healthCheck: { ...check, port: port ?? null },
    whenAllUnhealthy: group.whenAllUnhealthy,
    slowStart: group.slowStart,
  };
}

function onePort(port: number): PortRange {
  return { first: port, last: port };
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

/** Validation has made sure of these; a miss is a mistake of ours, not of the user. */
function known<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw unreachable(what);
  return value;
}

function unreachable(what: string): Error {
  return new Error(`Cannot resolve "${what}": validation let it pass`);
}
