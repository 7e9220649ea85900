/**
 * Results as a picture: CPU time for each work, that of the better of HAProxy and nginx being 1. Pure.
 *
 * @module
 */

import type { Results } from "./results.ts";

const WIDTH = 760;
const LEFT = 290;
const RIGHT = 60;
const TOP = 64;
const BAR = 9;
const GROUP = 3 * BAR + 11;

const PROGRAMS = [
  { lane: "weir", name: "Weir" },
  { lane: "haproxy", name: "HAProxy" },
  { lane: "nginx", name: "nginx" },
] as const;

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; font-size: 14px; }
  .value { font-size: 10px; }
  .line { stroke: #8c959f; stroke-dasharray: 3 3; }
  .weir { fill: #0969da; } .haproxy { fill: #afb8c1; } .nginx { fill: #d0d7de; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .weir { fill: #4493f8; } .haproxy { fill: #6e7681; } .nginx { fill: #484f58; }
  }`;

/** An SVG that can be read on light and on dark ground. Rows without another program, and idle ones, are left out. */
export function chart({ rows, at, versions }: Pick<Results, "rows" | "at" | "versions">): string {
  const shown = rows.filter((row) =>
    typeof row.ratios["weir"]?.better === "number" && !/idle|paced|^all-/.test(row.id)
  );
  const groups = shown.map((row) => {
    const costs = PROGRAMS.map(({ lane }) => row.cells.find((cell) => cell.lane === lane)?.cost?.median ?? null);
    const better = Math.min(...costs.slice(1).filter((cost) => cost !== null));
    return { title: row.title, ratios: costs.map((cost) => cost === null ? null : cost / better) };
  });
  const most = Math.max(1, ...groups.flatMap(({ ratios }) => ratios.filter((one) => one !== null)));
  const x = (value: number) => LEFT + value / most * (WIDTH - LEFT - RIGHT);
  const height = TOP + groups.length * GROUP + 30;
  const legend = PROGRAMS.map(({ lane, name }, index) => {
    const left = LEFT + index * 130;
    return `<rect class="${lane}" x="${left}" y="36" width="12" height="12"/><text x="${left + 17}" y="46">${
      text(`${name} ${shortVersion(versions[lane])}`)
    }</text>`;
  });
  const bars = groups.flatMap(({ title, ratios }, index) => {
    const top = TOP + index * GROUP;
    return [
      `<text x="${LEFT - 8}" y="${top + 18}" text-anchor="end">${text(title)}</text>`,
      ...ratios.flatMap((ratio, place) => {
        if (ratio === null) return [];
        const y = top + place * (BAR + 1);
        const { lane } = PROGRAMS[place] ?? PROGRAMS[0];
        return [
          `<rect class="${lane}" x="${LEFT}" y="${y}" width="${(x(ratio) - LEFT).toFixed(1)}" height="${BAR}"/>`,
          `<text class="value" x="${(x(ratio) + 4).toFixed(1)}" y="${y + 8}">${ratio.toFixed(2)}</text>`,
        ];
      }),
    ];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>CPU time of Weir, HAProxy and nginx for the same work</title>
<style>${STYLE}
</style>
<text class="title" x="12" y="22">CPU time for the same work; the better of HAProxy and nginx is 1, less is better</text>
${legend.join("\n")}
${bars.join("\n")}
<line class="line" x1="${x(1).toFixed(1)}" y1="${TOP - 6}" x2="${x(1).toFixed(1)}" y2="${height - 24}"/>
<text class="value" x="12" y="${height - 8}">deno task bench, ${text(at.slice(0, 10))}</text>
</svg>
`;
}

function shortVersion(version = ""): string {
  return /\d+\.\d+\.\d+/.exec(version)?.[0] ?? "";
}

function text(plain: string): string {
  return plain.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
