/**
 * How the start, reloads and memory grow with the number of listeners.
 *
 * @module
 */

import { markdownTable } from "../tables.ts";
import { costCells, medianCosts, type Versions } from "./costs.ts";

const COUNTS = [1, 10, 100, 1000];

/** Ports of 127.0.0.9 that the listeners take. */
const FIRST_PORT = 20_000;

function config(count: number, { first = 300, all = 300 } = {}): Record<string, unknown> {
  return {
    log: { level: "error" },
    backendGroups: {
      web: {
        healthCheck: { enabled: false },
        servers: Array.from({ length: 10 }, (_, index) => ({ address: `127.0.1.${index + 1}`, port: 9 })),
      },
    },
    listeners: Array.from({ length: count }, (_, index) => ({
      name: `listener-${index}`,
      protocol: "TCP",
      address: "127.0.0.9",
      port: FIRST_PORT + index,
      backendGroup: "web",
      idleTimeout: index === 0 ? first : all,
    })),
  };
}

function versions(count: number): Versions {
  return [
    { what: "start", config: config(count) },
    { what: "nothing changed", config: config(count) },
    { what: "one changed", config: config(count, { first: 301 }) },
    { what: "all changed", config: config(count, { first: 400, all: 400 }) },
  ];
}

/** A table. */
export async function listenerScale(rounds: number): Promise<string> {
  const rows: string[][] = [];
  for (const count of COUNTS) {
    rows.push([count.toLocaleString("en"), ...costCells(await medianCosts(versions(count), rounds))]);
  }
  const reloads = versions(1).slice(1).map(({ what }) => `reload, ${what}`);
  return markdownTable(["listeners", "start, CPU / time", ...reloads, "memory"], rows);
}
