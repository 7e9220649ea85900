/**
 * Every metric that Weir has, read from the boards and the model that serves. Labels come from bounded sets only:
 * listeners, servers, certificates and names of the configuration, and words of closed lists.
 *
 * @module
 */

import type { ListenerCounters, ServerCounters } from "../../board/board.ts";
import type { Times } from "../../board/histogram.ts";
import type { ListenerPlan, ServerPlan } from "../../config/model.ts";
import { REJECT_REASONS } from "../../end_reason.ts";
import { effectiveWeight } from "../../upstream/slow_start.ts";
import { notAfter, storedCertificates } from "../certificates.ts";
import type { RuntimeView } from "../views.ts";
import type { HistogramSample, Labels, MetricFamily, Sample } from "./exposition.ts";
import type { ProcessFacts } from "./process_facts.ts";

interface SeenListener {
  readonly plan: ListenerPlan;
  readonly counters: ReturnType<ListenerCounters["read"]>;
  readonly labels: Labels;
}

interface SeenServer {
  readonly server: ServerPlan;
  readonly state: ReturnType<ServerCounters["read"]>;
  /** Seconds. */
  readonly slowStart: number;
  readonly labels: Labels;
}

/** All metrics at one moment. */
export function metricFamilies(view: RuntimeView, facts: ProcessFacts): MetricFamily[] {
  const listeners = [...view.model.listeners.values()].flatMap((plan): SeenListener[] => {
    const counters = view.boards.listener(plan.name)?.read();
    return counters === undefined ? [] : [{ plan, counters, labels: { listener: plan.name } }];
  });
  const servers = listeners.flatMap(({ plan }) =>
    plan.pool.servers.flatMap((server): SeenServer[] => {
      const state = view.boards.server(plan.name, server.key)?.read();
      const labels = { listener: plan.name, server: server.key };
      return state === undefined ? [] : [{ server, state, slowStart: plan.pool.slowStart, labels }];
    })
  );
  return [
    ...programFamilies(view),
    ...listenerFamilies(view, listeners),
    ...tlsFamilies(listeners.filter(({ plan }) => plan.tls !== null)),
    ...serverFamilies(view, servers),
    ...processFamilies(view, facts),
  ];
}

function programFamilies(view: RuntimeView): MetricFamily[] {
  return [
    {
      name: "weir_build",
      type: "info",
      help: "The program's version, as a label.",
      samples: [{ labels: { version: view.version }, value: 1 }],
    },
    {
      name: "weir_connections_most",
      type: "gauge",
      help: "Connections at once that the file descriptors are good for, over all listeners, where that is known.",
      samples: view.capacity.most === null ? [] : [{ labels: {}, value: view.capacity.most }],
    },
    gauge("weir_workers", "Worker threads that run.", view.workers.running),
    {
      name: "weir_worker_restarts",
      type: "counter",
      help: "Workers that died and were replaced, by what they died of.",
      samples: byReason({}, view.workerDeaths),
    },
    {
      name: "weir_access_log_dropped",
      type: "counter",
      help: "Lines of the access log that were dropped.",
      samples: [{ labels: {}, value: view.accessLogDropped }],
    },
    gauge(
      "weir_config_last_reload_successful",
      "Whether the last reload succeeded.",
      view.lastReload?.ok === false ? 0 : 1,
    ),
    {
      name: "weir_certificate_not_after_timestamp_seconds",
      type: "gauge",
      unit: "seconds",
      help: "When a certificate that serves, or the first of its chain, expires, in seconds since 1970.",
      samples: storedCertificates(view).map((entry) => ({
        labels: { kind: entry.kind, certificate: entry.name },
        value: notAfter(entry),
      })),
    },
    {
      name: "weir_name_resolved",
      type: "gauge",
      help: "Whether the last look-up of a server's host name succeeded.",
      samples: [...view.names].map(([name, { error }]) => ({ labels: { name }, value: error === null ? 1 : 0 })),
    },
  ];
}

function listenerFamilies(view: RuntimeView, listeners: readonly SeenListener[]): MetricFamily[] {
  const each = (value: (listener: SeenListener) => number): Sample[] =>
    listeners.map((listener) => ({ labels: listener.labels, value: value(listener) }));
  return [
    {
      name: "weir_listener_accepting",
      type: "gauge",
      help: "Whether the listener accepts connections.",
      samples: each(({ plan }) => view.stateOf(plan.name) === "accepting" ? 1 : 0),
    },
    {
      name: "weir_connections_active",
      type: "gauge",
      help: "Client connections that are open.",
      samples: each(({ counters }) => counters.connectionsActive),
    },
    {
      name: "weir_connections",
      type: "counter",
      help: "Client connections accepted.",
      samples: each(({ counters }) => counters.connectionsTotal),
    },
    {
      name: "weir_connections_rejected",
      type: "counter",
      help: "Client connections that never reached a server, by reason.",
      samples: listeners.flatMap(({ counters, labels }) =>
        REJECT_REASONS.map((reason) => ({ labels: { ...labels, reason }, value: counters.ended.get(reason) ?? 0 }))
      ),
    },
    {
      name: "weir_connections_ended",
      type: "counter",
      help: "Client connections that ended, by reason.",
      samples: listeners.flatMap(({ counters, labels }) => byReason(labels, counters.ended)),
    },
    {
      name: "weir_bytes",
      type: "counter",
      unit: "bytes",
      help: "Bytes relayed; in is from clients, out is to clients.",
      samples: listeners.flatMap(({ counters, labels }) => inAndOut(labels, counters)),
    },
    {
      name: "weir_accept_errors",
      type: "counter",
      help: "Times that accepting failed.",
      samples: each(({ counters }) => counters.acceptErrors),
    },
    {
      name: "weir_connect_seconds",
      type: "histogram",
      unit: "seconds",
      help: "Time that servers took to accept a connection, in seconds.",
      samples: listeners.map(({ counters, labels }) => histogram(labels, counters.connectTimes)),
    },
    {
      name: "weir_connection_duration_seconds",
      type: "histogram",
      unit: "seconds",
      help: "Time that client connections which were let in have lasted, in seconds, counted when they end.",
      samples: listeners.map(({ counters, labels }) => histogram(labels, counters.durations)),
    },
  ];
}

