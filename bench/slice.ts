/**
 * One slice of one work through one proxy: load for a while, and what the proxy used meanwhile.
 *
 * @module
 */

import type { Load } from "./load/load.ts";
import { holdConnections, runClient } from "./load/run_client.ts";
import { fullHandshakes } from "./load/openssl.ts";
import { wrk } from "./load/wrk.ts";
import { cpuSeconds, residentBytes } from "./process_tree.ts";
import type { Contender, Proxy } from "./proxies/proxy.ts";
import type { Ground } from "./ground.ts";
import { type Action, CONNECTIONS, type Front, type Lane, type Work } from "./works.ts";

/** What one slice showed. */
export interface Sample {
  /** In the unit of its action; `null` without a proxy. */
  readonly cost: number | null;
  /** Requests, or bytes of bulk, a second; `null` for idle connections. */
  readonly perSecond: number | null;
  readonly errors: number;
  /** Microseconds. */
  readonly p50: number | null;
  readonly p99: number | null;
  /** CPU seconds a second. */
  readonly busy: number | null;
}

/** Milliseconds between two requests of a paced connection: 32 of them make about 3,000 requests a second. */
const PAUSE_MS = 10;

/** Seconds for memory to settle, and to look at the CPU time of idle connections. */
const SETTLE_SECONDS = 1;
const IDLE_SECONDS = 2;

/** Connections that come and go before the first look at a proxy's memory. */
const WARM_UP_CONNECTIONS = 100;

/** Drives a work through a running proxy, or straight at the back end. */
export async function slice(work: Work, lane: Lane, at: { proxy: Proxy | undefined; ground: Ground; seconds: number }) {
  const { proxy, seconds } = at;
  const before = proxy === undefined ? 0 : cpuSeconds(proxy.pid);
  const startedAt = performance.now();
  const load = await drive(work, lane, at);
  const elapsed = (performance.now() - startedAt) / 1000;
  const cpu = proxy === undefined ? null : cpuSeconds(proxy.pid) - before;
  const isBulk = work.action === "down" || work.action === "up";
  const sample: Sample = {
    cost: cpu === null ? null : isBulk ? cpu / (load.bytes / 1e9) : cpu * 1e6 / load.requests,
    // openssl counts in whole seconds of its own, and the others in those they were given.
    perSecond: (isBulk ? load.bytes : load.requests) / (work.load === "openssl" ? elapsed : seconds),
    // Nothing done is an error as well, whatever the load generator says.
    errors: load.requests === 0 ? Math.max(1, load.errors) : load.errors,
    p50: isBulk ? null : load.p50,
    p99: isBulk ? null : load.p99,
    busy: cpu === null ? null : cpu / elapsed,
  };
  return sample;
}

function drive(
  { action, load }: Work,
  { front }: Lane,
  { proxy, ground, seconds }: { proxy: Proxy | undefined; ground: Ground; seconds: number },
): Promise<Load> {
  if (action === "idle") throw new Error("Idle connections are held, not driven");
  const port = portOf(proxy, ground, { front, action });
  const connections = CONNECTIONS[action];
  if (load === "client") {
    return runClient({ port, action, tls: tlsOf(front), seconds, connections, folder: ground.folder });
  }
  if (load === "openssl") return fullHandshakes(port, { seconds, connections });
  const url = `${front === "tcp" ? "http" : "https"}://127.0.0.1:${port}${action === "down" ? "/large" : "/small"}`;
  return wrk(url, {
    seconds,
    connections,
    close: action === "new",
    ...(action === "paced" ? { pause: PAUSE_MS } : {}),
  });
}

/** What `count` idle connections take of a proxy that is started for them: memory each, and CPU time all the while. */
export async function idleSlice(
  work: Work,
  { front }: Lane,
  { contender, ground, count }: { contender: Contender; ground: Ground; count: number },
): Promise<Sample> {
  const proxy = await contender.start(ground, { features: work.features });
  try {
    const port = portOf(proxy, ground, { front, action: "idle" });
    const task = { port, tls: tlsOf(front), folder: ground.folder };
    await (await holdConnections({ ...task, connections: WARM_UP_CONNECTIONS }))[Symbol.asyncDispose]();
    await settle(SETTLE_SECONDS);
    const before = residentBytes(proxy.pid);
    await using holder = await holdConnections({ ...task, connections: count });
    await settle(SETTLE_SECONDS);
    const each = (residentBytes(proxy.pid) - before) / count;
    const cpu = cpuSeconds(proxy.pid);
    await settle(IDLE_SECONDS);
    const { errors } = holder.opened;
    const busy = (cpuSeconds(proxy.pid) - cpu) / IDLE_SECONDS;
    return { cost: each / 1000, perSecond: null, errors, p50: null, p99: null, busy };
  } finally {
    await proxy.stop();
  }
}

function portOf(proxy: Proxy | undefined, { backend }: Ground, { front, action }: { front: Front; action: Action }) {
  const target = action === "up" ? "sink" : "web";
  const port = (proxy?.ports ?? backend.direct)[front]?.[target];
  if (port === undefined) throw new Error(`There is no port for ${front} to ${target}`);
  return port;
}

function tlsOf(front: Front): "none" | "one-way" | "mutual" {
  return front === "tcp" ? "none" : front === "mutual" ? "mutual" : "one-way";
}

function settle(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
