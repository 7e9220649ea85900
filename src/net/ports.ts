/**
 * Lists of ports: reading and writing them as the configuration does (`"10000-10100,10200"`), and what can be asked of
 * them. The order of a list counts: its n-th port belongs to the n-th port of another list.
 *
 * @module
 */

import { showText } from "../text/show_text.ts";

/** Ports `first` to `last`, both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** The result of reading a port list. */
export type PortListResult =
  | { readonly ok: true; readonly ranges: readonly PortRange[] }
  | { readonly ok: false; readonly reason: string };

/** Reads a list of ports and port ranges; refuses overlaps, reversed ranges and ports outside 1-65535. */
export function parsePortList(text: string): PortListResult {
  const ranges: PortRange[] = [];
  for (const part of text.split(",")) {
    const match = /^\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?\s*$/.exec(part);
    if (match === null) {
      return refuse(`must be ports and port ranges such as "10000-10100,10200", got ${showText(text)}`);
    }
    const range = { first: Number(match[1]), last: Number(match[2] ?? match[1]) };
    if (range.first < 1 || range.last > 65535) {
      return refuse(`must name ports between 1 and 65535, got "${part.trim()}"`);
    }
    if (range.first > range.last) return refuse(`must give the lower port of a range first, got "${part.trim()}"`);
    const clash = ranges.find((other) => range.first <= other.last && other.first <= range.last);
    if (clash !== undefined) {
      return refuse(`must not name a port twice, but "${part.trim()}" overlaps "${formatRange(clash)}"`);
    }
    ranges.push(range);
  }
  return { ok: true, ranges };
}

/** `10000-10100`, or `10200` for a single port. */
export function formatRange(range: PortRange): string {
  return range.first === range.last ? String(range.first) : `${range.first}-${range.last}`;
}

/** `10000-10100,10200`: the opposite of {@link parsePortList}. */
export function formatPorts(ranges: readonly PortRange[]): string {
  return ranges.map(formatRange).join(",");
}

/** The only port of a list; `null` when it holds another number of them. */
export function onlyPort(ranges: readonly PortRange[]): number | null {
  const [first] = ranges;
  return first !== undefined && countPorts(ranges) === 1 ? first.first : null;
}

/** Every port of a list, in its order. */
export function listPorts(ranges: readonly PortRange[]): number[] {
  return ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, index) => first + index));
}

/** Whether two lists have a port in common. */
export function portsOverlap(a: readonly PortRange[], b: readonly PortRange[]): boolean {
  return a.some((one) => b.some((other) => one.first <= other.last && other.first <= one.last));
}

/** The port that stands in `to` where `port` stands in `from`; `undefined` when there is none. */
export function mapPort(port: number, from: readonly PortRange[], to: readonly PortRange[]): number | undefined {
  let place = 0;
  for (const { first, last } of from) {
    if (port >= first && port <= last) return portAt(to, place + port - first);
    place += last - first + 1;
  }
  return undefined;
}

function portAt(ranges: readonly PortRange[], place: number): number | undefined {
  let rest = place;
  for (const { first, last } of ranges) {
    if (rest <= last - first) return first + rest;
    rest -= last - first + 1;
  }
  return undefined;
}

/** How many ports a list of ranges holds. */
export function countPorts(ranges: readonly PortRange[]): number {
  return ranges.reduce((sum, range) => sum + range.last - range.first + 1, 0);
}

function refuse(reason: string): PortListResult {
  return { ok: false, reason };
}
