/**
 * Results as Markdown tables, for the terminal, the README and docs/performance.md. Pure.
 *
 * @module
 */

import type { Cell, Ratios, Results, Row } from "./results.ts";
import { shortNumber, type Spread } from "./statistics.ts";
import type { ThreadResults } from "./threads.ts";

type Cells = readonly string[];

/** Lines of a Markdown table. */
export function markdownTable(heading: Cells, rows: readonly Cells[]): string {
  const line = (cells: Cells) => `| ${cells.join(" | ")} |`;
  return [line(heading), line(heading.map(() => "---")), ...rows.map(line)].join("\n");
}

/** What the proxies cost, with Weir's ratio to both. */
export function costTable({ rows }: Pick<Results, "rows">): string {
  const others = ["haproxy", "nginx"] as const;
  return markdownTable(
    ["work", "unit", "Weir", "HAProxy", "nginx", "to HAProxy", "to nginx", "**to the better**"],
    rows.flatMap((row) =>
      ownLanes(row).map((lane) => [
        titleOf(row, lane),
        row.unit,
        costOf(cellAt(row, lane)),
        ...others.map((other) => costOf(cellAt(row, other))),
        ...ratioCells(row.ratios[lane]),
      ])
    ),
  );
}

/** What comes through, and how long a request takes; latencies with a proxy are what it adds to the way without one. */
export function speedTable({ rows }: Pick<Results, "rows">): string {
  const timed = rows.filter((row) => row.cells.some(({ perSecond }) => perSecond !== null));
  return markdownTable(
    ["work", "", "Weir", "HAProxy", "nginx", "no proxy"],
    timed.flatMap((row) => {
      const isBulk = row.unit === "s/GB";
      const direct = cellAt(row, "direct");
      return ownLanes(row).flatMap((lane) => {
        const cells = [lane, "haproxy", "nginx", "direct"].map((name) => cellAt(row, name));
        const line = (what: string, show: (cell: Cell) => string) => [
          titleOf(row, lane),
          what,
          ...cells.map((cell) => cell === undefined ? "" : `${show(cell)}${failed(cell)}`),
        ];
        const added = (pick: (cell: Cell) => Spread | null) => (cell: Cell) => {
          const own = pick(cell)?.median;
          const base = direct === undefined ? undefined : pick(direct)?.median;
          if (own === undefined) return "";
          return base === undefined || cell === direct
            ? microseconds(own)
            : `${own < base ? "" : "+"}${microseconds(own - base)}`;
        };
        return [
          line(isBulk ? "GB a second" : "a second", ({ perSecond }) => {
            const value = perSecond?.median ?? NaN;
            return isBulk ? (value / 1e9).toFixed(2) : shortNumber(value);
          }),
          ...(typeof cells[0]?.p50?.median !== "number"
            ? []
            : [line("p50", added(({ p50 }) => p50)), line("p99", added(({ p99 }) => p99))]),
        ];
      });
    }),
  );
}

/** The table of the README: ratios only. */
export function ratioTable({ rows }: Pick<Results, "rows">): string {
  return markdownTable(
    ["CPU time (memory for idle connections)", "Weir", "HAProxy", "nginx", "Weir to the better"],
    rows.flatMap((row) =>
      ownLanes(row).map((lane) => [
        titleOf(row, lane),
        `${shortNumber(cellAt(row, lane)?.cost?.median ?? NaN)} ${row.unit}${failed(cellAt(row, lane))}`,
        ...["haproxy", "nginx"].map((name) => shortNumber(cellAt(row, name)?.cost?.median ?? NaN)),
        `**${ratio(row.ratios[lane]?.better ?? null)}**`,
      ])
    ),
  );
}

