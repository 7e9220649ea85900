/**
 * The resolved, immutable model: what the file means, with every reference looked up. Plain data all through, so that
 * a plan can be sent to a worker as it is.
 *
 * @module
 */

import type { AddressRanges } from "../net/address_set.ts";
import type { IpFamily } from "../net/ip.ts";

/** A server as one listener sees it. Its key is its identity: state belongs to the key, never to the settings. */
export interface ServerPlan {
  /** `address:port`, the identity. */
  readonly key: string;
  /** `address:port` as the configuration has it: the same as `key`, but for servers given by host name. */
  readonly configured: string;
  readonly address: string;
  readonly family: IpFamily;
  /** 1-65535. */
  readonly port: number;
  /** 0-100; 0 takes no new connections. */
  readonly weight: number;
  readonly backup: boolean;
  /** Whether it takes nothing new because somebody drains it. */
  readonly draining: boolean;
}

/** How servers are probed; all times in seconds. */
export interface HealthCheckPlan {
  readonly enabled: boolean;
  readonly timeout: number;
  readonly interval: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
  /** Probe this port instead of the server's own. */
  readonly port: number | null;
}

/** How a server is picked. */
export type Algorithm = "wrr" | "wlc" | "source-hash";

/** The servers of a listener and how they share the work. */
export interface PoolPlan {
  readonly algorithm: Algorithm;
  readonly servers: readonly ServerPlan[];
  /** Host names that servers come from. */
  readonly names: readonly string[];
  /** `name:port` of servers whose name has no address of its own at the moment, or none of the listener's family. */
  readonly unresolved: readonly string[];
  readonly healthCheck: HealthCheckPlan;
  readonly whenAllUnhealthy: "forward" | "reject";
}

/** How a TCP_SSL listener ends TLS. */
export interface TlsPlan {
  /** The name in the certificate store. */
  readonly certificate: string;
  readonly certPem: string;
  readonly keyPem: string;
  /** Seconds. */
  readonly handshakeTimeout: number;
}

/** Who may connect. */
export interface AccessPlan {
  /** Whether the ranges are let in, or kept out. */
  readonly mode: "whitelist" | "blacklist";
  /** The IP groups that the ranges come from. */
  readonly groups: readonly string[];
  readonly ranges: AddressRanges;
}

/** Whose PROXY protocol headers are read. */
export interface AcceptProxyPlan {
  /** The IP groups that the ranges come from. */
  readonly groups: readonly string[];
  readonly ranges: AddressRanges;
  /** Seconds that a header may take. */
  readonly timeout: number;
}

/** The PROXY protocol header that servers get. */
export interface ProxyProtocolPlan {
  readonly version: 1 | 2;
  /** Whether a version 2 header has a CRC-32c. */
  readonly checksum: boolean;
}

/** Everything a worker has to know of a listener. */
export interface ListenerPlan {
  /** Unique; the identity of counters. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** `null` for a TCP listener. */
  readonly tls: TlsPlan | null;
  /** The named group it uses; `null` when the group is written in place. */
  readonly group: string | null;
  readonly pool: PoolPlan;
  readonly ipTranslation: boolean;
  /** `null` sends servers no header. */
  readonly proxyProtocol: ProxyProtocolPlan | null;
  /** `null` reads nobody's header. */
  readonly acceptProxy: AcceptProxyPlan | null;
  /** `null` lets every address in. */
  readonly access: AccessPlan | null;
  /** Connections at once, 1-1,000,000; `null` for no limit. */
  readonly maxConnections: number | null;
  /** New connections a second, 1-1,000,000; `null` for no limit. */
  readonly maxNewConnections: number | null;
  /** Seconds without a byte after which a connection ends. */
  readonly idleTimeout: number;
  /** Seconds that one connection attempt may take. */
  readonly connectTimeout: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly description: string;
}

/** The admin API's settings. */
export interface AdminPlan {
  /** `null` when it is off. */
  readonly listen: { readonly address: string; readonly port: number } | null;
  /** Empty when no token is needed. */
  readonly token: string;
}

/** The whole configuration, resolved. */
export interface Model {
  readonly admin: AdminPlan;
  readonly log: { readonly level: "debug" | "info" | "warn" | "error"; readonly format: "auto" | "text" | "json" };
  /** DNS servers that are asked for servers' addresses, `address` or `address:port`; none for the system's own rules. */
  readonly dnsServers: readonly string[];
  /** Seconds that open connections get when a listener or the program stops. */
  readonly drainTimeout: number;
  readonly maxWorkers: number;
  readonly groups: ReadonlyMap<string, PoolPlan>;
  readonly listeners: ReadonlyMap<string, ListenerPlan>;
}

/** The protocol of a listener, as the configuration names it. */
export function protocolOf(plan: Pick<ListenerPlan, "tls">): "TCP" | "TCP_SSL" {
  return plan.tls === null ? "TCP" : "TCP_SSL";
}