function tlsFamilies(listeners: readonly SeenListener[]): MetricFamily[] {
  return [
    {
      name: "weir_tls_handshake_failures",
      type: "counter",
      help: "TLS handshakes that failed, by reason.",
      samples: listeners.flatMap(({ counters, labels }) => byReason(labels, counters.handshakeFailures)),
    },
    {
      name: "weir_tls_handshake_seconds",
      type: "histogram",
      unit: "seconds",
      help: "Time that TLS handshakes took, in seconds.",
      samples: listeners.map(({ counters, labels }) => histogram(labels, counters.handshakeTimes)),
    },
  ];
}

function serverFamilies({ takenAt }: RuntimeView, servers: readonly SeenServer[]): MetricFamily[] {
  const now = takenAt.getTime();
  const each = (value: (server: SeenServer) => number): Sample[] =>
    servers.map((server) => ({ labels: server.labels, value: value(server) }));
  return [
    {
      name: "weir_server_healthy",
      type: "gauge",
      help: "Whether the server may take connections by its health (0 only when Abnormal).",
      samples: each(({ state }) => state.health === "Abnormal" ? 0 : 1),
    },
    {
      name: "weir_server_weight",
      type: "gauge",
      help: "The server's weight.",
      samples: each(({ server }) => server.weight),
    },
    {
      name: "weir_server_effective_weight",
      type: "gauge",
      help: "The server's weight at this moment: below its weight while it warms up.",
      samples: each(({ server, state, slowStart }) => effectiveWeight(server.weight, state.warmSince, now, slowStart)),
    },
    {
      name: "weir_server_draining",
      type: "gauge",
      help: "Whether the server takes nothing new because somebody drains it.",
      samples: each(({ server }) => server.draining ? 1 : 0),
    },
    {
      name: "weir_server_connections_active",
      type: "gauge",
      help: "Connections to the server that are open or being opened.",
      samples: each(({ state }) => state.connectionsActive),
    },
    {
      name: "weir_server_connections",
      type: "counter",
      help: "Connections that the server took.",
      samples: each(({ state }) => state.connectionsTotal),
    },
    {
      name: "weir_server_connect_failures",
      type: "counter",
      help: "Connection attempts to the server that failed.",
      samples: each(({ state }) => state.connectFailures),
    },
    {
      name: "weir_server_bytes",
      type: "counter",
      unit: "bytes",
      help: "Bytes relayed to (in) and from (out) the server.",
      samples: servers.flatMap(({ state, labels }) => inAndOut(labels, state)),
    },
  ];
}

/** Under the names that every Prometheus client has for these. */
function processFamilies({ startedAt }: RuntimeView, facts: ProcessFacts): MetricFamily[] {
  return [
    {
      name: "process_cpu_seconds",
      type: "counter",
      unit: "seconds",
      help: "Processor time of all threads, in seconds.",
      samples: [{ labels: {}, value: facts.cpuSeconds }],
    },
    { ...gauge("process_resident_memory_bytes", "Memory in use, in bytes.", facts.residentBytes), unit: "bytes" },
    {
      ...gauge(
        "process_start_time_seconds",
        "When the program started, in seconds since 1970.",
        startedAt.getTime() / 1000,
      ),
      unit: "seconds",
    },
    {
      ...gauge(
        "weir_main_thread_heap_bytes",
        "Memory that objects of the main thread take, in bytes.",
        facts.heapBytes,
      ),
      unit: "bytes",
    },
  ];
}

function gauge(name: string, help: string, value: number): MetricFamily {
  return { name, type: "gauge", help, samples: [{ labels: {}, value }] };
}

function byReason(labels: Labels, counts: ReadonlyMap<string, number>): Sample[] {
  return [...counts].map(([reason, value]) => ({ labels: { ...labels, reason }, value }));
}

function inAndOut(labels: Labels, { bytesIn, bytesOut }: { readonly bytesIn: number; readonly bytesOut: number }) {
  return [
    { labels: { ...labels, direction: "in" }, value: bytesIn },
    { labels: { ...labels, direction: "out" }, value: bytesOut },
  ];
}

function histogram(labels: Labels, { bounds, buckets, seconds }: Times): HistogramSample {
  return { labels, bounds, buckets, sum: seconds };
}
