/**
 * Load from wrk.
 *
 * @module
 */

import { findProgram } from "../../tests/support/peers.ts";
import type { Load } from "./load.ts";

/** How wrk is run. */
export interface WrkOptions {
  /** Whole seconds. */
  readonly seconds: number;
  readonly connections: number;
  /** Whether each request has a connection of its own. */
  readonly close?: boolean;
  /** Milliseconds that each connection waits before a request. */
  readonly pause?: number;
}

const PACED = new URL("../../tests/support/paced.lua", import.meta.url).pathname;

/** Runs wrk against a URL. @throws {Error} when it cannot run, or nothing at all was answered */
export async function wrk(url: string, options: WrkOptions): Promise<Load> {
  const { seconds, connections, close = false, pause = 0 } = options;
  const args = [
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "--latency",
    ...(close ? ["-H", "Connection: close"] : []),
    ...(pause > 0 ? ["-s", PACED] : []),
    url,
    ...(pause > 0 ? ["--", `${pause}`] : []),
  ];
  const { code, stdout, stderr } = await new Deno.Command(findProgram("wrk") ?? "wrk", { args }).output();
  const text = new TextDecoder().decode(stdout);
  if (code !== 0) throw new Error(`wrk failed: ${text}${new TextDecoder().decode(stderr)}`);
  return readReport(text);
}

/** What a report of wrk says. Pure. */
export function readReport(text: string): Load {
  const found = (pattern: RegExp) => pattern.exec(text)?.[1] ?? "";
  const socketErrors = [...found(/Socket errors: (.*)/).matchAll(/(?:connect|read|write|timeout) (\d+)/g)];
  return {
    requests: Number(found(/(\d+) requests in/)),
    bytes: readBytes(found(/requests in [^,]+, ([\d.]+\w+) read/)),
    errors: socketErrors.reduce(
      (sum, match) => sum + Number(match[1]),
      Number(found(/Non-2xx or 3xx responses: (\d+)/) || 0),
    ),
    p50: readMicroseconds(found(/^\s+50%\s+(\S+)/m)),
    p99: readMicroseconds(found(/^\s+99%\s+(\S+)/m)),
  };
}

function readBytes(text: string): number {
  const [, value = "0", unit = "B"] = /^([\d.]+)(\w+)$/.exec(text) ?? [];
  const powers: Readonly<Record<string, number>> = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 };
  return Number(value) * (powers[unit] ?? NaN);
}

function readMicroseconds(text: string): number | null {
  const [, value, unit = ""] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  const factors: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6, m: 6e7 };
  return value === undefined ? null : Number(value) * (factors[unit] ?? NaN);
}
