/** The pictures of docs/scheduling-and-health.md, drawn by what they are of. @module */

import assert from "node:assert/strict";
import { afterResult, UNKNOWN } from "../../../src/health/threshold.ts";
import { warmPercent } from "../../../src/upstream/slow_start.ts";
import { hashText, sourceHash } from "../../../src/upstream/source_hash.ts";
import { weightedLeastConnections } from "../../../src/upstream/weighted_least_connections.ts";
import { weightedRoundRobin } from "../../../src/upstream/weighted_round_robin.ts";
import { shown } from "../../support/documentation.ts";

interface Drawn {
  readonly name: string;
  readonly weight: number;
  readonly hash: number;
  turn: number;
  active: number;
}

function servers(weights: readonly number[]): Drawn[] {
  return weights.map((weight, index) => ({
    name: "abc"[index] ?? "",
    weight,
    hash: hashText(`10.0.0.1${index + 1}:80`),
    turn: 0,
    active: 0,
  }));
}

/** Lines without what nobody sees at their ends. */
const lines = (all: readonly string[]) => all.map((line) => `${line.trimEnd()}\n`).join("");

const right = (value: number | string, width: number) => String(value).padStart(width);

Deno.test("smooth weighted round robin is drawn as it is", () => {
  const all = servers([5, 1, 1]);
  const picks = Array.from({ length: 14 }, () => weightedRoundRobin(all)?.name);
  const row = (label: string, cells: readonly string[]) =>
    label.padEnd(13) + cells.map((cell) => right(cell, 3)).join("");
  const picture = lines([
    row("connection", picks.map((_, index) => String(index + 1))),
    ...all.map(({ name, weight }) => row(`${name}, weight ${weight}`, picks.map((pick) => pick === name ? name : ""))),
  ]);
  assert.equal(shown("docs/scheduling-and-health.md", "connection "), picture);
});

Deno.test("weighted least connections is drawn as it is", () => {
  const all = servers([10, 5, 5]);
  [8, 3, 5].forEach((active, index) => all[index] && (all[index].active = active));
  const next = weightedLeastConnections(all);
  const picture = lines([
    "server  weight  open             open / weight",
    ...all.map((server) => {
      const { name, weight, active } = server;
      const bar = "█".repeat(active).padEnd(10);
      const mark = server === next ? "  ◀ the next connection" : "";
      return `${name.padEnd(6)}  ${right(weight, 6)}  ${right(active, 4)} ${bar}  ${
        right((active / weight).toFixed(1), 13)
      }${mark}`;
    }),
  ]);
  assert.equal(shown("docs/scheduling-and-health.md", "server  weight  open"), picture);
});

Deno.test("source hash is drawn as it is", () => {
  const all = servers([10, 10, 10]);
  const clients = Array.from({ length: 6 }, (_, index) => `192.0.2.${index + 1}`);
  const row = (label: string, cells: readonly string[]) =>
    label.padEnd(22) + cells.map((cell) => right(cell, 11)).join("");
  const of = (some: readonly Drawn[]) => clients.map((client) => sourceHash(some, client)?.name ?? "");
  const picture = lines([
    row("client", clients),
    row("a, b and c there", of(all)),
    row("b is Abnormal", of(all.filter(({ name }) => name !== "b"))),
    row("b is Healthy again", of(all)),
  ]);
  assert.equal(shown("docs/scheduling-and-health.md", "client "), picture);
});

Deno.test("slow start is drawn as it is", () => {
  const start = 1_000_000_000_000;
  const picture = lines([0, 10, 20, 30, 40, 50, 60].map((seconds) => {
    const percent = warmPercent(start, start + seconds * 1000, 60);
    return `${right(seconds, 2)} s  ${right(percent, 3)} %  ${"█".repeat(Math.round(percent / 2.5))}`;
  }));
  assert.equal(shown("docs/scheduling-and-health.md", " 0 s "), picture);
});

Deno.test("health is drawn as it is", () => {
  const thresholds = { unhealthyThreshold: 3, healthyThreshold: 3 };
  const probes = "oooxxoxxxxooxooo";
  const states: string[] = [];
  let status = UNKNOWN;
  for (const probe of probes) {
    status = afterResult(status, probe === "o", thresholds);
    states.push(status.state);
  }
  const starts = states.map((state, index) => state === states[index - 1] ? "" : state);
  let row = "";
  starts.forEach((state, index) => row = state === "" ? row : row.padEnd(index * 3) + state);
  const picture = lines([
    `probe   ${[...probes].map((probe) => `${probe}  `).join("")}`,
    `state   ${row}`,
    `takes   ${states.map((state) => state === "Abnormal" ? "-  " : "✓  ").join("")}`,
  ]);
  assert.equal(shown("docs/scheduling-and-health.md", "probe "), picture);
});
