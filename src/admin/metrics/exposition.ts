/**
 * Metrics as text: the Prometheus text format 0.0.4, and OpenMetrics 1.0. Pure.
 *
 * @module
 */

/** How metrics are written. */
export type MetricsFormat = "text" | "openmetrics";

/** The content type of each format. */
export const CONTENT_TYPES: Readonly<Record<MetricsFormat, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** Names and values beside a metric's name. */
export type Labels = Readonly<Record<string, string>>;

/** A number of a counter or gauge. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** A histogram under one set of labels. */
export interface HistogramSample {
  readonly labels: Labels;
  /** Upper bounds of the buckets but the last. */
  readonly bounds: readonly number[];
  /** How many fell into each bucket. */
  readonly buckets: readonly number[];
  readonly sum: number;
}

interface FamilyHead {
  /** Without the suffix that its type demands: `_total` of counters, `_info` of infos. */
  readonly name: string;
  /** What it is about, in one sentence without quotes and backslashes. */
  readonly help: string;
  /** What it is counted in; the name ends with it. */
  readonly unit?: "bytes" | "seconds";
}

/** A metric with all its samples. An info is a gauge of 1 whose labels are what matters. */
export type MetricFamily =
  & FamilyHead
  & (
    | { readonly type: "counter" | "gauge" | "info"; readonly samples: readonly Sample[] }
    | { readonly type: "histogram"; readonly samples: readonly HistogramSample[] }
  );

/** Writes metrics down. */
export function renderFamilies(families: readonly MetricFamily[], format: MetricsFormat): string {
  const text = families.map((family) => head(family, format) + samplesOf(family, format).join("")).join("");
  return format === "openmetrics" ? `${text}# EOF\n` : text;
}

function head({ name, help, type, unit }: MetricFamily, format: MetricsFormat): string {
  if (format === "text") {
    // This format has no infos, and calls a counter by its samples' name.
    const full = name + suffixOf(type);
    return `# HELP ${full} ${help}\n# TYPE ${full} ${type === "info" ? "gauge" : type}\n`;
  }
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${unit === undefined ? "" : `# UNIT ${name} ${unit}\n`}`;
}

function suffixOf(type: MetricFamily["type"]): string {
  return type === "counter" ? "_total" : type === "info" ? "_info" : "";
}

function samplesOf(family: MetricFamily, format: MetricsFormat): string[] {
  const { name, type } = family;
  if (type !== "histogram") {
    return family.samples.map(({ labels, value }) => line(name + suffixOf(type), labels, value));
  }
  return family.samples.flatMap(({ labels, bounds, buckets, sum }) => {
    let seen = 0;
    const lines = buckets.map((value, index) => {
      seen += value;
      return line(`${name}_bucket`, { ...labels, le: renderBound(bounds[index] ?? Infinity, format) }, seen);
    });
    return [...lines, line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, seen)];
  });
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${text.replace(/[\\"\n]/g, escapeLabel)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
}

/** Bounds are labels, so the one way to write each matters: OpenMetrics wants a point in every number. */
function renderBound(bound: number, format: MetricsFormat): string {
  if (bound === Infinity) return "+Inf";
  return format === "openmetrics" && Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function escapeLabel(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}
