/**
 * Plans for tests: complete ones of which a test gives only what it is about.
 *
 * @module
 */

import { BoardRegistry } from "../../src/board/registry.ts";
import type {
  HealthCheckPlan,
  ListenerPlan,
  PoolPlan,
  ServerPlan,
  TlsCertificatePlan,
  TlsPlan,
} from "../../src/config/model.ts";
import { serverKey } from "../../src/config/server_places.ts";
import { familyOf } from "../../src/net/ip.ts";
import { INDEX_FROM } from "../../src/upstream/pick_index.ts";
import { Pool, type PoolOptions, type Server } from "../../src/upstream/pool.ts";

/** A server; its address is a loopback one unless the test gives another. */
export function serverPlan(given: Partial<Omit<ServerPlan, "key" | "family">> = {}): ServerPlan {
  const { address = "127.0.0.1", port = 80, ports = null, weight = 10, backup = false, draining = false } = given;
  const key = serverKey(address, { port, ports });
  return {
    key,
    configured: given.configured ?? key,
    host: given.host ?? null,
    address,
    port,
    ports,
    weight,
    backup,
    draining,
    family: familyOf(address) ?? "IPv4",
  };
}

/** Servers on ports 1, 2, 3 and so on, with these weights. */
export function weighted(weights: readonly number[]): ServerPlan[] {
  return weights.map((weight, index) => serverPlan({ port: index + 1, weight }));
}

/** Health checks with the defaults of the configuration. */
export function healthPlan(given: Partial<HealthCheckPlan> = {}): HealthCheckPlan {
  const times = { timeout: 2, interval: 5, unhealthyThreshold: 3, healthyThreshold: 3 };
  return { enabled: true, ...times, port: null, passive: true, ...given };
}

/** Servers that share the work; not probed unless the test says so. */
export function poolPlan(servers: readonly ServerPlan[], given: Partial<PoolPlan> = {}): PoolPlan {
  return {
    algorithm: "wrr",
    healthCheck: healthPlan({ enabled: false }),
    backendTls: null,
    whenAllUnhealthy: "forward",
    slowStart: 0,
    servers,
    names: [],
    unresolved: [],
    ...given,
  };
}

/** A certificate of a TCP_SSL listener; the texts are none that TLS could use, unless the test gives some. */
export function certificatePlan(given: Partial<TlsCertificatePlan> = {}): TlsCertificatePlan {
  return { name: "www", certPem: "cert", keyPem: "key", serverNames: [], ...given };
}

/** How TLS is ended, with the defaults of the configuration and one certificate. */
export function tlsPlan(given: Partial<TlsPlan> = {}): TlsPlan {
  return {
    engine: "full",
    certificates: [certificatePlan()],
    clientCA: null,
    minVersion: "1.2",
    alpn: [],
    handshakeTimeout: 10,
    maxHandshakes: 10_000,
    ...given,
  };
}

/** A TCP listener on loopback; on `port`, unless there are `ports`. */
export function listenerPlan(
  { port = 0, ...given }: Partial<ListenerPlan> & Pick<ListenerPlan, "pool"> & { readonly port?: number },
): ListenerPlan {
  return {
    name: "web",
    address: "127.0.0.1",
    ports: [{ first: port, last: port }],
    tls: null,
    group: null,
    ipTranslation: false,
    proxyProtocol: null,
    acceptProxy: null,
    access: null,
    maxConnections: null,
    maxNewConnections: null,
    idleTimeout: 300,
    connectTimeout: 4,
    tcpKeepAlive: true,
    backlog: 4096,
    workers: 1,
    tags: {},
    description: "",
    ...given,
  };
}

/** A pool on a board of its own, and what it takes to change it. */
export class TestPool {
  readonly boards: BoardRegistry;
  readonly pool: Pool;
  readonly #options: PoolOptions;
  /** The settings in force. */
  #plan: PoolPlan;

  /**
   * @param plan the settings, @param ipTranslation may families mix, @param now milliseconds since 1970, @param indexFrom
   * from how many servers on they are kept in order
   */
  constructor(plan: PoolPlan, ipTranslation = false, now: () => number = Date.now, indexFrom = INDEX_FROM) {
    this.boards = new BoardRegistry(now);
    this.#options = { ipTranslation, now, indexFrom };
    this.pool = new Pool(plan, this.#memory(plan, plan), this.#options);
    this.#plan = plan;
  }

  /** Takes up new settings as a worker does after a reload. */
  update(plan: PoolPlan): void {
    this.pool.update(plan, this.#memory(plan, this.#plan));
    this.#plan = plan;
  }

  /** A pool of a worker that starts over with the same board. */
  successor(plan: PoolPlan): Pool {
    return new Pool(plan, this.#memory(plan, this.#plan), this.#options);
  }

  /** The server of an `address:port`. */
  server(key: string): Server {
    const server = [...this.pool.servers].find((server) => server.plan.key === key);
    if (server === undefined) throw new Error(`No server ${key}`);
    return server;
  }

  #memory(next: PoolPlan, serving: PoolPlan) {
    const [wanted = [], now] = [next, serving].map(({ servers }) => servers.map((server) => server.key));
    this.boards.provide("web", wanted, now);
    return this.boards.forWorker("web", 1);
  }
}
