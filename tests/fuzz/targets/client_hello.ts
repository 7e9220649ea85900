/** The first message of a TLS client, as its first bytes in pieces of any size. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type ClientHelloResult,
  HelloProgress,
  MAX_CLIENT_HELLO_BYTES,
  readClientHello,
} from "../../../src/net/tls/client_hello.ts";
import { randomFrom } from "../../support/random.ts";
import { helloMessage, inRecords } from "../../unit/net/tls/hello.ts";
import type { FuzzTarget } from "../target.ts";

function check(input: Uint8Array): string {
  const whole = readClientHello(input);
  const random = randomFrom(input.length);
  // As the accepter does it: from where the last reading ended. Nothing that was said is taken back.
  const progress = new HelloProgress();
  let last: ClientHelloResult = readClientHello(input.subarray(0, 0), progress);
  for (let at = 0; at < input.length && last.state === "more";) {
    const before = last.atLeast;
    at = Math.min(input.length, at + 1 + random(random(2) === 0 ? 6 : 600));
    last = readClientHello(input.subarray(0, at), progress);
    if (last.state === "more") assert.ok(last.atLeast > at && last.atLeast >= before, "asks for less than before");
    if (last.state === "done") assert.ok(at >= before, "it was said to need more");
    assert.deepEqual(last, readClientHello(input.subarray(0, at)), "reading on gives something else");
  }
  assert.deepEqual(last, whole, "more bytes take back what was said");
  if (whole.state === "more") {
    assert.ok(whole.atLeast <= MAX_CLIENT_HELLO_BYTES);
    return "more";
  }
  if (whole.state === "invalid") return whole.reason;
  const { serverName, newestVersion } = whole.hello;
  assert.ok(newestVersion >= 0 && newestVersion <= 0xffff);
  assert.equal(serverName, serverName?.toLowerCase() ?? null);
  return `hello ${serverName === null ? "" : Math.min(serverName.length, 20)} ${newestVersion >> 8} ${
    newestVersion & 3
  }`;
}

const generated = fc.tuple(
  fc.record({
    legacyVersion: fc.integer({ min: 0, max: 0xffff }),
    names: fc.array(fc.oneof(fc.domain(), fc.uint8Array({ maxLength: 60 })), { maxLength: 3 }),
    versions: fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 5 }),
    padding: fc.integer({ min: 0, max: 17_000 }),
    bare: fc.boolean(),
  }, { requiredKeys: [], noNullPrototype: true }),
  fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 50, max: 16_384 })),
).map(([parts, most]) => inRecords(helloMessage(parts), most));

/** The target. */
export const clientHelloTarget: FuzzTarget = {
  name: "client-hello",
  holds: "a hello, no hello, or how many bytes more are needed; nothing that was said is taken back, and reading on " +
    "from the last piece gives what reading the whole gives",
  isText: false,
  seeds: () => [
    inRecords(helloMessage({ names: ["a.test"], versions: [0x0a0a, 0x0304, 0x0303] })),
    inRecords(helloMessage({ names: ["a.test", "b.test"], versions: [0x0304] }), 7),
    inRecords(helloMessage({ bare: true, legacyVersion: 0x0301 })),
    inRecords(helloMessage({ padding: 16_200 })),
    new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"),
  ],
  words: [[22, 3, 1], [22, 3, 3, 0, 1], [1, 0, 0], [0, 0], [0, 43], [0xff, 0xff], [0x3f, 0xff], [0x40, 0]].map((
    bytes,
  ) => Uint8Array.from(bytes)),
  generated,
  longest: 40_000,
  check,
};
