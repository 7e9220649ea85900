/**
 * Metrics in the Prometheus text format 0.0.4, read from the boards.
 *
 * @module
 */

import { CONNECT_BUCKETS, HANDSHAKE_BUCKETS } from "../board/layout.ts";
import { REJECT_REASONS } from "../end_reason.ts";
import { effectiveWeight } from "../upstream/slow_start.ts";
import { notAfter, storedCertificates } from "./certificates.ts";
import type { RuntimeView } from "./views.ts";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number, suffix?: string];

/** Renders all metrics. */
export function renderMetrics(view: RuntimeView): string {
  const listeners = [...view.model.listeners.values()].flatMap((plan) => {
    const counters = view.boards.listener(plan.name)?.read();
    return counters === undefined ? [] : [{ plan, counters, labels: { listener: plan.name } }];
  });
  const secured = listeners.filter(({ plan }) => plan.tls !== null);
  const servers = listeners.flatMap(({ plan }) =>
    plan.pool.servers.flatMap((server) => {
      const state = view.boards.server(plan.name, server.key)?.read();
      const labels = { listener: plan.name, server: server.key };
      return state === undefined ? [] : [{ server, state, slowStart: plan.pool.slowStart, labels }];
    })
  );
  const lastReloadOk = view.lastReload?.ok === false ? 0 : 1;
  return [
    family("weir_build_info", "gauge", "The program's version, as a label.", [[{ version: view.version }, 1]]),
    family("weir_start_time_seconds", "gauge", "When the program started, in seconds since 1970.", [[
      {},
      view.startedAt.getTime() / 1000,
    ]]),
    family("weir_workers", "gauge", "Worker threads that run.", [[{}, view.workers.running]]),
    family("weir_worker_restarts_total", "counter", "Workers that died and were replaced.", [[
      {},
      view.workers.restarts,
    ]]),
    family("weir_access_log_dropped_total", "counter", "Lines of the access log that were dropped.", [[
      {},
      view.accessLogDropped,
    ]]),
    family("weir_config_last_reload_successful", "gauge", "Whether the last reload succeeded.", [[{}, lastReloadOk]]),
    family(
      "weir_certificate_not_after_timestamp_seconds",
      "gauge",
      "When a certificate that serves, or the first of its chain, expires, in seconds since 1970.",
      storedCertificates(view).map((entry) => [{ kind: entry.kind, certificate: entry.name }, notAfter(entry)]),
    ),
    family(
      "weir_listener_accepting",
      "gauge",
      "Whether the listener accepts connections.",
      listeners.map(({ plan, labels }) => [labels, view.stateOf(plan.name) === "accepting" ? 1 : 0]),
    ),
    family(
      "weir_connections_active",
      "gauge",
      "Client connections that are open.",
      listeners.map(({ counters, labels }) => [labels, counters.connectionsActive]),
    ),
    family(
      "weir_connections_total",
      "counter",
      "Client connections accepted.",
      listeners.map(({ counters, labels }) => [labels, counters.connectionsTotal]),
    ),
    family(
      "weir_connections_rejected_total",
      "counter",
      "Client connections that never reached a server, by reason.",
      listeners.flatMap(({ counters, labels }) =>
        REJECT_REASONS.map((reason): Sample => [{ ...labels, reason }, counters.ended.get(reason) ?? 0])
      ),
    ),
    family(
      "weir_connections_ended_total",
      "counter",
      "Client connections that ended, by reason.",
      listeners.flatMap(({ counters, labels }) =>
        [...counters.ended].map(([reason, value]): Sample => [{ ...labels, reason }, value])
      ),
    ),
    family(
      "weir_bytes_total",
      "counter",
      "Bytes relayed; in is from clients, out is to clients.",
      listeners.flatMap((
        { counters, labels },
      ): Sample[] => [[{ ...labels, direction: "in" }, counters.bytesIn], [
        { ...labels, direction: "out" },
        counters.bytesOut,
      ]]),
    ),
    family(
      "weir_accept_errors_total",
      "counter",
      "Times that accepting failed.",
      listeners.map(({ counters, labels }) => [labels, counters.acceptErrors]),
    ),
    family(
      "weir_connect_seconds",
      "histogram",
      "Time that servers took to accept a connection, in seconds.",
      listeners.flatMap(({ counters, labels }) =>
        histogram(labels, CONNECT_BUCKETS, counters.connectBuckets, counters.connectSeconds)
      ),
    ),
    family(
      "weir_tls_handshake_failures_total",
      "counter",
      "TLS handshakes that failed, by reason.",
      secured.flatMap(({ counters, labels }) =>
        [...counters.handshakeFailures].map(([reason, value]): Sample => [{ ...labels, reason }, value])
      ),
    ),
    family(
      "weir_tls_handshake_seconds",
      "histogram",
      "Time that TLS handshakes took, in seconds.",
      secured.flatMap(({ counters, labels }) =>
        histogram(labels, HANDSHAKE_BUCKETS, counters.handshakeBuckets, counters.handshakeSeconds)
      ),
    ),
    family(
      "weir_server_healthy",
      "gauge",
      "Whether the server may take connections by its health (0 only when Abnormal).",
      servers.map(({ state, labels }) => [labels, state.health === "Abnormal" ? 0 : 1]),
    ),
    family(
      "weir_server_weight",
      "gauge",
      "The server's weight.",
      servers.map(({ server, labels }) => [labels, server.weight]),
    ),
    family(
      "weir_server_effective_weight",
      "gauge",
      "The server's weight at this moment: below its weight while it warms up.",
      servers.map(({ server, state, slowStart, labels }) => [
        labels,
        effectiveWeight(server.weight, state.warmSince, view.takenAt.getTime(), slowStart),
      ]),
    ),
    family(
      "weir_server_draining",
      "gauge",
      "Whether the server takes nothing new because somebody drains it.",
      servers.map(({ server, labels }) => [labels, server.draining ? 1 : 0]),
    ),
    family(
      "weir_name_resolved",
      "gauge",
      "Whether the last look-up of a server's host name succeeded.",
      [...view.names].map(([name, { error }]) => [{ name }, error === null ? 1 : 0]),
    ),
    family(
      "weir_server_connections_active",
      "gauge",
      "Connections to the server that are open or being opened.",
      servers.map(({ state, labels }) => [labels, state.connectionsActive]),
    ),
    family(
      "weir_server_connections_total",
      "counter",
      "Connections that the server took.",
      servers.map(({ state, labels }) => [labels, state.connectionsTotal]),
    ),
    family(
      "weir_server_connect_failures_total",
      "counter",
      "Connection attempts to the server that failed.",
      servers.map(({ state, labels }) => [labels, state.connectFailures]),
    ),
    family(
      "weir_server_bytes_total",
      "counter",
      "Bytes relayed to (in) and from (out) the server.",
      servers.flatMap((
        { state, labels },
      ): Sample[] => [[{ ...labels, direction: "in" }, state.bytesIn], [
        { ...labels, direction: "out" },
        state.bytesOut,
      ]]),
    ),
    family("process_resident_memory_bytes", "gauge", "Memory in use, in bytes.", [[{}, Deno.memoryUsage().rss]]),
  ].join("");
}

function family(
  name: string,
  type: "counter" | "gauge" | "histogram",
  help: string,
  samples: readonly Sample[],
): string {
  const lines = samples.map(([labels, value, suffix = ""]) => `${name}${suffix}${renderLabels(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

/** @param bounds upper bounds of the buckets but the last, @param counts how many fell into each */
function histogram(labels: Labels, bounds: readonly number[], counts: readonly number[], sum: number): Sample[] {
  let seen = 0;
  const cumulative = counts.map((value, index): Sample => {
    seen += value;
    return [{ ...labels, le: String(bounds[index] ?? "+Inf") }, seen, "_bucket"];
  });
  return [...cumulative, [labels, sum, "_sum"], [labels, seen, "_count"]];
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${value.replace(/[\\"\n]/g, escapeLabel)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeLabel(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}
