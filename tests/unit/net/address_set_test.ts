/** Compiled address ranges answer as a naive scan does. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { compileRanges, rangesInclude } from "../../../src/net/address_set.ts";

const table: readonly [blocks: readonly string[], address: string, included: boolean][] = [
  [[], "10.0.0.1", false],
  [["10.0.0.0/8"], "10.255.255.255", true],
  [["10.0.0.0/8"], "11.0.0.0", false],
  [["10.1.2.3/8"], "10.200.0.1", true], // host bits are ignored
  [["0.0.0.0/0"], "255.255.255.255", true],
  [["0.0.0.0/0"], "::1", false],
  [["192.0.2.1"], "192.0.2.1", true],
  [["192.0.2.1"], "192.0.2.2", false],
  [["192.0.2.1"], "::ffff:192.0.2.1", true], // what a dual-stack socket reports
  [["::ffff:192.0.2.0/120"], "192.0.2.77", true],
  [["::ffff:192.0.2.0/120"], "192.0.3.1", false],
  [["2001:db8::/32"], "2001:db8:ffff::1", true],
  [["2001:db8::/32"], "2001:db9::", false],
  [["::/0"], "fe80::1", true],
  [["::/0"], "10.0.0.1", false],
  [["2001:DB8:0:0::1"], "2001:db8::1", true], // two spellings of one address
  [["10.0.0.0/9", "10.128.0.0/9"], "10.128.0.0", true], // neighbours are merged
  [["10.0.0.0/8", "10.1.0.0/16"], "10.2.0.0", true], // one inside the other
];

for (const [blocks, address, included] of table) {
  Deno.test(`rangesInclude() says ${included} for ${address} in [${blocks}]`, () => {
    assert.equal(rangesInclude(compileRanges(blocks), address), included);
  });
}

const octet = fc.integer({ min: 0, max: 255 });
// Few distinct octets, so that blocks and addresses meet often.
const few = fc.constantFrom(0, 1, 127, 128, 255);
const ipv4 = fc.tuple(few, few, few, octet).map((octets) => octets.join("."));
const group = fc.constantFrom("0", "1", "7fff", "8000", "ffff", "db8");
const ipv6 = fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.join(":"));
const block = fc.oneof(
  fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })).map(([address, prefix]) => `${address}/${prefix}`),
  fc.tuple(ipv6, fc.integer({ min: 0, max: 128 })).map(([address, prefix]) => `${address}/${prefix}`),
);

/** An address as bits, the slow way. */
function bits(address: string): string {
  const [radix, width, parts] = address.includes(":") ? [16, 16, address.split(":")] : [10, 8, address.split(".")];
  return parts.map((part) => parseInt(part, radix as number).toString(2).padStart(width as number, "0")).join("");
}

function naive(blocks: readonly string[], address: string): boolean {
  return blocks.some((one) => {
    const [base = "", prefix = "0"] = one.split("/");
    const sameFamily = base.includes(":") === address.includes(":");
    return sameFamily && bits(base).slice(0, Number(prefix)) === bits(address).slice(0, Number(prefix));
  });
}

Deno.test("rangesInclude() equals a naive scan on random sets", () => {
  fc.assert(
    fc.property(
      fc.array(block, { maxLength: 30 }),
      fc.array(fc.oneof(ipv4, ipv6), { maxLength: 20 }),
      (blocks, addresses) => {
        // The naive scan knows nothing of IPv4 inside IPv6; the table above covers that.
        const plain = blocks.filter((one) => !one.startsWith("0:0:0:0:0:ffff"));
        const ranges = compileRanges(plain);
        for (const address of addresses.filter((one) => !one.startsWith("0:0:0:0:0:ffff"))) {
          assert.equal(rangesInclude(ranges, address), naive(plain, address), `${address} in ${plain}`);
        }
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("compileRanges() lives in shared memory, so a worker gets it without a copy", () => {
  const { ipv4, ipv6 } = compileRanges(["10.0.0.0/8", "2001:db8::/32"]);
  assert.ok(ipv4.buffer instanceof SharedArrayBuffer && ipv6.buffer instanceof SharedArrayBuffer);
});

Deno.test("compileRanges() takes 200,000 blocks", () => {
  const blocks = Array.from(
    { length: 200_000 },
    (_, index) => `${index >> 16}.${(index >> 8) & 255}.${index & 255}.9/32`,
  );
  const ranges = compileRanges(blocks);
  assert.equal(ranges.ipv4.length, 400_000);
  assert.ok(blocks.every((one, index) => index % 1000 !== 0 || rangesInclude(ranges, one.slice(0, -3))));
});
