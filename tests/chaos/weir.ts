/** The Weir of a chaos run: its servers, its ports and its configuration. @module */

import { WeirUnderLoad } from "../load/weir_under_load.ts";

/** Where the servers are; the last but one is behind the fault relay, the last one can be black-holed. */
export const SERVERS = [
  { name: "s1", address: "127.0.0.11", port: 7001 },
  { name: "s2", address: "127.0.0.12", port: 7001 },
  { name: "s3", address: "127.0.0.13", port: 7001 },
  { name: "s4", address: "127.0.0.14", port: 7001 },
  { name: "s5", address: "127.0.0.15", port: 7001 },
] as const;

/** Where the server behind the fault relay really is. */
export const RELAYED = { ...SERVERS[3], address: "127.0.0.24" } as const;

/** How servers are probed. */
export const HEALTH_CHECK = { interval: 5, timeout: 2, unhealthyThreshold: 2, healthyThreshold: 2 } as const;

/** Seconds for one connection attempt. */
export const CONNECT_TIMEOUT_SECONDS = 1;

/** TCP in two threads, TCP-SSL, one for PROXY headers, and TCP-SSL with little patience. */
const PORTS = ["tcp", "tls", "proxy", "silent"] as const;

/** A Weir under fire. */
export type ChaosWeir = WeirUnderLoad<typeof PORTS[number]>;

/** Starts it. */
export function startChaosWeir(): Promise<ChaosWeir> {
  return WeirUnderLoad.start(PORTS, configOf);
}

function configOf(ports: ChaosWeir["ports"], round: number): Record<string, unknown> {
  const listener = (name: string, port: number, settings: Record<string, unknown>) => ({
    name,
    address: "127.0.0.1",
    port,
    backendGroup: "web",
    connectTimeout: CONNECT_TIMEOUT_SECONDS,
    ...settings,
  });
  return {
    certificates: { www: { certFile: "www.pem", keyFile: "www.key" } },
    backendGroups: {
      web: {
        algorithm: ["wrr", "wlc"][round % 2],
        healthCheck: HEALTH_CHECK,
        servers: SERVERS.map(({ address, port }, index) => ({ address, port, weight: 10 + (round + index) % 5 })),
      },
    },
    listeners: [
      listener("tcp", ports.tcp, { protocol: "TCP", workers: 2, tags: { round: String(round) } }),
      listener("tls", ports.tls, {
        protocol: "TCP_SSL",
        maxConnections: 5000 + round,
        tls: { certificate: "www" },
      }),
      listener("silent", ports.silent, {
        protocol: "TCP_SSL",
        tls: { certificate: "www", handshakeTimeout: 2 },
      }),
      listener("proxy", ports.proxy, {
        protocol: "TCP",
        acceptProxyProtocol: { from: ["loopback"], timeout: 2 },
        description: `round ${round}`,
      }),
    ],
    ipGroups: { loopback: ["127.0.0.0/8"] },
  };
}
