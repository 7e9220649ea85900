/**
 * The lines of charts, as SVG paths. Pure.
 *
 * @module
 */

/** The size of a drawing, in its own units; it is stretched to its place. */
export interface ChartSize {
  readonly width: number;
  readonly height: number;
  /** Values that fit in, the newest at the right edge. */
  readonly slots: number;
}

/** The least round number (1, 2 or 5 and zeros) that is not below any value; 1 at least. */
export function roundMaximum(values: readonly number[]): number {
  const most = values.reduce((max, value) => Math.max(max, value), 0);
  if (most <= 1) return 1;
  const unit = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 5, 10].find((factor) => factor * unit >= most) ?? 10) * unit;
}

/** As many values as there are slots, each the mean of those it stands for. */
export function thinned(values: readonly number[], per: number): number[] {
  const groups = Math.ceil(values.length / per);
  return Array.from({ length: groups }, (_, index) => {
    // From the newest backwards, so that the groups stay whole at that end.
    const end = values.length - (groups - 1 - index) * per;
    const group = values.slice(Math.max(0, end - per), end);
    return group.reduce((sum, value) => sum + value, 0) / group.length;
  });
}

/** The line through the values; empty when there is none. */
export function linePath(values: readonly number[], maximum: number, size: ChartSize): string {
  return values.map((value, index) => {
    const x = ((size.slots - values.length + index) / (size.slots - 1)) * size.width;
    const y = size.height - (value / maximum) * size.height;
    return `${index === 0 ? "M" : "L"}${short(x)} ${short(y)}`;
  }).join("");
}

/** The area under that line. */
export function areaPath(values: readonly number[], maximum: number, size: ChartSize): string {
  if (values.length === 0) return "";
  const start = ((size.slots - values.length) / (size.slots - 1)) * size.width;
  return `${linePath(values, maximum, size)}L${size.width} ${size.height}L${short(start)} ${size.height}Z`;
}

function short(value: number): string {
  return String(Math.round(value * 10) / 10);
}
