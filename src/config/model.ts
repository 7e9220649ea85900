/**
 * The resolved, immutable model: what the file means, with every reference looked up. Plain data all through, so that
 * a plan can be sent to a worker as it is.
 *
 * @module
 */

import type { AddressRanges } from "../net/address_set.ts";
import type { IpFamily } from "../net/ip.ts";
import { mapPort, type PortRange } from "../net/ports.ts";

/** A server as one listener sees it. Its key is its identity: state belongs to the key, never to the settings. */
export interface ServerPlan {
  /**
   * The identity: `address:port`; `address` alone when the port is that of the listener; `address:first+` for ports of
   * its own, by the first of them. It stays when a range grows.
   */
  readonly key: string;
  /** `address:port` as the configuration has it: the same as `key`, but for servers given by host name. */
  readonly configured: string;
  /** The host name by which the configuration gives it; `null` when it gives the address. */
  readonly host: string | null;
  readonly address: string;
  readonly family: IpFamily;
  /** 1-65535; `null` when it depends on the port that the client connected to. */
  readonly port: number | null;
  /** The ports that the listener's ports stand for, in order; `null` when `port` is set, or they are the same ports. */
  readonly ports: readonly PortRange[] | null;
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
  /** Whether failed connections of clients count as well. */
  readonly passive: boolean;
}

/** How servers are reached over TLS. */
export interface BackendTlsPlan {
  /** The host name or address that every server must prove to be; `null` for each one's own. */
  readonly serverName: string | null;
  /** Who must have signed the servers' certificates; `null` for the CAs that the runtime trusts. */
  readonly ca: { readonly name: string; readonly pem: string } | null;
  /** Whether servers have to prove who they are. */
  readonly verify: boolean;
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
  /** `null` for plain TCP. */
  readonly backendTls: BackendTlsPlan | null;
  readonly whenAllUnhealthy: "forward" | "reject";
  /** Seconds over which a server that is new or back comes to its full share, 0-300; 0 gives it at once. */
  readonly slowStart: number;
}

/** A certificate of a TCP_SSL listener. */
export interface TlsCertificatePlan {
  /** The name in the certificate store. */
  readonly name: string;
  readonly certPem: string;
  readonly keyPem: string;
  /** Host names that it is for, in lower case; `*.example.com` stands for one label. */
  readonly serverNames: readonly string[];
}

/** How a TCP_SSL listener ends TLS. */
export interface TlsPlan {
  /** `fast` is the runtime's own TLS listener, which does less and costs less. */
  readonly engine: "full" | "fast";
  /** At least one; the first is for clients that ask for none of the others. */
  readonly certificates: readonly [TlsCertificatePlan, ...TlsCertificatePlan[]];
  /** Who must have signed the clients' certificates; `null` asks clients for none. */
  readonly clientCA: { readonly name: string; readonly pem: string } | null;
  readonly minVersion: "1.2" | "1.3";
  /** Application protocols, the best first; empty offers none. */
  readonly alpn: readonly string[];
  /** Seconds. */
  readonly handshakeTimeout: number;
  /** Handshakes under way at once; a new one takes the place of the oldest. */
  readonly maxHandshakes: number;
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
  /** At least one; the order counts for servers with ports of their own. */
  readonly ports: readonly PortRange[];
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
  /** Whether the system probes connections on which nothing moves. */
  readonly tcpKeepAlive: boolean;
  /** Connections that may wait to be accepted, 1-65535; a socket that is open keeps the one it was opened with. */
  readonly backlog: number;
  /** Threads that it runs in, 1-64 and never more than there may be. */
  readonly workers: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly description: string;
}

/** What people want to know of a certificate. Nothing in it is secret. */
export interface CertificateDetails {
  /** `C=DE, CN=www.example.com`; may be empty. */
  readonly subject: string;
  /** Subject alternative names: `DNS:www.example.com`, `IP:192.0.2.1`. */
  readonly sans: readonly string[];
  readonly issuer: string;
  /** ISO 8601. */
  readonly validFrom: string;
  /** ISO 8601. */
  readonly validTo: string;
  /** Hexadecimal. */
  readonly serial: string;
  /** SHA-256 over the certificate, as in `AB:CD:…`. */
  readonly fingerprint256: string;
  /** `RSA 2048`, `EC P-256`, `Ed25519`. */
  readonly keyType: string;
}