/** What mutual authentication costs beside one-way TLS with the same client. */
export function mutualTable({ rows }: Pick<Results, "rows">): string {
  const mutual = rows.filter((row) => cellAt(row, "weir one-way") !== undefined);
  return markdownTable(
    ["work", "unit", "one-way", "mutual", "ratio"],
    mutual.map((row) => {
      const [oneWay, own] = [cellAt(row, "weir one-way"), cellAt(row, "weir")];
      return [
        row.title.replace("mutual TLS, ", ""),
        row.unit,
        costOf(oneWay),
        costOf(own),
        ratio((own?.cost?.median ?? NaN) / (oneWay?.cost?.median ?? NaN)),
      ];
    }),
  );
}

/** One thread against two. */
export function threadTable({ rows }: ThreadResults): string {
  return markdownTable(
    [
      "work",
      "program",
      "a second, 1 thread",
      "2 threads",
      "more",
      "CPU each, 1 thread",
      "2 threads",
      "processors busy",
    ],
    rows.flatMap(({ title, cells }) =>
      ["weir", "haproxy"].flatMap((program) => {
        const [one, two] = [1, 2].map((count) => cells.find(({ lane }) => lane === `${program} ${count}`));
        if (one === undefined || two === undefined) return [];
        const speeds = [one, two].map(({ perSecond }) => perSecond?.median ?? NaN);
        return [[
          title,
          program === "weir" ? "Weir" : "HAProxy",
          `${shortNumber(speeds[0] ?? NaN)}${failed(one)}`,
          `${shortNumber(speeds[1] ?? NaN)}${failed(two)}`,
          ratio((speeds[1] ?? NaN) / (speeds[0] ?? NaN)),
          `${costOf(one)} us`,
          `${costOf(two)} us`,
          `${(one.busy?.median ?? NaN).toFixed(2)}, ${(two.busy?.median ?? NaN).toFixed(2)}`,
        ]];
      })
    ),
  );
}

/** How evenly two threads share work. */
export function fairnessTable({ fairness }: ThreadResults): string {
  return markdownTable(
    ["what two threads share", "one", "the other", "from the mean"],
    fairness.map(({ what, shares, worst }) => [
      what,
      ...[0, 1].map((place) => shortNumber(shares[place] ?? NaN)),
      `${(worst * 100).toFixed(0)} %`,
    ]),
  );
}

/** Everything that went wrong, one line each. */
export function failures({ rows, threads }: Pick<Results, "rows" | "threads">): string[] {
  const all = [...rows, ...threads?.rows ?? []];
  return all.flatMap(({ title, cells }) =>
    cells.filter(({ errors }) => errors > 0).map(({ lane, errors }) => `${title}, ${lane}: ${errors} failed`)
  );
}

/** Weir's columns of a row, that with the same client over one-way TLS left out. */
function ownLanes(row: Row): string[] {
  return row.cells.filter(({ program, lane }) => program === "weir" && lane !== "weir one-way").map(({ lane }) => lane);
}

function titleOf({ title }: Row, lane: string): string {
  return lane === "weir fast" ? title.replace("TLS,", "TLS, engine fast,") : title;
}

function cellAt({ cells }: Row, lane: string): Cell | undefined {
  return cells.find((cell) => cell.lane === lane);
}

function costOf(cell: Cell | undefined): string {
  if (cell === undefined || cell.cost === null) return `-${failed(cell)}`;
  const { median, lowest, highest } = cell.cost;
  return `${shortNumber(median)} (${shortNumber(lowest)}-${shortNumber(highest)})${failed(cell)}`;
}

/** Whatever a cell says, requests that failed stand beside it. */
function failed(cell: Cell | undefined): string {
  return cell === undefined || cell.errors === 0 ? "" : ` **${cell.errors} failed**`;
}

function ratioCells(ratios: Ratios | undefined): string[] {
  return [ratio(ratios?.haproxy ?? null), ratio(ratios?.nginx ?? null), `**${ratio(ratios?.better ?? null)}**`];
}

function ratio(value: number | null): string {
  return value === null || !Number.isFinite(value) ? "-" : value.toFixed(2);
}

function microseconds(value: number): string {
  return Math.abs(value) < 1000 ? `${Math.round(value)} us` : `${(value / 1000).toFixed(1)} ms`;
}
