/** The metrics, in both formats. @module */

import assert from "node:assert/strict";
import { CONTENT_TYPES } from "../../../src/admin/metrics/exposition.ts";
import { CONNECT_BUCKETS, DURATION_BUCKETS } from "../../../src/board/layout.ts";
import { END_REASONS } from "../../../src/end_reason.ts";
import { type Family, parseOpenMetrics, parseText, valueOf } from "../../support/metrics.ts";
import { HANDSHAKE_FAILURES } from "../../../src/net/tls/handshake_failure.ts";
import { HANDSHAKE_BUCKETS } from "../../../src/board/layout.ts";
import type { ListenerCounters } from "../../../src/board/board.ts";
import { AdminBench } from "./bench.ts";

async function scrape(bench: AdminBench): Promise<Map<string, Family>> {
  const response = await bench.request("/metrics");
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), CONTENT_TYPES.text);
  return parseText(await response.text());
}

async function scrapeOpenMetrics(bench: AdminBench): Promise<Map<string, Family>> {
  const response = await bench.request("/metrics", { headers: { accept: "application/openmetrics-text" } });
  assert.equal(response.headers.get("content-type"), CONTENT_TYPES.openmetrics);
  return parseOpenMetrics(await response.text());
}

Deno.test("GET /metrics is text that a strict parser takes, with no series twice", async () => {
  for (const family of (await scrape(new AdminBench())).values()) {
    const series = family.samples.map(({ name, labels }) => name + JSON.stringify(Object.entries(labels).sort()));
    assert.equal(new Set(series).size, series.length, family.name);
    assert.equal(family.type === "counter", family.name.endsWith("_total"), family.name);
  }
});

Deno.test("GET /metrics has the families that are promised, by listener and server", async () => {
  const bench = new AdminBench();
  const counters = bench.boards.listener("front");
  const server = bench.boards.server("front", "10.0.0.11:80");
  counters?.opened();
  counters?.opened();
  counters?.closed("no_server");
  counters?.addBytesIn(100);
  counters?.addBytesOut(200);
  server?.connected();
  server?.reserve();
  server?.startWarming(bench.now - 30_000);
  if (server !== undefined) server.health = "Abnormal";
  const families = await scrape(bench);
  const front = { listener: "front" };
  const one = { listener: "front", server: "10.0.0.11:80" };
  const expected: readonly (readonly [name: string, labels: Record<string, string>, value: number])[] = [
    ["weir_build_info", { version: "1.2.3" }, 1],
    ["weir_connections_active", front, 1],
    ["weir_connections_total", front, 2],
    ["weir_connections_rejected_total", { ...front, reason: "no_server" }, 1],
    ["weir_connections_rejected_total", { ...front, reason: "connect_failed" }, 0],
    ["weir_connections_ended_total", { ...front, reason: "no_server" }, 1],
    ["weir_bytes_total", { ...front, direction: "in" }, 100],
    ["weir_bytes_total", { ...front, direction: "out" }, 200],
    ["weir_listener_accepting", front, 1],
    ["weir_server_healthy", one, 0],
    ["weir_server_healthy", { listener: "safe", server: "10.0.0.11:80" }, 1],
    ["weir_server_weight", one, 10],
    ["weir_server_effective_weight", one, 5.5],
    ["weir_server_effective_weight", { listener: "safe", server: "10.0.0.11:80" }, 10],
    ["weir_server_connections_active", one, 1],
    ["weir_server_connections_total", one, 1],
    ["weir_access_log_dropped_total", {}, 3],
    ["weir_workers", {}, 3],
    ["weir_worker_restarts_total", { reason: "hung" }, 1],
    ["weir_worker_restarts_total", { reason: "error" }, 0],
    ["weir_config_last_reload_successful", {}, 1],
  ];
  for (const [name, labels, value] of expected) assert.equal(valueOf(families, name, labels), value, name);
  const reasons = families.get("weir_connections_ended_total")?.samples.filter(({ labels }) =>
    labels["listener"] === "front"
  );
  assert.deepEqual(reasons?.map(({ labels }) => labels["reason"]), [...END_REASONS]);
});

/** A histogram that counts times from 0.4 ms to 99 s, all of one listener. */
const HISTOGRAMS: readonly {
  readonly name: string;
  readonly bounds: readonly number[];
  readonly listeners: readonly string[];
  readonly counted: string;
  readonly count: (counters: ListenerCounters | undefined, seconds: number) => void;
}[] = [
  {
    name: "weir_connect_seconds",
    bounds: CONNECT_BUCKETS,
    listeners: ["front", "safe", "own"],
    counted: "front",
    count: (counters, seconds) => counters?.connected(seconds),
  },
  {
    name: "weir_tls_handshake_seconds",
    bounds: HANDSHAKE_BUCKETS,
    listeners: ["safe"],
    counted: "safe",
    count: (counters, seconds) => counters?.handshakeDone(seconds),
  },
];

