/** The Weir of a chaos run, its configuration, and what can be seen of its process. @module */

import { testCertificate } from "../support/certificates.ts";
import { freePort } from "../support/ports.ts";
import { type ListenerBody, RunningWeir } from "../support/program.ts";

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

/** A Weir under fire. */
export class ChaosWeir implements AsyncDisposable {
  readonly running: RunningWeir;
  /** Its ports: TCP in two threads, TCP-SSL, one for PROXY headers, and TCP-SSL with little patience. */
  readonly ports: { readonly tcp: number; readonly tls: number; readonly proxy: number; readonly silent: number };
  /** Every certificate that it shows at one time or another. */
  readonly caCerts: readonly string[];
  readonly #certificates: readonly { readonly certPem: string; readonly keyPem: string }[];
  #round = 0;

  private constructor(
    running: RunningWeir,
    ports: ChaosWeir["ports"],
    certificates: readonly { readonly certPem: string; readonly keyPem: string }[],
  ) {
    this.running = running;
    this.ports = ports;
    this.#certificates = certificates;
    this.caCerts = certificates.map(({ certPem }) => certPem);
  }

  /** Starts it. */
  static async start(): Promise<ChaosWeir> {
    const certificates = [await testCertificate(), await testCertificate()];
    const ports = { tcp: freePort(), tls: freePort(), proxy: freePort(), silent: freePort() };
    const [{ certPem, keyPem } = { certPem: "", keyPem: "" }] = certificates;
    const files = { "www.pem": certPem, "www.key": keyPem };
    return new ChaosWeir(await RunningWeir.start(configOf(ports, 0), { files }), ports, certificates);
  }

  /** Reloads with other weights, limits, tags and algorithms. */
  async reload(): Promise<number> {
    return (await this.running.reload(configOf(this.ports, ++this.#round))).status;
  }

  /** Reloads with something that is wrong. */
  async reloadInvalid(): Promise<number> {
    const { status } = await this.running.reload("listeners: [{ name: web, protocol: TCP, port: 99999 }]");
    await this.running.write(configOf(this.ports, this.#round));
    return status;
  }

  /** Puts another certificate in the place of the one that serves. */
  async renew(): Promise<void> {
    const next = this.#certificates[++this.#round % this.#certificates.length];
    for (const [name, text] of [["www.key", next?.keyPem], ["www.pem", next?.certPem]] as const) {
      const file = `${this.running.folder}/${name}`;
      await Deno.writeTextFile(`${file}.new`, text ?? "", { mode: 0o600 });
      await Deno.rename(`${file}.new`, file);
    }
  }

  /** Open descriptors. */
  get descriptors(): number {
    return [...Deno.readDirSync(`/proc/${this.running.pid}/fd`)].length;
  }

  /** Resident memory, in bytes. */
  get memory(): number {
    const status = Deno.readTextFileSync(`/proc/${this.running.pid}/status`);
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
  }

  /** The ids of the worker threads, in the order of their start. */
  get workerThreads(): number[] {
    const task = `/proc/${this.running.pid}/task`;
    return [...Deno.readDirSync(task)].map(({ name }) => Number(name))
      .filter((id) => Deno.readTextFileSync(`${task}/${id}/comm`).startsWith("worker-"))
      .sort((a, b) => a - b);
  }

  /** How many clients are connected. */
  async active(): Promise<number> {
    const { body } = await this.running.admin("/v1/status");
    return (body as { capacity: { connections: number } }).capacity.connections;
  }

  /** What each listener knows of the server of an address. */
  async states(address: string): Promise<ListenerBody["servers"][number][]> {
    const { body } = await this.running.admin("/v1/listeners");
    const { listeners } = body as { listeners: readonly { readonly name: string }[] };
    const bodies = await Promise.all(listeners.map(({ name }) => this.running.listener(name)));
    return bodies.flatMap(({ servers }) => servers.filter(({ server }) => server.startsWith(`${address}:`)));
  }

  /** Why connections of clients have ended, over all listeners. */
  async ends(): Promise<Record<string, number>> {
    const { body } = await this.running.admin("/v1/listeners");
    const ends: Record<string, number> = {};
    for (const one of (body as { listeners: { connectionsEnded: Record<string, number> }[] }).listeners) {
      for (const [reason, count] of Object.entries(one.connectionsEnded)) ends[reason] = (ends[reason] ?? 0) + count;
    }
    return ends;
  }

  /** Lines of the log that must not be there. */
  get faultsInLog(): string[] {
    return this.running.log.split("\n").filter((line) => /nhandled|fault in Weir|Uncaught|panicked/.test(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.running[Symbol.asyncDispose]();
  }
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
