/** Answers of DNS servers. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { type AddressType, decodeAnswer, encodeQuestion } from "../../../src/net/dns/message.ts";
import { canonicalAddress, familyOf } from "../../../src/net/ip.ts";
import type { FuzzTarget } from "../target.ts";

const NAME = "app.internal";

function check(input: Uint8Array): string {
  // Whose answer it claims to be is in it: the other questions are never answered by it.
  const id = input.length >= 2 ? (input[0] ?? 0) * 256 + (input[1] ?? 0) : 0;
  const said = (["A", "AAAA"] as const).map((type: AddressType) => {
    const answer = decodeAnswer(input, { id, name: NAME, type });
    assert.equal(decodeAnswer(input, { id: (id + 1) % 65_536, name: NAME, type }), undefined);
    if (answer === undefined) return "none";
    const { code, addresses, ttl, truncated } = answer;
    assert.ok(code >= 0 && code <= 15);
    assert.equal(ttl === null, addresses.length === 0);
    assert.ok(ttl === null || (ttl >= 0 && ttl <= 0x7fffffff));
    for (const address of addresses) {
      assert.equal(familyOf(address), type === "A" ? "IPv4" : "IPv6");
      assert.equal(canonicalAddress(address), address);
    }
    return `${code} ${truncated} ${Math.min(addresses.length, 4)}`;
  });
  // A failure need not repeat its question.
  assert.ok(said.some((one) => !one.startsWith("0 ")), "one message answers two questions");
  return said.join(", ");
}

/** A record; names point at the question, or at each other. */
const record = fc.record({
  owner: fc.constantFrom([0xc0, 12], [3, 97, 112, 112, 0], [0xc0, 16], [0xc0, 30], [0]),
  type: fc.constantFrom(1, 5, 28, 16, 2),
  class: fc.constantFrom(1, 1, 1, 3),
  ttl: fc.constantFrom([0, 0, 0, 60], [0x80, 0, 0, 0], [0, 0, 0, 0]),
  data: fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc.constantFrom(Uint8Array.of(0xc0, 12), Uint8Array.of(0xc0, 30), Uint8Array.of(3, 97, 112, 112, 0)),
    fc.uint8Array({ maxLength: 20 }),
  ),
});

function message(
  type: AddressType,
  flags: number,
  records: readonly {
    owner: readonly number[];
    type: number;
    class: number;
    ttl: readonly number[];
    data: Uint8Array;
  }[],
): Uint8Array {
  const question = [...encodeQuestion({ id: 7, name: NAME, type })];
  question.splice(2, 2, flags >> 8, flags & 255);
  question.splice(6, 2, 0, records.length);
  return Uint8Array.from([
    ...question,
    ...records.flatMap((one) => [...one.owner, 0, one.type, 0, one.class, ...one.ttl, 0, one.data.length, ...one.data]),
  ]);
}

const generated = fc.tuple(
  fc.constantFrom<AddressType>("A", "AAAA"),
  fc.constantFrom(0x8180, 0x8183, 0x8380, 0x8580, 0x0100),
  fc.array(record, { maxLength: 6 }),
).map(([type, flags, records]) => message(type, flags, records));

/** The target. */
export const dnsAnswerTarget: FuzzTarget = {
  name: "dns-answer",
  holds:
    "an answer to the question it repeats, with addresses of its family in their one form, or none; however names " +
    "point at each other it comes to an end",
  isText: false,
  seeds: () => [
    message("A", 0x8180, []),
    message("A", 0x8180, [{
      owner: [0xc0, 12],
      type: 1,
      class: 1,
      ttl: [0, 0, 0, 60],
      data: Uint8Array.of(10, 0, 0, 1),
    }]),
    message("AAAA", 0x8180, [
      { owner: [0xc0, 12], type: 5, class: 1, ttl: [0, 0, 0, 9], data: Uint8Array.of(3, 97, 112, 112, 0) },
      { owner: [3, 97, 112, 112, 0], type: 28, class: 1, ttl: [0, 0, 1, 0], data: new Uint8Array(16) },
    ]),
  ],
  words: [[0xc0, 12], [0xc0, 0], [0xff, 0xff], [63], [64], [0, 1, 0, 1], [0, 5, 0, 1], [0, 28, 0, 1]].map((bytes) =>
    Uint8Array.from(bytes)
  ),
  generated,
  longest: 65_535,
  check,
};