for (const { name, bounds, listeners, counted, count } of HISTOGRAMS) {
  Deno.test(`${name} is cumulative, its +Inf bucket is its count, and its sum is the time`, async () => {
    const bench = new AdminBench();
    const times = [0.0004, 0.002, 0.002, 0.03, 4, 99];
    for (const seconds of times) count(bench.boards.listener(counted), seconds);
    const samples = (await scrape(bench)).get(name)?.samples ?? [];
    assert.deepEqual([...new Set(samples.map(({ labels }) => labels["listener"]))], listeners);
    for (const listener of listeners) {
      const mine = samples.filter(({ labels }) => labels["listener"] === listener);
      const buckets = mine.filter(({ name }) => name.endsWith("_bucket"));
      assert.deepEqual(buckets.map(({ labels }) => labels["le"]), [...bounds.map(String), "+Inf"]);
      const given = listener === counted ? times : [];
      for (const { labels, value } of buckets) {
        const bound = labels["le"] === "+Inf" ? Infinity : Number(labels["le"]);
        assert.equal(value, given.filter((seconds) => seconds <= bound).length, `le ${labels["le"]}`);
      }
      assert.equal(mine.find(({ name }) => name.endsWith("_count"))?.value, given.length);
      const sum = mine.find(({ name }) => name.endsWith("_sum"))?.value ?? NaN;
      assert.ok(Math.abs(sum - given.reduce((total, seconds) => total + seconds, 0)) < 1e-5);
    }
  });
}

Deno.test("GET /metrics counts failed handshakes by reason, of TCP_SSL listeners only", async () => {
  const bench = new AdminBench();
  bench.boards.listener("safe")?.handshakeFailed("expired");
  const samples = (await scrape(bench)).get("weir_tls_handshake_failures_total")?.samples;
  const expected = HANDSHAKE_FAILURES.map((reason) => [{ listener: "safe", reason }, reason === "expired" ? 1 : 0]);
  assert.deepEqual(samples?.map(({ labels, value }) => [labels, value]), expected);
});

Deno.test("GET /metrics tells when certificates expire, by the first of the chain that does", async () => {
  const bench = new AdminBench();
  const www = bench.model.certificates.get("www");
  assert.ok(www !== undefined);
  const [own] = www.chain;
  const name = "weir_certificate_not_after_timestamp_seconds";
  const labels = { kind: "certificate", certificate: "www" };
  assert.equal(valueOf(await scrape(bench), name, labels), Date.parse(own.validTo) / 1000);
  const chain = [own, { ...own, validTo: "2026-01-01T00:00:00.000Z" }] as const;
  bench.view = { model: { ...bench.model, certificates: new Map([["www", { ...www, chain }]]) } };
  assert.equal(valueOf(await scrape(bench), name, labels), Date.UTC(2026, 0, 1) / 1000);
});

Deno.test("GET /metrics escapes quotes, backslashes and line feeds in labels", async () => {
  const bench = new AdminBench();
  const version = 'a"b\\c\nd\\n';
  bench.view = { version, lastReload: { ok: false, at: "", trigger: "api", error: "" } };
  const families = await scrape(bench);
  assert.equal(families.get("weir_build_info")?.samples[0]?.labels["version"], version);
  assert.equal(valueOf(families, "weir_config_last_reload_successful", {}), 0);
  assert.equal((await scrapeOpenMetrics(bench)).get("weir_build")?.samples[0]?.labels["version"], version);
});

Deno.test("GET /metrics has what the process takes", async () => {
  const families = await scrape(new AdminBench());
  const cpu = valueOf(families, "process_cpu_seconds_total", {}) ?? 0;
  assert.ok(cpu > 0 && cpu < 1e5, `${cpu} s`);
  assert.ok((valueOf(families, "process_resident_memory_bytes", {}) ?? 0) > 1e6);
  assert.equal(valueOf(families, "process_start_time_seconds", {}), Date.UTC(2026, 10, 20, 12) / 1000);
});

Deno.test("weir_connection_duration_seconds counts the connections that were let in", async () => {
  const bench = new AdminBench();
  for (const seconds of [0.02, 7200, 1e6]) bench.boards.listener("front")?.lasted(seconds);
  const samples = (await scrape(bench)).get("weir_connection_duration_seconds")?.samples ?? [];
  const mine = samples.filter(({ labels }) => labels["listener"] === "front");
  const bucket = (le: string) => mine.find(({ labels }) => labels["le"] === le)?.value;
  assert.deepEqual([bucket("0.01"), bucket("0.05"), bucket("21600"), bucket("+Inf")], [0, 1, 2, 3]);
  assert.equal(mine.length, DURATION_BUCKETS.length + 3);
  assert.equal(mine.find(({ name }) => name.endsWith("_sum"))?.value, 1_007_200.02);
});

Deno.test("OpenMetrics says the same as the text format, family by family and number by number", async () => {
  const bench = new AdminBench();
  bench.boards.listener("front")?.connected(0.3);
  bench.boards.listener("safe")?.handshakeDone(3);
  const text = await scrape(bench);
  const open = await scrapeOpenMetrics(bench);
  const suffix: Readonly<Record<string, string>> = { counter: "_total", info: "_info" };
  assert.deepEqual(
    [...open.values()].map(({ name, type }) => [name + (suffix[type] ?? ""), type === "info" ? "gauge" : type]),
    [...text.values()].map(({ name, type }) => [name, type]),
  );
  for (const family of open.values()) {
    if (/^(process|weir_main_thread)_/.test(family.name)) continue;
    const same = text.get(family.name + (suffix[family.type] ?? ""));
    const plain = ({ le, ...labels }: Readonly<Record<string, string>>) =>
      le === undefined ? labels : { ...labels, le: Number(le) };
    const numbers = (samples: Family["samples"]) =>
      samples.map(({ name, labels, value }) => [name, plain(labels), value]);
    assert.deepEqual(numbers(family.samples), numbers(same?.samples ?? []), family.name);
    assert.equal(family.help, same?.help);
    const unit = /_(seconds|bytes)$/.exec(family.name)?.[1];
    assert.equal(family.unit, unit, `${family.name} names its unit`);
  }
});