/** Which section of the configuration an entry of the certificate store stands in. */
export type CertificateKind = "certificate" | "clientCA";

/** An entry of the certificate store, without keys. */
export interface StoredCertificate {
  /** Unique among its kind. */
  readonly name: string;
  readonly kind: CertificateKind;
  readonly certFile: string;
  /** `null` for a client CA. */
  readonly keyFile: string | null;
  /** At least one: a certificate and its chain, or one or more client CAs. */
  readonly chain: readonly [CertificateDetails, ...CertificateDetails[]];
  /** Whether its files hold it; one that came with a request and was not saved serves until the next reload. */
  readonly persisted: boolean;
  /**
   * The files it comes from, as the configuration names them, with a hash of what they hold: what it was read from, or,
   * when it is not saved, what it serves instead of.
   */
  readonly files: readonly { readonly path: string; readonly hash: string }[];
}

/** An entry of the certificate store, and who uses it. */
export interface CertificatePlan extends StoredCertificate {
  /** The listeners that use it. */
  readonly users: readonly string[];
}

/** The admin API's settings. */
export interface AdminPlan {
  /** `null` when it is off. */
  readonly listen: { readonly address: string; readonly port: number } | null;
  /** Empty when no token is needed. */
  readonly token: string;
  /** Whether changes are saved unless they say otherwise. */
  readonly persist: boolean;
}

/** Where lines for finished connections go. */
export interface AccessLogPlan {
  /** As the configuration names it; `null` for standard error. */
  readonly file: string | null;
  /** `auto` is text on a terminal and JSON elsewhere. */
  readonly format: "auto" | "text" | "json";
}

/** How the program logs. */
export interface LogPlan {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly format: "auto" | "text" | "json";
  /** `null` writes no line for finished connections. */
  readonly access: AccessLogPlan | null;
}

/** The whole configuration, resolved. */
export interface Model {
  readonly admin: AdminPlan;
  readonly log: LogPlan;
  /** DNS servers that are asked for servers' addresses, `address` or `address:port`; none for the system's own rules. */
  readonly dnsServers: readonly string[];
  /** Seconds that open connections get when a listener or the program stops. */
  readonly drainTimeout: number;
  /** Seconds for which a program that stops says so before it stops accepting. */
  readonly graceTime: number;
  readonly maxWorkers: number;
  /** Whether changed certificate files are taken up by themselves. */
  readonly watchCertificates: boolean;
  readonly certificates: ReadonlyMap<string, CertificatePlan>;
  readonly clientCAs: ReadonlyMap<string, CertificatePlan>;
  readonly groups: ReadonlyMap<string, PoolPlan>;
  readonly listeners: ReadonlyMap<string, ListenerPlan>;
}

/**
 * The port on which a server gets the connections that came in on `port` of a listener; `undefined` when that is none
 * of the listener's `ports` (any more).
 */
export function serverPort(
  server: Pick<ServerPlan, "port" | "ports">,
  port: number,
  ports: readonly PortRange[],
): number | undefined {
  if (server.port !== null) return server.port;
  return server.ports === null ? port : mapPort(port, ports, server.ports);
}

/** The port on which a listener's server is probed, unless the health check names one: the first that it serves on. */
export function probedPort(server: Pick<ServerPlan, "port" | "ports">, ports: readonly PortRange[]): number {
  const first = (server.ports ?? ports)[0];
  return server.port ?? first?.first ?? 0;
}

/** Whether the runtime's own TLS listener ends a listener's TLS, on sockets that are of no use to anything else. */
export function usesRuntimeTls(plan: Pick<ListenerPlan, "tls">): boolean {
  return plan.tls?.engine === "fast";
}

/** The protocol of a listener, as the configuration names it. */
export function protocolOf(plan: Pick<ListenerPlan, "tls">): "TCP" | "TCP_SSL" {
  return plan.tls === null ? "TCP" : "TCP_SSL";
}
