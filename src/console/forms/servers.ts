/**
 * Rows of servers in a form. Pure.
 *
 * @module
 */

import { isMapping } from "../../config/entries.ts";
import { type Draft, numberIn, textOf, typed } from "./draft.ts";

/** A row as it is typed. */
export interface ServerRow {
  readonly address: string;
  /** One port, several, or a range. */
  readonly port: string;
  readonly weight: string;
  readonly backup: boolean;
}

/** A row in which nothing is typed. */
export const EMPTY_ROW: ServerRow = { address: "", port: "", weight: "10", backup: false };

/** Rows at most: more servers than that are better written into the file. */
export const MOST_ROWS = 500;

/** The rows of a draft. */
export function rowsIn(draft: Draft, prefix: string): ServerRow[] {
  const count = Math.min(MOST_ROWS, Number(typed(draft, `${prefix}count`, "0")) || 0);
  return Array.from({ length: count }, (_, index) => {
    const name = `${prefix}${index}.`;
    return {
      address: typed(draft, `${name}address`).trim(),
      port: typed(draft, `${name}port`).trim(),
      weight: typed(draft, `${name}weight`, EMPTY_ROW.weight).trim(),
      backup: typed(draft, `${name}backup`) === "true",
    };
  });
}

/** The texts of rows, as a form sends them. */
export function textsOfRows(rows: readonly ServerRow[], prefix: string): [string, string[]][] {
  return [
    [`${prefix}count`, [String(rows.length)]],
    ...rows.flatMap(({ address, port, weight, backup }, index): [string, string[]][] => [
      [`${prefix}${index}.address`, [address]],
      [`${prefix}${index}.port`, [port]],
      [`${prefix}${index}.weight`, [weight]],
      [`${prefix}${index}.backup`, backup ? ["true"] : []],
    ]),
  ];
}

/** The rows of a list of servers in the configuration. */
export function rowsOf(servers: unknown): ServerRow[] {
  if (!Array.isArray(servers)) return [];
  return servers.map((server: unknown) => {
    const { address, port, ports, weight, backup } = isMapping(server) ? server : {};
    return {
      address: textOf(address),
      port: ports === undefined ? textOf(port) : Array.isArray(ports) ? ports.map(textOf).join(", ") : mapped(ports),
      weight: weight === undefined ? EMPTY_ROW.weight : textOf(weight),
      backup: backup === true,
    };
  });
}

/** Ports that stand for the listener's ports are told from several ports of one server by a range in them. */
function mapped(ports: unknown): string {
  const text = textOf(ports);
  return text.includes("-") ? text : text.replace(/^\s*(\d+)/, "$1-$1");
}

/** Whether anything is typed in a row. */
export function isFilled({ address, port }: ServerRow): boolean {
  return address !== "" || port !== "";
}

/**
 * The rows as a list of servers.
 *
 * @param before the list that is changed: what a row says as before stays as it was written
 * @returns the servers, and for each the row that it comes from
 */
export function serversFrom(rows: readonly ServerRow[], before: unknown = []): {
  readonly servers: unknown[];
  readonly rowOf: readonly number[];
} {
  const old: readonly unknown[] = Array.isArray(before) ? before : [];
  const known = new Map(rowsOf(old).map((row, index) => [JSON.stringify(row), old[index]]));
  const filled = rows.map((row, index) => ({ row, index })).filter(({ row }) => isFilled(row));
  return {
    servers: filled.map(({ row }) => known.get(JSON.stringify(row)) ?? serverFrom(row)),
    rowOf: filled.map(({ index }) => index),
  };
}

function serverFrom({ address, port, weight, backup }: ServerRow): Record<string, unknown> {
  return {
    address,
    ...portsFrom(port),
    ...(weight === "" || weight === EMPTY_ROW.weight ? {} : { weight: numberIn(weight) }),
    ...(backup ? { backup } : {}),
  };
}

function portsFrom(text: string): Record<string, unknown> {
  if (text === "") return {};
  if (text.includes("-") && /^[\d\s,-]+$/.test(text) && !/^-/.test(text)) return { ports: text.replaceAll(/\s/g, "") };
  if (text.includes(",")) return { ports: text.split(",").map((port) => numberIn(port.trim())) };
  return { port: numberIn(text) };
}
