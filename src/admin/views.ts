/**
 * What the admin API shows, put together from the model that serves and the boards. Reading only.
 *
 * @module
 */

import type { z } from "@hono/zod-openapi";
import { type AcceptedConfig, unsavedPaths } from "../config/accepted.ts";
import { type EntryRef, entryUsers, isMapping, settingsOf } from "../config/entries.ts";
import type { HealthState } from "../board/layout.ts";
import type { BoardRegistry } from "../board/registry.ts";
import { type ListenerPlan, type Model, type PoolPlan, protocolOf } from "../config/model.ts";
import type { ReloadResult, RenewalResult } from "../control/change_reports.ts";
import type { NameState } from "../control/name_watch.ts";
import type { HealthNote } from "../control/health_notes.ts";
import type { DrainingListener, ListenerState, ListenerThread } from "../control/instance.ts";
import { effectiveWeight } from "../upstream/slow_start.ts";
import { formatPorts, onlyPort, type PortRange } from "../net/ports.ts";
import type { groupSchema, ipGroupSchema, listenerSchema, serverSchema, statusSchema } from "./schemas.ts";

/** What the admin API can see of the running program. */
export interface RuntimeView {
  readonly version: string;
  readonly startedAt: Date;
  /** The moment that it shows. */
  readonly takenAt: Date;
  readonly configFile: string;
  /** The configuration that serves. */
  readonly accepted: AcceptedConfig;
  /** What it means. */
  readonly model: Model;
  readonly boards: BoardRegistry;
  readonly lastReload: ReloadResult | undefined;
  readonly lastRenewal: RenewalResult | undefined;
  readonly workers: { readonly running: number; readonly restarts: number };
  readonly draining: number;
  /** What workers have died of, and how often. */
  readonly workerDeaths: ReadonlyMap<string, number>;
  /** What drains. */
  readonly drains: readonly DrainingListener[];
  /** Connections that are open in all, and how many may be; `null` for no limit. */
  readonly capacity: { readonly open: number; readonly most: number | null };
  /** Lines of the access log that were dropped. */
  readonly accessLogDropped: number;
  readonly ready: boolean;
  /** What is known of host names. */
  readonly names: ReadonlyMap<string, NameState>;
  stateOf(listener: string): ListenerState | undefined;
  threadsOf(listener: string): readonly ListenerThread[];
  healthOf(listener: string, server: string): HealthNote;
}

type ServerView = z.infer<typeof serverSchema>;

/** One listener. */
export function listenerView(view: RuntimeView, plan: ListenerPlan): z.infer<typeof listenerSchema> {
  const counters = view.boards.listener(plan.name)?.read();
  return {
    name: plan.name,
    protocol: protocolOf(plan),
    address: plan.address,
    port: onlyPort(plan.ports),
    ports: onlyPort(plan.ports) === null ? formatPorts(plan.ports) : null,
    state: view.stateOf(plan.name) ?? "draining",
    backendGroup: plan.group,
    algorithm: plan.pool.algorithm,
    whenAllUnhealthy: plan.pool.whenAllUnhealthy,
    slowStart: plan.pool.slowStart,
    healthCheck: plan.pool.healthCheck,
    backendTls: backendTlsView(plan.pool),
    tls: plan.tls === null ? null : {
      authentication: plan.tls.clientCA === null ? "one-way" : "mutual",
      certificates: plan.tls.certificates.map(({ name }) => name),
      clientCA: plan.tls.clientCA?.name ?? null,
      minVersion: plan.tls.minVersion,
      alpn: [...plan.tls.alpn],
      handshakeTimeout: plan.tls.handshakeTimeout,
      maxHandshakes: plan.tls.maxHandshakes,
      engine: plan.tls.engine,
    },
    ipTranslation: plan.ipTranslation,
    proxyProtocol: plan.proxyProtocol === null ? "off" : plan.proxyProtocol.version === 1 ? "v1" : "v2",
    acceptProxyProtocol: plan.acceptProxy === null
      ? null
      : { from: [...plan.acceptProxy.groups], timeout: plan.acceptProxy.timeout },
    accessControl: plan.access === null ? null : { mode: plan.access.mode, groups: [...plan.access.groups] },
    maxConnections: plan.maxConnections,
    maxNewConnections: plan.maxNewConnections,
    idleTimeout: plan.idleTimeout,
    connectTimeout: plan.connectTimeout,
    tcpKeepAlive: plan.tcpKeepAlive,
    backlog: plan.backlog,
    workers: plan.workers,
    threads: view.threadsOf(plan.name).map(({ worker, state }) => ({
      worker,
      state,
      connectionsActive: view.boards.openIn(plan.name, worker),
    })),
    tags: { ...plan.tags },
    description: plan.description,
    connectionsActive: counters?.connectionsActive ?? 0,
    connectionsTotal: counters?.connectionsTotal ?? 0,
    bytesIn: counters?.bytesIn ?? 0,
    bytesOut: counters?.bytesOut ?? 0,
    connectionsEnded: Object.fromEntries(counters?.ended ?? []),
    handshakeFailures: plan.tls === null ? null : Object.fromEntries(counters?.handshakeFailures ?? []),
    acceptErrors: counters?.acceptErrors ?? 0,
    servers: serverViews(view, plan),
    names: nameViews(view, plan.pool),
    settings: settingsView(view, { kind: "listener", name: plan.name }),
  };
}

