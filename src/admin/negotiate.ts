/**
 * Which of its formats the client of an API wants, by its Accept header (RFC 9110, 12.5.1). Pure.
 *
 * @module
 */

import type { MetricsFormat } from "./metrics/exposition.ts";

interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** 0 to 1. */
  readonly weight: number;
}

/** The format of metrics for an Accept header: the text format unless OpenMetrics 1.0 is asked for by name. */
export function metricsFormatFor(accept: string | undefined): MetricsFormat {
  const ranges = readAccept(accept);
  const openMetrics = ranges.filter(({ type, parameters }) =>
    type === "application/openmetrics-text" && (parameters.get("version") ?? "1.0.0") === "1.0.0"
  );
  const text = ranges.filter(({ type, parameters }) =>
    ["text/plain", "text/*", "*/*"].includes(type) && (parameters.get("version") ?? "0.0.4") === "0.0.4"
  );
  const wanted = heaviest(openMetrics);
  return wanted > 0 && wanted >= heaviest(text) ? "openmetrics" : "text";
}

/** Whether a stream of server-sent events is asked for by name. */
export function wantsEventStream(accept: string | undefined): boolean {
  const ranges = readAccept(accept);
  const stream = heaviest(ranges.filter(({ type }) => type === "text/event-stream"));
  return stream > 0 && stream >= heaviest(ranges.filter(({ type }) => type === "application/json"));
}

function heaviest(ranges: readonly MediaRange[]): number {
  return Math.max(0, ...ranges.map(({ weight }) => weight));
}

/** No parameter that matters here has a comma or a semicolon in it. */
function readAccept(accept = ""): MediaRange[] {
  return accept.toLowerCase().split(",").map((range) => {
    const [type = "", ...rest] = range.split(";").map((part) => part.trim());
    const parameters = new Map(rest.map((part) => {
      const at = part.indexOf("=");
      const [key, value] = at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
      return [key.trim(), value.trim().replace(/^"(.*)"$/, "$1")] as const;
    }));
    const weight = Number(parameters.get("q") ?? 1);
    return { type, parameters, weight: weight >= 0 && weight <= 1 ? weight : 0 };
  });
}
