/**
 * One picture of `weir top`: lines that fit a terminal. Pure.
 *
 * @module
 */

import { formatEndpoint } from "../../net/ip.ts";
import { type colour, formatBytes, formatDuration } from "../output.ts";
import { type Column, layOut, shorten } from "./layout.ts";
import type { ListenerRates, Look, Rates, ServerRates, TopRates } from "./rates.ts";

/** The room there is, in characters; without it as much as is needed. */
export interface FrameSize {
  readonly columns: number;
  readonly rows: number;
}

/** What a picture is made of. */
export interface FrameContent {
  readonly look: Look;
  readonly rates: TopRates;
  /** The second line: what can be done, or what is wrong. */
  readonly note: { readonly text: string; readonly isError: boolean };
  readonly paint: typeof colour;
}

const ENDLESS: FrameSize = { columns: Infinity, rows: Infinity };

/** Lines around the rows: head, note, blank, heading, blank, heading. */
const FIXED_LINES = 6;

const RATE_COLUMNS: readonly Column<Rates & { readonly active: number }>[] = [
  { title: "ACTIVE", cell: ({ active }) => String(active), right: true },
  { title: "NEW/S", cell: ({ newConnections }) => formatRate(newConnections), right: true },
  { title: "IN/S", cell: ({ bytesIn }) => formatByteRate(bytesIn), right: true },
  { title: "OUT/S", cell: ({ bytesOut }) => formatByteRate(bytesOut), right: true },
];

const LISTENER_COLUMNS: readonly Column<ListenerRates>[] = [
  { title: "LISTENER", cell: ({ listener }) => listener, shrinks: true },
  { title: "PROTOCOL", cell: ({ protocol }) => protocol, dispensable: 3 },
  { title: "ADDRESS", cell: ({ address, port }) => formatEndpoint(address, port), dispensable: 2, shrinks: true },
  { title: "STATE", cell: ({ state }) => state, dispensable: 1 },
  { title: "UP", cell: ({ serversUp, servers }) => `${serversUp}/${servers}`, right: true },
  ...RATE_COLUMNS,
];

const SERVER_COLUMNS: readonly Column<ServerRates>[] = [
  { title: "LISTENER", cell: ({ listener }) => listener, dispensable: 2, shrinks: true },
  { title: "SERVER", cell: ({ server }) => server, shrinks: true },
  { title: "HEALTH", cell: healthOf },
  { title: "WEIGHT", cell: weightOf, right: true, dispensable: 1 },
  ...RATE_COLUMNS,
];

/** Draws it. */
export function drawFrame({ look, rates, note, paint }: FrameContent, size: FrameSize = ENDLESS): string[] {
  const { columns, rows } = size;
  const room = sharesOf(rows - FIXED_LINES, rates.listeners.length, rates.servers.length);
  const listeners = tableOf(
    LISTENER_COLUMNS,
    rates.listeners,
    { columns, rows: room.first },
    (row) => row.state === "accepting" ? undefined : "yellow",
  );
  const servers = tableOf(SERVER_COLUMNS, rates.servers, { columns, rows: room.second }, (row) => {
    if (row.health === "Abnormal") return "red";
    return row.draining ? "yellow" : undefined;
  });
  const bold = ([heading = "", ...others]: readonly string[]) => [paint("bold", heading), ...others];
  const lines = [
    paint("bold", shorten(headOf(look, rates), columns)),
    paint(note.isError ? "red" : "dim", shorten(note.text.replace(/\p{Cc}+/gu, " "), columns)),
    "",
    ...bold(listeners),
    "",
    ...bold(servers),
  ];
  return lines.slice(0, rows);

  function tableOf<Row>(
    columns: readonly Column<Row>[],
    all: readonly Row[],
    room: FrameSize,
    colourOf: (row: Row) => Parameters<typeof colour>[0] | undefined,
  ): string[] {
    // The last line that there is room for says how many more there are.
    const shown = all.length <= room.rows ? all : all.slice(0, Math.max(0, room.rows - 1));
    const [heading = "", ...texts] = layOut(columns, shown, room.columns);
    const painted = texts.map((text, index) => {
      const row = shown[index];
      const name = row === undefined ? undefined : colourOf(row);
      return name === undefined ? text : paint(name, text);
    });
    const more = shown.length === all.length ? [] : [shorten(`… ${all.length - shown.length} more`, room.columns)];
    return [heading, ...painted, ...more];
  }
}

function headOf({ status }: Look, { total }: TopRates): string {
  return [
    `Weir ${status.version}, up ${formatDuration(status.uptimeSeconds)}, ${status.ready ? "ready" : "not ready"}`,
    `${total.active} active`,
    `${formatRate(total.newConnections)} new/s`,
    `${formatByteRate(total.bytesIn)}/s in`,
    `${formatByteRate(total.bytesOut)}/s out`,
  ].join("  ");
}

/** Two tables share the room: each has half of it, and what the other does not need. */
function sharesOf(room: number, first: number, second: number): { readonly first: number; readonly second: number } {
  const half = Math.ceil(room / 2);
  const firstGets = Math.max(0, Math.min(first, Math.max(half, room - second)));
  return { first: firstGets, second: Math.max(0, room - firstGets) };
}

function healthOf({ health, draining, backup }: ServerRates): string {
  return [health, ...(draining ? ["draining"] : []), ...(backup ? ["backup"] : [])].join(", ");
}

/** A server that warms up shows what it has of its weight: `2.8/10`. */
function weightOf({ weight, effectiveWeight }: ServerRates): string {
  return effectiveWeight < weight ? `${effectiveWeight.toFixed(1)}/${weight}` : String(weight);
}

/** `0.4`, `12.0`, `1234` */
export function formatRate(rate: number | null): string {
  if (rate === null) return "-";
  return rate < 999.95 ? rate.toFixed(1) : Math.round(rate).toString();
}

function formatByteRate(rate: number | null): string {
  return rate === null ? "-" : formatBytes(Math.round(rate));
}
