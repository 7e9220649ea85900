/** Handshakes under way: as many as may be, and the oldest makes room. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { testCertificate } from "../../support/certificates.ts";
import type { Entry } from "../../../src/net/linked_list.ts";
import { OldestOut } from "../../../src/session/handshake_limit.ts";
import { Session } from "../../../src/session/session.ts";
import { tlsSettings } from "../../../src/net/tls/contexts.ts";
import { CheckedByAuthority } from "../../../src/net/tls/client_certificate.ts";
import { until } from "../../support/wait.ts";
import { SessionBench, tcpPair } from "./bench.ts";

/** Sessions that only say which of them was ended. */
async function stubs(count: number) {
  const { near, accepted } = await tcpPair();
  const bench = new SessionBench([]);
  const ended: number[] = [];
  const sessions = Array.from({ length: count }, (_, index) => {
    const session = new Session(accepted, bench);
    session.end = (reason) => {
      assert.equal(reason, "handshake_limit");
      ended.push(index);
    };
    return session;
  });
  near.close();
  accepted.close();
  return { sessions, ended };
}

const ALL = await stubs(30);

Deno.test("OldestOut ends the oldest, and no others, when there are too many", () => {
  const actions = fc.array(fc.tuple(fc.constantFrom("start" as const, "end" as const), fc.nat(29)));
  fc.assert(fc.property(fc.integer({ min: 1, max: 8 }), actions, (most, actions) => {
    const limit = new OldestOut(most);
    const places = new Map<number, Entry<Session>>();
    ALL.ended.length = 0;
    let expected: number[] = [];
    const out: number[] = [];
    for (const [action, index] of actions) {
      const session = ALL.sessions[index];
      assert.ok(session !== undefined);
      if (action === "end") {
        const place = places.get(index);
        if (place !== undefined) limit.ended(place);
        expected = expected.filter((one) => one !== index);
      } else if (!expected.includes(index)) { // a session has one handshake
        places.set(index, limit.started(session));
        expected.push(index);
        if (expected.length > most) out.push(...expected.splice(0, 1));
      }
    }
    assert.deepEqual(ALL.ended, out);
  }));
});

Deno.test("OldestOut with a lower limit makes room at the next handshake, and with a higher one at none", () => {
  const [a, b, c, d, e] = ALL.sessions;
  assert.ok(a && b && c && d && e);
  const limit = new OldestOut(3);
  ALL.ended.length = 0;
  for (const session of [a, b, c]) limit.started(session);
  limit.most = 1;
  assert.deepEqual(ALL.ended, []);
  limit.started(d);
  assert.deepEqual(ALL.ended, [0, 1, 2]);
  limit.most = 2;
  limit.started(e);
  assert.deepEqual(ALL.ended, [0, 1, 2]);
});

Deno.test("sessions over the limit end with handshake_limit, the oldest first; ended ones have freed their places", async () => {
  const certificates = [{ ...await testCertificate(), serverNames: [] }];
  const checked = new CheckedByAuthority();
  const bench = new SessionBench([]);
  bench.tls = tlsSettings({ certificates, clientCaPem: null, minVersion: "1.2", alpn: [] }, (pem) => checked.of(pem));
  bench.handshakes.most = 2;
  const open = async () => {
    const { near, accepted } = await tcpPair();
    return { near, ...bench.start(accepted) };
  };
  const [first, second] = [await open(), await open()];
  first.near.close();
  await first.ran;
  assert.deepEqual(bench.ends, ["handshake_failed"], "the first hung up");
  const third = await open();
  assert.deepEqual(bench.ends, ["handshake_failed"], "its place was free");
  const fourth = await open();
  assert.deepEqual(bench.ends, ["handshake_failed", "handshake_limit"]);
  assert.equal(await second.near.read(new Uint8Array(1)), null, "it was the oldest");
  for (const { near } of [third, fourth]) near.close();
  await Promise.all([second.ran, third.ran, fourth.ran]);
  await until("all are over", () => bench.ends.length === 4);
  second.near.close();
  bench.assertAllOver({ handshake_failed: 3, handshake_limit: 1 });
  const failures = [...bench.counters.read().handshakeFailures].filter(([, count]) => count > 0);
  assert.deepEqual(failures, [["hung_up", 3], ["too_many", 1]]);
});
