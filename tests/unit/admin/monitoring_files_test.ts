/** The dashboard and the alert rules name metrics that exist, and promtool finds no fault. @module */

import assert from "node:assert/strict";
import { parse } from "yaml";
import { CONTENT_TYPES } from "../../../src/admin/metrics/exposition.ts";
import { parseText } from "../../support/metrics.ts";
import { peerTest, run } from "../../support/peers.ts";
import { projectPath } from "../../support/program.ts";
import { AdminBench } from "./bench.ts";

const DASHBOARD = projectPath("config/grafana/weir-dashboard.json");
const ALERTS = projectPath("config/prometheus/weir-alerts.yaml");

/** Made by Prometheus itself. */
const OF_PROMETHEUS = ["up"];

const WORDS = new Set(["by", "without", "on", "and", "or", "sum", "min", "max", "count", "rate", "increase"]);
for (const word of ["histogram_quantile", "time", "vector"]) WORDS.add(word);

/** The names of metrics in an expression: identifiers that are no function, keyword or label. */
function metricsIn(expression: string): string[] {
  const bare = expression.replace(/\{[^}]*\}|\[[^\]]*\]/g, " ").replace(/\b(by|without|on) *\([^)]*\)/g, " ");
  return [...bare.matchAll(/[a-zA-Z_][a-zA-Z0-9_]*/g)].map(([name]) => name).filter((name) => !WORDS.has(name));
}

/** Names that a query can use: histograms go by their suffixes. */
async function exposed(): Promise<Set<string>> {
  const families = parseText(await (await new AdminBench().request("/metrics")).text());
  const names = [...families.values()].flatMap(({ name, type }) =>
    type === "histogram" ? ["_bucket", "_sum", "_count"].map((suffix) => name + suffix) : [name]
  );
  return new Set([...names, ...OF_PROMETHEUS]);
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

Deno.test("config/grafana/weir-dashboard.json names only metrics that /metrics has", async () => {
  const { panels, templating } = JSON.parse(await Deno.readTextFile(DASHBOARD)) as {
    panels: readonly Panel[];
    templating: { list: readonly { definition?: string }[] };
  };
  const known = await exposed();
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const variables = templating.list.flatMap(({ definition }) => {
    const metric = /^label_values\((.+), \w+\)$/.exec(definition ?? "")?.[1];
    return metric === undefined ? [] : [metric];
  });
  assert.deepEqual([expressions.length > 20, variables.length], [true, 2]);
  for (const expression of [...expressions, ...variables]) {
    const names = metricsIn(expression);
    assert.ok(names.length > 0, expression);
    for (const name of names) assert.ok(known.has(name), `there is no ${name}: ${expression}`);
  }
});

Deno.test("config/prometheus/weir-alerts.yaml names only metrics that /metrics has", async () => {
  const { groups } = parse(await Deno.readTextFile(ALERTS)) as {
    groups: readonly { rules: readonly { alert: string; expr: string; annotations: { summary: string } }[] }[];
  };
  const known = await exposed();
  const rules = groups.flatMap((group) => group.rules);
  assert.ok(rules.length > 10);
  for (const { alert, expr, annotations } of rules) {
    assert.ok(annotations.summary !== "", alert);
    const names = metricsIn(expr);
    assert.ok(names.length > 0, alert);
    for (const name of names) assert.ok(known.has(name), `there is no ${name}: ${alert}`);
  }
});

peerTest("promtool finds no fault in the alert rules, and they fire when they should", ["promtool"], async (paths) => {
  const checked = await run(paths.promtool, ["check", "rules", "--lint-fatal", ALERTS]);
  assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  const tested = await run(paths.promtool, ["test", "rules", projectPath("tests/prometheus/alerts.yaml")]);
  assert.equal(tested.code, 0, tested.stdout + tested.stderr);
});

peerTest("promtool check metrics finds no fault in /metrics", ["promtool"], async ({ promtool }) => {
  const text = await (await new AdminBench().request("/metrics")).text();
  const process = new Deno.Command(promtool, { args: ["check", "metrics"], stdin: "piped", stderr: "piped" }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stderr } = await process.output();
  assert.deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
});

peerTest("promtool's OpenMetrics parser takes /metrics", ["promtool"], async ({ promtool }) => {
  const response = await new AdminBench().request("/metrics", { headers: { accept: CONTENT_TYPES.openmetrics } });
  // What it reads into blocks has to have times.
  const timed = (await response.text()).replace(/^([^#\n].*)$/gm, "$1 1795179600");
  const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
  try {
    await Deno.writeTextFile(`${folder}/metrics`, timed);
    const args = ["tsdb", "create-blocks-from", "openmetrics", `${folder}/metrics`, `${folder}/blocks`];
    const { code, stdout, stderr } = await run(promtool, args);
    assert.equal(code, 0, stdout + stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
