/** The Weir of a soak run: its servers, its ports and its configuration. @module */

import { WeirUnderLoad } from "../load/weir_under_load.ts";

/** Where the servers are. The last three go and come back. */
export const SERVERS = [1, 2, 3, 4, 5].map((number) => ({
  name: `s${number}`,
  address: `127.0.0.1${number}`,
  port: 7001,
}));

/** TCP in two threads, TCP-SSL, and a listener that comes and goes. */
const PORTS = ["tcp", "tls", "passing"] as const;

/** A Weir that runs for long. */
export type SoakWeir = WeirUnderLoad<typeof PORTS[number]>;

/** Starts it. */
export function startSoakWeir(): Promise<SoakWeir> {
  return WeirUnderLoad.start(PORTS, configOf);
}

/** Rounds after which all is as it was, but for numbers. */
export const CYCLE = 8;

/** Algorithm, weights, limits, tags, descriptions and IP groups are others in each round; every fourth adds or removes a listener. */
function configOf(ports: SoakWeir["ports"], round: number): Record<string, unknown> {
  const listener = (name: keyof SoakWeir["ports"], settings: Record<string, unknown>) => ({
    name,
    address: "127.0.0.1",
    port: ports[name],
    backendGroup: "web",
    // Idle clients are silent for five minutes at a time.
    idleTimeout: 4000,
    ...settings,
  });
  return {
    certificates: { www: { certFile: "www.pem", keyFile: "www.key" } },
    ipGroups: { unwanted: Array.from({ length: 5 + round % 7 }, (_, index) => `192.0.2.${index + round % 100}`) },
    backendGroups: {
      web: {
        algorithm: ["wrr", "wlc"][round % 2],
        healthCheck: { interval: 5, timeout: 2, unhealthyThreshold: 2, healthyThreshold: 2 },
        servers: SERVERS.map(({ address, port }, index) => ({ address, port, weight: 10 + (round + index) % 5 })),
      },
    },
    listeners: [
      listener("tcp", { protocol: "TCP", workers: 2, tags: { round: String(round) }, accessControl: DENIED }),
      listener("tls", { protocol: "TCP_SSL", maxConnections: 9000 + round % 10, tls: TLS }),
      ...(round % CYCLE >= CYCLE / 2 ? [listener("passing", { protocol: "TCP", description: `${round}` })] : []),
    ],
  };
}

/** The clients' own machine may be busy. */
const TLS = { certificate: "www", handshakeTimeout: 60 };

const DENIED = { mode: "blacklist", groups: ["unwanted"] };
