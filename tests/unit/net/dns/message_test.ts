/** DNS messages: what is asked, what is understood, and that nothing sent by a stranger does harm. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { type AddressType, decodeAnswer, type DnsQuestion, encodeQuestion } from "../../../../src/net/dns/message.ts";
import { dnsReply, nameBytes, questionOf, type TestRecord } from "../../../support/dns.ts";

const question = (type: AddressType = "A", name = "app.internal"): DnsQuestion => ({ id: 0x1234, name, type });

/** What an answer with these records is read as. */
function reading(records: readonly TestRecord[], asked: DnsQuestion = question()) {
  return decodeAnswer(dnsReply(encodeQuestion(asked), { records }), asked);
}

const found = (addresses: string[], ttl: number | null) => ({ code: 0, truncated: false, addresses, ttl });

Deno.test("encodeQuestion() asks for the addresses of a name, recursively", () => {
  assert.deepEqual(
    [...encodeQuestion(question("AAAA", "App.internal."))],
    [
      ...[0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0],
      ...[3, ...new TextEncoder().encode("App"), 8, ...new TextEncoder().encode("internal"), 0],
      ...[0, 28, 0, 1],
    ],
  );
});

Deno.test("decodeAnswer() reads the addresses of the family that was asked for, with the shortest time", () => {
  const records: TestRecord[] = [
    { type: "A", ttl: 300, data: "10.0.0.1" },
    { type: "A", ttl: 60, data: "10.0.0.2" },
    { type: "AAAA", ttl: 1, data: "2001:db8:0:0:0:0:0:1" },
    { type: 16, ttl: 1, data: nameBytes("a text") },
    { type: "A", ttl: 1, data: "10.0.0.9", owner: "another.internal" },
    { type: "A", ttl: 1, data: "10.0.0.9", recordClass: 3 },
    { type: "A", ttl: 1, data: Uint8Array.of(1, 2, 3) },
  ];
  assert.deepEqual(reading(records), found(["10.0.0.1", "10.0.0.2"], 60));
  assert.deepEqual(reading(records, question("AAAA")), found(["2001:db8::1"], 1));
  assert.deepEqual(reading([]), found([], null));
  assert.deepEqual(reading([{ type: "A", ttl: 0xffffffff, data: "10.0.0.1" }]), found(["10.0.0.1"], 0));
});

Deno.test("decodeAnswer() follows aliases, in any order and spelling, and not in circles", () => {
  const chain: TestRecord[] = [
    { type: "CNAME", ttl: 30, data: "B.internal" },
    { owner: "b.internal", type: "CNAME", ttl: 20, data: "c.internal" },
    { owner: "C.Internal", type: "A", ttl: 60, data: "10.0.0.1" },
  ];
  assert.deepEqual(reading(chain), found(["10.0.0.1"], 20));
  assert.deepEqual(reading(chain.toReversed()), found(["10.0.0.1"], 20));
  const circle: TestRecord[] = [
    { type: "CNAME", data: "b.internal" },
    { owner: "b.internal", type: "CNAME", data: "app.internal" },
  ];
  assert.deepEqual(reading(circle), found([], null));
});

Deno.test("decodeAnswer() tells failures and truncated answers", () => {
  const query = encodeQuestion(question());
  for (const code of [1, 2, 3, 5]) {
    assert.deepEqual(decodeAnswer(dnsReply(query, { code }), question()), { ...found([], null), code });
  }
  const records: TestRecord[] = [{ type: "A", data: "10.0.0.1" }];
  const cut = dnsReply(query, { truncated: true, records }).slice(0, -8);
  assert.deepEqual(decodeAnswer(cut, question()), { ...found([], null), truncated: true });
  const bare = Uint8Array.of(0x12, 0x34, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0);
  assert.equal(decodeAnswer(bare, question())?.code, 1, "a server need not repeat what it does not understand");
});

Deno.test("decodeAnswer() takes nothing that is not an answer to its question", () => {
  const query = encodeQuestion(question());
  const good = dnsReply(query, { records: [{ type: "A", data: "10.0.0.1" }] });
  assert.deepEqual(decodeAnswer(good, question("A", "APP.internal.")), found(["10.0.0.1"], 60));
  const changed = (at: number, byte: number) => good.map((one, index) => index === at ? byte : one);
  const cases: [title: string, bytes: Uint8Array][] = [
    ["nothing", new Uint8Array()],
    ["the question itself", query],
    ["another id", changed(0, 0x99)],
    ["another kind of message", changed(2, 0x81 | 0x28)],
    ["two questions", changed(5, 2)],
    ["another name", changed(13, 0x62)],
    ["another type", changed(questionOf(query).end - 3, 28)],
    ["more records than there are", changed(7, 2)],
    ["a record that is too long", changed(good.length - 5, 5)],
    ["a name that goes on at itself", changed(questionOf(query).end + 1, questionOf(query).end)],
  ];
  for (const [title, bytes] of cases) assert.equal(decodeAnswer(bytes, question()), undefined, title);
  for (let length = 0; length < good.length; length++) {
    assert.equal(decodeAnswer(good.subarray(0, length), question()), undefined, `${length} bytes`);
  }
});

Deno.test("decodeAnswer() reads a message that lies within a larger buffer", () => {
  const good = dnsReply(encodeQuestion(question()), { records: [{ type: "A", data: "10.0.0.1" }] });
  const buffer = new Uint8Array(4096).fill(255);
  buffer.set(good, 100);
  assert.deepEqual(decodeAnswer(buffer.subarray(100, 100 + good.length), question()), found(["10.0.0.1"], 60));
});

Deno.test("decodeAnswer() never throws, never hangs, and finds only addresses, whatever the bytes", () => {
  const records: TestRecord[] = [
    { type: "CNAME", ttl: 30, data: "b.internal" },
    { owner: "b.internal", type: "A", ttl: 60, data: "10.0.0.1" },
  ];
  const good = dnsReply(encodeQuestion(question()), { records });
  const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 });
  fc.assert(
    fc.property(damage, fc.nat(good.length), (changes, length) => {
      const bytes = good.slice(0, changes.length % 2 === 0 ? good.length : length);
      for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
      for (const address of decodeAnswer(bytes, question())?.addresses ?? []) {
        assert.match(address, /^\d+\.\d+\.\d+\.\d+$/);
      }
    }),
    { numRuns: 5000 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
    decodeAnswer(Uint8Array.of(0x12, 0x34, 0x81, 0x80, 0, 1, 0, 9, 0, 0, 0, 0, ...bytes), question());
  }));
});

const label = fc.stringMatching(/^[a-z0-9_](?:[a-z0-9-]{0,30}[a-z0-9])?$/);

Deno.test("whatever the name and the addresses, the answer to a question is read as it was written", () => {
  const name = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join("."));
  const octets = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }).map((bytes) => bytes.join("."));
  fc.assert(fc.property(name, fc.uniqueArray(octets, { maxLength: 30 }), fc.nat(2 ** 31 - 1), (name, all, ttl) => {
    const records = all.map((data): TestRecord => ({ type: "A", ttl, data }));
    assert.deepEqual(reading(records, question("A", name)), found(all, all.length === 0 ? null : ttl));
  }));
});
