/**
 * From a valid configuration to the resolved model.
 *
 * @module
 */

import { type AddressRanges, compileRanges } from "../net/address_set.ts";
import { canonicalAddress, parseEndpoint } from "../net/ip.ts";
import type { PortRange } from "../net/ports.ts";
import { known } from "./known.ts";
import { MAX_WORKERS_EACH } from "./schema.ts";
import type { ListenerPlan, Model } from "./model.ts";
import { resolveGroups } from "./resolve_pools.ts";
import { resolveStore, resolveTls } from "./resolve_tls.ts";
import { NO_FACTS, type RuntimeFacts } from "./runtime.ts";
import { portRanges } from "./server_places.ts";
import type { ValidConfig } from "./validate.ts";

/** Looks up every reference of a valid configuration. @param facts what holds at run time beside it */
export function resolveModel(valid: ValidConfig, facts: RuntimeFacts = NO_FACTS): Model {
  const { config, ipGroups } = valid;
  const compile = compileOnce(ipGroups);
  const { groups, poolOf } = resolveGroups(valid, facts);
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
    workers: listener.workers === "auto"
      ? Math.min(facts.processors, config.maxWorkers, MAX_WORKERS_EACH)
      : listener.workers,
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
      persist: config.admin.persist,
    },
    log: resolveLog(config.log),
    dnsServers: config.dns.servers,
    drainTimeout: config.shutdown.drainTimeout,
    graceTime: config.shutdown.graceTime,
    maxWorkers: config.maxWorkers,
    watchCertificates: config.watchCertificates,
    certificates: resolveStore(valid, "certificate"),
    clientCAs: resolveStore(valid, "clientCA"),
    groups,
    listeners: new Map(listeners.map((plan) => [plan.name, plan])),
  };
}

function resolveLog({ level, format, access, accessFile, accessFormat }: ValidConfig["config"]["log"]): Model["log"] {
  return {
    level,
    format,
    access: access === "off" ? null : { file: accessFile ?? null, format: accessFormat ?? format },
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
