/** What a session leaves for the access log, when it is on and only then. @module */

import assert from "node:assert/strict";
import { accessRecord, SessionNotes } from "../../../src/session/access_record.ts";
import { freePort } from "../../support/ports.ts";
import { echoServer, readAll, writeAll } from "../../support/servers.ts";
import { until } from "../../support/wait.ts";
import { SessionBench, tcpPair } from "./bench.ts";

const ROUTE = {
  source: { address: "192.0.2.7", port: 50123 },
  destination: { address: "198.51.100.1", port: 443 },
};

const FACTS = {
  version: "TLSv1.3",
  cipher: "TLS_AES_128_GCM_SHA256",
  alpn: "h2",
  serverName: "www.example.com",
  client: { commonName: "alice" },
  resumed: true,
};

Deno.test("accessRecord() says what was noted down", () => {
  const notes = new SessionNotes(1000);
  Object.assign(notes, { bytesIn: 5, bytesOut: 7, handshakeTime: 0.03, connectTime: 0.002, id: "x", serverPort: 80 });
  notes.server = { key: "10.0.0.1:80", address: "10.0.0.1" };
  const end = { reason: "client_closed", detail: undefined, facts: FACTS, at: 3500, time: 1_700_000_000_000 } as const;
  assert.deepEqual(accessRecord("web", ROUTE, notes, end), {
    time: 1_700_000_000_000,
    id: "x",
    listener: "web",
    client: ROUTE.source,
    peer: null,
    destination: ROUTE.destination,
    server: { key: "10.0.0.1:80", address: "10.0.0.1" },
    serverPort: 80,
    reason: "client_closed",
    detail: null,
    failure: null,
    bytesIn: 5,
    bytesOut: 7,
    duration: 2.5,
    connectTime: 0.002,
    handshakeTime: 0.03,
    tls: {
      version: "TLSv1.3",
      cipher: "TLS_AES_128_GCM_SHA256",
      serverName: "www.example.com",
      clientCn: "alice",
      alpn: "h2",
      resumed: true,
    },
  });
});

Deno.test("accessRecord() says why a client did not get through", () => {
  const cases = [
    ["connect_failed", undefined, { detail: "refused", failure: null, tls: null }],
    ["reset", undefined, { detail: null, failure: null, tls: null }],
    ["handshake_timeout", undefined, { detail: null, failure: "timeout", tls: null }],
    ["handshake_limit", undefined, { detail: null, failure: "too_many", tls: null }],
    ["handshake_failed", { text: "who?", failure: "unknown_ca" }, {
      detail: "who?",
      failure: "unknown_ca",
      tls: null,
    }],
    ["handshake_failed", { text: "who?", failure: "unknown_ca", serverName: "a.b" }, {
      detail: "who?",
      failure: "unknown_ca",
      tls: { version: null, cipher: null, serverName: "a.b", clientCn: null, alpn: null, resumed: false },
    }],
  ] as const;
  for (const [reason, detail, expected] of cases) {
    const notes = new SessionNotes(0);
    notes.connectFailure = "refused";
    const record = accessRecord("web", ROUTE, notes, { reason, detail, facts: null, at: 0, time: 0 });
    assert.deepEqual({ detail: record.detail, failure: record.failure, tls: record.tls }, expected);
  }
});

Deno.test("accessRecord() cuts long texts off", () => {
  const long = "x".repeat(10_000);
  const facts = { ...FACTS, serverName: long, client: { commonName: long } };
  const detail = { text: long };
  const record = accessRecord("web", ROUTE, new SessionNotes(0), { reason: "reset", detail, facts, at: 0, time: 0 });
  for (const text of [record.detail, record.tls?.serverName, record.tls?.clientCn]) {
    assert.equal(text, `${"x".repeat(255)}…`);
  }
  const half = { text: `${"x".repeat(254)}😀😀` };
  const end = { reason: "reset", detail: half, facts: null, at: 0, time: 0 } as const;
  const cut = accessRecord("web", ROUTE, new SessionNotes(0), end);
  assert.equal(cut.detail, `${"x".repeat(254)}\ufffd…`, "no half of a character");
});

Deno.test("session tells the access log about a connection once, with bytes, times and server", async () => {
  await using server = echoServer();
  const refusing = freePort();
  const bench = new SessionBench([{ port: refusing }, { port: server.port }]);
  const { near, accepted } = await tcpPair();
  const { session } = bench.start(accepted);
  await writeAll(near, new Uint8Array(1234));
  await near.closeWrite();
  // Switched on in the middle of a connection.
  bench.accessFormat = "json";
  assert.equal((await readAll(near)).length, 1234);
  near.close();
  await until("the session is over", () => bench.ends.length > 0);
  session.end("drain");
  assert.equal(bench.records.length, 1);
  const [record] = bench.records;
  assert.ok(record !== undefined);
  const { duration, connectTime, time, server: plan, ...rest } = record;
  assert.ok(duration > 0 && duration < 60, `${duration} s`);
  assert.ok(connectTime !== null && connectTime > 0 && connectTime <= duration, `${connectTime} s`);
  assert.ok(Math.abs(Date.now() - time) < 60_000);
  assert.equal(plan?.key, `127.0.0.1:${server.port}`);
  assert.deepEqual(rest, {
    id: null,
    listener: "web",
    client: { address: "127.0.0.1", port: rest.client.port },
    peer: null,
    destination: { address: "127.0.0.1", port: rest.destination.port },
    serverPort: server.port,
    reason: "client_closed",
    detail: null,
    failure: null,
    bytesIn: 1234,
    bytesOut: 1234,
    handshakeTime: null,
    tls: null,
  });
});

Deno.test("session tells the access log nothing while it is off, and of failed connections when it is on", async () => {
  const port = freePort();
  for (const format of [null, "text"] as const) {
    const bench = new SessionBench([{ port }]);
    bench.accessFormat = format;
    const { near, accepted } = await tcpPair();
    await bench.start(accepted).ran;
    bench.assertAllOver({ connect_failed: 1 });
    near.close();
    assert.deepEqual(
      bench.records.map(({ reason, detail, server, connectTime }) => [reason, detail, server, connectTime]),
      format === null
        ? []
        : [["connect_failed", `connection to 127.0.0.1:${port} refused; is it running on that port?`, null, null]],
    );
  }
});

Deno.test("session survives an access log that throws", async () => {
  const bench = new SessionBench([]);
  bench.accessFormat = "json";
  Object.assign(bench, {
    onAccess: () => {
      throw new RangeError("a mistake");
    },
  });
  const { near, accepted } = await tcpPair();
  await bench.start(accepted).ran;
  near.close();
  assert.deepEqual(bench.ends, ["no_server"]);
  assert.equal(bench.faults.length, 1);
});
