/**
 * What single parts cost: `deno bench bench/parts_bench.ts`.
 *
 * @module
 */

import { compileRanges, rangesInclude } from "../src/net/address_set.ts";
import { hashText, sourceHash } from "../src/upstream/source_hash.ts";
import { weightedLeastConnections } from "../src/upstream/weighted_least_connections.ts";
import { weightedRoundRobin } from "../src/upstream/weighted_round_robin.ts";
import { boardPool } from "./board_pool.ts";

const blocks = Array.from(
  { length: 200_000 },
  (_, index) => `${index >> 16}.${(index >> 8) & 255}.${index & 255}.9/32`,
);
const ranges = compileRanges(blocks);

Deno.bench("compile an access list of 200,000 blocks", () => {
  compileRanges(blocks);
});

Deno.bench("look an IPv4 address up among 200,000 blocks", () => {
  rangesInclude(ranges, "2.31.7.9");
});

for (const count of [100, 1000]) {
  const servers = Array.from({ length: count }, (_, index) => {
    const key = `10.0.${index >> 8}.${index & 255}:80`;
    return { weight: 10, active: index % 7, turn: 0, hash: hashText(key) };
  });
  // On plain numbers: the board's shared memory adds to this.
  Deno.bench(`wrr picks one of ${count} servers`, () => void weightedRoundRobin(servers));
  Deno.bench(`wlc picks one of ${count} servers`, () => void weightedLeastConnections(servers));
  Deno.bench(`source-hash picks one of ${count} servers`, () => void sourceHash(servers, "192.0.2.7"));
}

// On a board, as in a worker: a pick, the claim on the server, and giving it back. With siblings a pick takes a lock,
// which nobody else wants here: `docs/decisions/0011-several-threads.md` has what it costs when they do.
for (const algorithm of ["wrr", "wlc"] as const) {
  for (const shared of [false, true]) {
    for (const count of [3, 100, 1000, 5000]) {
      const pool = boardPool(count, shared, algorithm);
      // Half of them have a connection, as on a system that is in use.
      for (let held = 0; held < count / 2; held++) pool.acquire("192.0.2.7");
      const how = shared ? "beside siblings" : "alone";
      Deno.bench(`${algorithm}: pick, claim and release one of ${count} servers ${how}`, () => {
        pool.acquire("192.0.2.7")?.[Symbol.dispose]();
      });
    }
  }
}
