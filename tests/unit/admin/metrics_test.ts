/** The metrics, read by a small and strict parser of the Prometheus text format. @module */

import assert from "node:assert/strict";
import type { ListenerCounters } from "../../../src/board/board.ts";
import { renderMetrics } from "../../../src/admin/prometheus.ts";
import { CONNECT_BUCKETS, HANDSHAKE_BUCKETS } from "../../../src/board/layout.ts";
import { END_REASONS } from "../../../src/end_reason.ts";
import { HANDSHAKE_FAILURES } from "../../../src/net/tls/handshake_failure.ts";
import { AdminBench } from "./bench.ts";

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly type: string;
  readonly samples: Sample[];
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[+-]Inf|NaN)$/;

/** Fails on anything that the text format 0.0.4 does not allow. */
function parse(text: string): Map<string, Family> {
  assert.ok(text.endsWith("\n"), "ends with a line feed");
  const families = new Map<string, Family>();
  let current: Family | undefined;
  let helped: string | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    const help = /^# HELP (\S+) (\S.*)$/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (help !== null) {
      helped = help[1];
    } else if (type !== null) {
      const name = type[1] ?? "";
      assert.equal(name, helped, "HELP comes right before TYPE");
      assert.equal(families.has(name), false, `${name} comes twice`);
      current = { name, type: type[2] ?? "", samples: [] };
      families.set(name, current);
    } else {
      const sample = SAMPLE.exec(line);
      assert.ok(sample !== null && current !== undefined, `not a sample: ${line}`);
      const suffixes = current.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      assert.ok(suffixes.some((suffix) => sample[1] === current?.name + suffix), `${line} is not of ${current.name}`);
      current.samples.push({ name: sample[1] ?? "", labels: labelsOf(sample[2] ?? ""), value: Number(sample[3]) });
    }
  }
  return families;
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== "") {
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest);
    assert.ok(match !== null, `not labels: ${rest}`);
    const name = match[1] ?? "";
    assert.equal(name in labels, false, `label ${name} comes twice`);
    labels[name] = (match[2] ?? "").replace(/\\(.)/g, (_, escaped: string) => escaped === "n" ? "\n" : escaped);
    rest = rest.slice(match[0].length);
  }
  return labels;
}

function valueOf(families: Map<string, Family>, name: string, labels: Record<string, string>): number | undefined {
  return families.get(name)?.samples.find((sample) =>
    Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
  )?.value;
}

async function scrape(bench: AdminBench): Promise<Map<string, Family>> {
  const response = await bench.request("/metrics");
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return parse(await response.text());
}

Deno.test("GET /metrics is text that a strict parser takes, with no series twice", async () => {
  for (const family of (await scrape(new AdminBench())).values()) {
    const series = family.samples.map(({ name, labels }) => name + JSON.stringify(Object.entries(labels).sort()));
    assert.equal(new Set(series).size, series.length, family.name);
    assert.equal(family.type === "counter", family.name.endsWith("_total"), family.name);
  }
});

Deno.test("GET /metrics has the families that DESIGN 1.4 names, by listener and server", async () => {
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
    ["weir_workers", {}, 3],
    ["weir_worker_restarts_total", {}, 1],
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

Deno.test("renderMetrics() escapes quotes, backslashes and line feeds in labels", () => {
  const bench = new AdminBench();
  const version = 'a"b\\c\nd\\n';
  const text = renderMetrics({
    version,
    startedAt: new Date(0),
    takenAt: new Date(1000),
    configFile: "",
    model: { ...bench.model, listeners: new Map() },
    boards: bench.boards,
    lastReload: { ok: false, at: "", trigger: "api", error: "" },
    lastRenewal: undefined,
    workers: { running: 0, restarts: 0 },
    draining: 0,
    ready: true,
    stateOf: () => undefined,
    healthOf: () => ({ probeError: null, lastChange: null }),
  });
  const families = parse(text);
  assert.equal(families.get("weir_build_info")?.samples[0]?.labels["version"], version);
  assert.equal(valueOf(families, "weir_config_last_reload_successful", {}), 0);
});
