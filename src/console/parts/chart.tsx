/**
 * Small charts of the last minutes.
 *
 * @module
 */

import type { Live } from "../live.ts";
import { LOOK_MS, LOOKS } from "../rate_history.ts";
import { areaPath, type ChartSize, linePath, roundMaximum, thinned } from "./chart_lines.ts";
import { LiveText } from "./live_text.tsx";

/** One line of a chart. */
export interface ChartLine {
  readonly title: string;
  readonly values: readonly number[];
}

/** What a chart shows. */
export interface ChartProps {
  readonly live: Live;
  /** Unique on the page. */
  readonly id: string;
  readonly title: string;
  /** One or two. */
  readonly lines: readonly ChartLine[];
  /** How a value is written. */
  readonly format: (value: number) => string;
}

const SIZE: ChartSize = { width: 600, height: 120, slots: LOOKS };
const MINUTES = LOOK_MS * LOOKS / 60_000;

/** A chart with its newest values, its scale and its time. */
export function Chart({ live, id, title, lines, format }: ChartProps) {
  const maximum = roundMaximum(lines.flatMap((line) => line.values));
  const { width, height } = SIZE;
  return (
    <figure class="chart card">
      <figcaption id={`${id}-title`}>
        <span class="chart-title">{title}</span>
        {lines.map((line, index) => (
          <span class={`chart-now line-${index + 1}`}>
            {lines.length > 1 && <span class="chart-key">{line.title}</span>}
            <LiveText live={live} name={`${id}.${index}.now`} text={format(line.values.at(-1) ?? 0)} />
          </span>
        ))}
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-labelledby={`${id}-title`}
        aria-describedby={`${id}-scale`}
        focusable="false"
      >
        <path class="grid" d={`M0 ${height / 2}H${width}M0 0.5H${width}M0 ${height - 0.5}H${width}`} />
        {lines.length === 1 &&
          (
            <path
              class="area"
              data-live={`${id}.area`}
              data-live-attribute="d"
              d={live.put(`${id}.area`, areaPath(lines[0]?.values ?? [], maximum, SIZE))}
            />
          )}
        {lines.map(({ values }, index) => (
          <path
            class={`line line-${index + 1}`}
            data-live={`${id}.${index}.line`}
            data-live-attribute="d"
            d={live.put(`${id}.${index}.line`, linePath(values, maximum, SIZE))}
          />
        ))}
      </svg>
      <p class="chart-scale" id={`${id}-scale`}>
        <span>{MINUTES} minutes ago</span>
        <span>
          scale to <LiveText live={live} name={`${id}.max`} text={format(maximum)} />
        </span>
        <span>now</span>
      </p>
    </figure>
  );
}

const SPARK_STEP = 3;
const SPARK_SIZE: ChartSize = { width: 100, height: 24, slots: LOOKS / SPARK_STEP };

/** A line in a table, beside the number that it ends in. */
export function Sparkline({ live, id, values }: Pick<ChartProps, "live" | "id"> & Pick<ChartLine, "values">) {
  const { width, height } = SPARK_SIZE;
  const shown = thinned(values, SPARK_STEP);
  const path = linePath(shown, roundMaximum(shown), SPARK_SIZE);
  return (
    <svg class="spark" viewBox={`0 -1 ${width} ${height + 2}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="line line-1" data-live={id} data-live-attribute="d" d={live.put(id, path)} />
    </svg>
  );
}