function serverViews(view: RuntimeView, { name, pool }: ListenerPlan): ServerView[] {
  return pool.servers.map(({ key, configured, address, port, ports, weight, backup, draining }) => {
    const state = view.boards.server(name, key)?.read();
    const { probeError, lastChange } = view.healthOf(name, key);
    const lastProbe = state === undefined || state.lastProbeAt === null || state.lastProbeOk === null ? null : {
      at: new Date(state.lastProbeAt).toISOString(),
      ok: state.lastProbeOk,
      error: state.lastProbeOk ? null : probeError,
    };
    return {
      server: key,
      configured,
      address,
      port,
      ports: textOf(ports),
      weight,
      effectiveWeight: effectiveWeight(weight, state?.warmSince ?? 0, view.takenAt.getTime(), pool.slowStart),
      backup,
      draining,
      health: state?.health ?? "Unknown",
      lastChange,
      lastProbe,
      connectFailures: state?.connectFailures ?? 0,
      connectionsActive: state?.connectionsActive ?? 0,
      connectionsTotal: state?.connectionsTotal ?? 0,
      bytesIn: state?.bytesIn ?? 0,
      bytesOut: state?.bytesOut ?? 0,
    };
  });
}

function backendTlsView({ backendTls }: PoolPlan): z.infer<typeof groupSchema>["backendTls"] {
  return backendTls === null ? null : { ...backendTls, ca: backendTls.ca?.name ?? null };
}

function textOf(ports: readonly PortRange[] | null): string | null {
  return ports === null ? null : formatPorts(ports);
}

/** One backend group, over all listeners that use it. */
export function groupView(view: RuntimeView, name: string, group: PoolPlan): z.infer<typeof groupSchema> {
  const users = [...view.model.listeners.values()].filter((plan) => plan.group === name);
  const seen = users.flatMap((plan) => serverViews(view, plan));
  return {
    name,
    algorithm: group.algorithm,
    whenAllUnhealthy: group.whenAllUnhealthy,
    slowStart: group.slowStart,
    healthCheck: group.healthCheck,
    backendTls: backendTlsView(group),
    listeners: users.map((plan) => plan.name),
    servers: group.servers.map(({ key, configured, address, port, ports, weight, backup, draining }) => {
      // A server with the group's defaultPort goes by its address alone in listeners with several ports.
      const same = seen.filter((server) => server.server === key || server.server === address);
      const sum = (pick: (server: ServerView) => number) => same.reduce((total, server) => total + pick(server), 0);
      return {
        server: key,
        configured,
        address,
        port,
        ports: textOf(ports),
        weight,
        backup,
        draining,
        health: worst(same.map((server) => server.health)),
        connectFailures: sum((server) => server.connectFailures),
        connectionsActive: sum((server) => server.connectionsActive),
        connectionsTotal: sum((server) => server.connectionsTotal),
        bytesIn: sum((server) => server.bytesIn),
        bytesOut: sum((server) => server.bytesOut),
      };
    }),
    names: nameViews(view, group),
    settings: settingsView(view, { kind: "backendGroup", name }),
  };
}

/** One IP group. */
export function ipGroupView({ accepted: { valid } }: RuntimeView, name: string): z.infer<typeof ipGroupSchema> {
  const { ipGroups } = valid.config;
  const group = Object.hasOwn(ipGroups, name) ? ipGroups[name] ?? [] : [];
  const settings = settingsOf(valid, { kind: "ipGroup", name }) as z.infer<typeof ipGroupSchema>["settings"];
  return {
    name,
    file: Array.isArray(group) ? null : group.file,
    entries: valid.ipGroups.get(name)?.length ?? 0,
    users: entryUsers(valid, { kind: "ipGroup", name }),
    settings,
  };
}

function settingsView({ accepted }: RuntimeView, ref: EntryRef): Record<string, unknown> {
  const settings = settingsOf(accepted.valid, ref);
  return isMapping(settings) ? { ...settings } : {};
}

function nameViews(view: RuntimeView, pool: PoolPlan): z.infer<typeof listenerSchema>["names"] {
  return pool.names.map((name) => {
    const { addresses = [], error = null, checkedAt = null } = view.names.get(name) ?? {};
    return { name, addresses: [...addresses], error, checkedAt };
  });
}

/** A group's server is as bad as the listener that finds it worst. */
function worst(states: readonly HealthState[]): HealthState {
  const order: readonly HealthState[] = ["Abnormal", "Unknown", "Healthy", "Disabled"];
  return order.find((state) => states.includes(state)) ?? "Unknown";
}

/** The program as a whole. */
export function statusView(view: RuntimeView, now: Date): z.infer<typeof statusSchema> {
  const counters = [...view.model.listeners.keys()].flatMap((name) => view.boards.listener(name)?.read() ?? []);
  const sum = (pick: (one: (typeof counters)[number]) => number) =>
    counters.reduce((total, one) => total + pick(one), 0);
  const last = view.lastReload;
  return {
    version: view.version,
    startedAt: view.startedAt.toISOString(),
    uptimeSeconds: Math.round((now.getTime() - view.startedAt.getTime()) / 1000),
    configFile: view.configFile,
    ready: view.ready,
    lastReload: last === undefined ? null : structuredClone(last) as z.infer<typeof statusSchema>["lastReload"],
    lastRenewal: view.lastRenewal === undefined
      ? null
      : { ...view.lastRenewal, refused: view.lastRenewal.refused.map((one) => ({ ...one })) },
    unsaved: unsavedPaths(view.accepted),
    workers: { ...view.workers, draining: view.draining },
    draining: view.drains.map((drain) => ({ ...drain })),
    capacity: { connections: view.capacity.open, most: view.capacity.most },
    memory: { rss: Deno.memoryUsage().rss },
    totals: {
      listeners: view.model.listeners.size,
      connectionsActive: sum((one) => one.connectionsActive),
      connectionsTotal: sum((one) => one.connectionsTotal),
      bytesIn: sum((one) => one.bytesIn),
      bytesOut: sum((one) => one.bytesOut),
    },
  };
}
