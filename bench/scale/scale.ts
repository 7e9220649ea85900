/**
 * `deno task scale`: what more listeners, more servers and more connections cost. Prints tables; with `--write` they go
 * into docs/performance.md as well. `deno task scale listeners servers picks new-connections connections` makes those
 * that are named.
 *
 * @module
 */

import { print, printError } from "../../src/cli/output.ts";
import { rewriteDocument } from "../documents.ts";
import { connectionScale } from "./connections.ts";
import { listenerScale } from "./listeners.ts";
import { connectionsToServers, pickScale, serverScale } from "./servers.ts";

const ROUNDS = 3;

const TABLES: Readonly<Record<string, () => string | Promise<string>>> = {
  listeners: () => listenerScale(ROUNDS),
  servers: () => serverScale(ROUNDS),
  picks: pickScale,
  "new-connections": () => connectionsToServers(ROUNDS),
  connections: () => connectionScale(ROUNDS),
};

async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((word) => word !== "--write");
  const unknown = names.find((name) => TABLES[name] === undefined);
  if (unknown !== undefined) {
    printError(`There is no "${unknown}"; there are ${Object.keys(TABLES).join(", ")} and --write`);
    return 2;
  }
  for (const [name, make] of Object.entries(TABLES)) {
    if (names.length > 0 && !names.includes(name)) continue;
    print(`\nscale: ${name}`);
    const table = await make();
    print(table);
    if (args.includes("--write")) await rewriteDocument("docs/performance.md", { [`scale-${name}`]: table });
  }
  return 0;
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
