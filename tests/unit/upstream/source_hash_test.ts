/** Source hash is consistent and weighted. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { hashText, sourceHash } from "../../../src/upstream/source_hash.ts";

function servers(weights: readonly number[]) {
  return weights.map((weight, index) => {
    const key = `10.0.0.${index + 1}:80`;
    return { key, weight, active: 0, turn: 0, hash: hashText(key) };
  });
}

const clients = Array.from({ length: 100_000 }, (_, index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`);

Deno.test("sourceHash() moves 10 % +- 1 % of 100,000 clients when one of 10 equal servers goes, and only its own", () => {
  const all = servers(new Array<number>(10).fill(10));
  for (const gone of all) {
    const rest = all.filter((server) => server !== gone);
    let moved = 0;
    for (const client of clients) {
      const before = sourceHash(all, client);
      const after = sourceHash(rest, client);
      if (before === after) continue;
      assert.equal(before, gone);
      moved++;
    }
    assert.ok(Math.abs(moved / clients.length - 0.1) <= 0.01, `${moved} clients moved`);
  }
});

Deno.test("sourceHash() gives shares within 3 % of the weights", () => {
  const weights = [1, 2, 3, 4, 10, 20];
  const all = servers(weights);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const counts = new Map<string, number>();
  for (const client of clients) {
    const key = sourceHash(all, client)?.key ?? "";
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const server of all) {
    const share = (counts.get(server.key) ?? 0) / clients.length;
    assert.ok(
      Math.abs(share - server.weight / sum) <= 0.03 * Math.max(server.weight / sum, 0.1),
      `${server.key}: ${share}`,
    );
  }
});

Deno.test("sourceHash() gives a client the same server in any order of servers, and in both forms of its address", () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.shuffledSubarray(servers([1, 5, 10, 100]), { minLength: 4 }), (client, shuffled) => {
      const expected = sourceHash(servers([1, 5, 10, 100]), client)?.key;
      assert.equal(sourceHash(shuffled, client)?.key, expected);
      assert.equal(sourceHash(shuffled, `::ffff:${client}`)?.key, expected);
    }),
  );
});

Deno.test("sourceHash() gives nothing for no servers, and the only one for one", () => {
  assert.equal(sourceHash([], "192.0.2.1"), undefined);
  assert.equal(sourceHash(servers([7]), "192.0.2.1")?.weight, 7);
});
