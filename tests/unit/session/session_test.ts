/** A session from accept to close over real sockets; time is the test's. @module */

import assert from "node:assert/strict";
import { testCertificate } from "../../support/certificates.ts";
import { freePort } from "../../support/ports.ts";
import { echoServer, frozenServer, holdServer, nameServer, readAll, serve, writeAll } from "../../support/servers.ts";
import { until } from "../../support/wait.ts";
import { serverPlan } from "../plans.ts";
import { SessionBench, tcpPair } from "./bench.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("session relays both ways, passes both ends on, and counts it all", async () => {
  await using server = echoServer();
  const bench = new SessionBench([{ port: server.port }]);
  const { near, accepted } = await tcpPair();
  using _near = near;
  const { ran } = bench.start(accepted);
  await ran;
  assert.equal(bench.counters.read().connectionsActive, 1);
  assert.equal(bench.server(server.port).connectionsActive, 1);
  await writeAll(near, bytes("hello"));
  await near.closeWrite();
  assert.equal(text(await readAll(near)), "hello");
  await until("the session is over", () => bench.ends.length > 0);
  bench.assertAllOver({ client_closed: 1 });
  const { bytesIn, bytesOut, connectTimes, durations } = bench.counters.read();
  assert.deepEqual({ bytesIn, bytesOut }, { bytesIn: 5, bytesOut: 5 });
  for (const { buckets } of [connectTimes, durations]) assert.equal(buckets.reduce((sum, count) => sum + count, 0), 1);
  const { connectionsTotal, ...counted } = bench.server(server.port);
  assert.deepEqual([connectionsTotal, counted.bytesIn, counted.bytesOut, counted.connectFailures], [1, 5, 5, 0]);
});

Deno.test("session delivers what the server says first and ends when it hangs up", async () => {
  await using server = nameServer("mysql");
  const bench = new SessionBench([{ port: server.port }]);
  const { near, accepted } = await tcpPair();
  bench.start(accepted);
  assert.equal(text(await readAll(near)), "mysql");
  near.close();
  await until("the session is over", () => bench.ends.length > 0);
  bench.assertAllOver({ server_closed: 1 });
});

Deno.test("session goes on to the next server when one refuses, before the client notices", async () => {
  await using server = nameServer("two");
  const refusing = freePort();
  const bench = new SessionBench([{ port: refusing }, { port: server.port }]);
  const { near, accepted } = await tcpPair();
  bench.start(accepted);
  assert.equal(text(await readAll(near)), "two");
  near.close();
  await until("the session is over", () => bench.ends.length > 0);
  bench.assertAllOver({ server_closed: 1 });
  assert.deepEqual([bench.server(refusing).connectFailures, bench.server(refusing).connectionsTotal], [1, 0]);
  assert.deepEqual([bench.server(server.port).connectFailures, bench.server(server.port).connectionsTotal], [0, 1]);
});

for (
  const [code, reason, shortages] of [["EMFILE", "overload", 1], ["ENOMEM", "overload", 1], [
    "EADDRNOTAVAIL",
    "connect_failed",
    0,
  ]] as const
) {
  Deno.test(`session holds no shortage of its own machine against a server: ${code} ends it with ${reason}`, async () => {
    await using server = holdServer();
    const bench = new SessionBench([{ port: server.port }]);
    const { near, accepted } = await tcpPair();
    const { connect } = Deno;
    Deno.connect = (() => Promise.reject(Object.assign(new Error("none left"), { code }))) as never;
    try {
      await bench.start(accepted).ran;
    } finally {
      Deno.connect = connect;
    }
    near.close();
    bench.assertAllOver({ [reason]: 1 });
    assert.deepEqual([bench.failures, bench.server(server.port).connectFailures], [[], 0]);
    assert.equal(bench.shortages.length, shortages);
  });
}

Deno.test("session ends with connect_failed when every server refuses, each tried once", async () => {
  const ports = [freePort(), freePort(), freePort()];
  const bench = new SessionBench(ports.map((port) => ({ port })));
  const { near, accepted } = await tcpPair();
  await bench.start(accepted).ran;
  bench.assertAllOver({ connect_failed: 1 });
  assert.deepEqual(ports.map((port) => bench.server(port).connectFailures), [1, 1, 1]);
  assert.deepEqual(
    bench.failures,
    ports.map((port) => [port, 1, `connection to 127.0.0.1:${port} refused; is it running on that port?`]),
  );
  assert.equal((await readAll(near)).length, 0);
  near.close();
});

Deno.test("session ends with no_server when no server may be used", async () => {
  for (const servers of [[], [{ port: 1, weight: 0 }], [{ port: 1, address: "::1" }]]) {
    const bench = new SessionBench(servers);
    const { near, accepted } = await tcpPair();
    await bench.start(accepted).ran;
    bench.assertAllOver({ no_server: 1 });
    near.close();
  }
});

Deno.test("session takes a client that a dual-stack socket calls ::ffff:127.0.0.1 for an IPv4 client", async () => {
  await using server = nameServer("four");
  const bench = new SessionBench([{ port: server.port }]);
  using listener = Deno.listen({ hostname: "::", port: 0 });
  const near = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  bench.start(await listener.accept());
  assert.equal(text(await readAll(near)), "four");
  near.close();
  await until("the session is over", () => bench.ends.length > 0);
});

Deno.test("session gives up on a server that does not answer within connectTimeout, and takes the next", async () => {
  using frozen = await frozenServer();
  await using server = nameServer("two");
  const bench = new SessionBench([{ port: frozen.port }, { port: server.port }]);
  bench.connectTimeout = 3;
  const { near, accepted } = await tcpPair();
  const { ran } = bench.start(accepted);
  bench.clock.advance(2900);
  assert.equal(bench.server(frozen.port).connectionsActive, 1, "still waiting for it");
  bench.clock.advance(700);
  await ran;
  assert.equal(bench.server(frozen.port).connectFailures, 1);
  assert.deepEqual(bench.failures, [[
    frozen.port,
    1,
    `no answer from 127.0.0.1:${frozen.port} within 3 s; is it up, and no firewall in between?`,
  ]]);
  assert.equal(text(await readAll(near)), "two");
  near.close();
  await until("the session is over", () => bench.ends.length > 0);
  bench.assertAllOver({ server_closed: 1 });
});

Deno.test("session counts a timeout in no row when the server has taken another connection since", async () => {
  using frozen = await frozenServer();
  const bench = new SessionBench([{ port: frozen.port }]);
  const { near, accepted } = await tcpPair();
  const { ran } = bench.start(accepted);
  bench.clock.advance(1000);
  bench.test.server(serverPlan({ address: "127.0.0.1", port: frozen.port }).key).counters.connected(); // of another thread, for example
  bench.clock.advance(4000);
  await ran;
  assert.deepEqual(bench.failures.map(([port, inARow]) => [port, inARow]), [[frozen.port, 0]]);
  assert.equal(bench.server(frozen.port).connectFailures, 1, "it is one of the failures all the same");
  near.close();
  bench.assertAllOver({ connect_failed: 1 });
});

Deno.test("session starts no attempt when the connect budget is used up", async () => {
  using frozen = await frozenServer();
  await using server = holdServer();
  const bench = new SessionBench([{ port: frozen.port }, { port: server.port }]);
  bench.connectTimeout = 0.001; // four times that is the budget, and it is real time
  const { near, accepted } = await tcpPair();
  const startedAt = performance.now();
  const { ran } = bench.start(accepted);
  await until("the budget is used up", () => performance.now() - startedAt > 10);
  bench.clock.advance(1000);
  await ran;
  bench.assertAllOver({ connect_failed: 1 });
  assert.equal(server.accepted, 0);
  near.close();
});

Deno.test("session ends with idle_timeout when no byte goes either way, and every byte pushes it back", async () => {
  await using server = echoServer();
  const bench = new SessionBench([{ port: server.port }]);
  bench.idleTicks = bench.wheel.ticks(10);
  const { near, accepted } = await tcpPair();
  await bench.start(accepted).ran;
  const buffer = new Uint8Array(10);
  for (let round = 0; round < 5; round++) {
    bench.clock.advance(9000);
    await writeAll(near, bytes("ping"));
    assert.equal(await near.read(buffer), 4);
  }
  bench.clock.advance(9900);
  assert.deepEqual(bench.ends, []);
  bench.clock.advance(700);
  bench.assertAllOver({ idle_timeout: 1 });
  assert.equal((await readAll(near)).length, 0);
  near.close();
  await until("the server is left alone", () => server.open === 0);
});

Deno.test("session that is half closed still has its idle timeout", async () => {
  const over = Promise.withResolvers<void>();
  let sawEnd = false;
  await using server = serve(async (connection) => {
    await readAll(connection);
    sawEnd = true;
    await over.promise; // and never answers
  });
  const bench = new SessionBench([{ port: server.port }]);
  const { near, accepted } = await tcpPair();
  await bench.start(accepted).ran;
  await near.closeWrite();
  await until("the server sees the client's end", () => sawEnd);
  bench.clock.advance(299_000);
  assert.deepEqual(bench.ends, []);
  bench.clock.advance(2000);
  bench.assertAllOver({ idle_timeout: 1 });
  near.close();
  over.resolve();
});

Deno.test("session.end() while it dials closes the server's connection and gives the server back", async () => {
  await using server = holdServer();
  const bench = new SessionBench([{ port: server.port }]);
  const { near, accepted } = await tcpPair();
  const { session, ran } = bench.start(accepted);
  session.end("drain");
  session.end("reset");
  await ran;
  bench.assertAllOver({ drain: 1 });
  await until("the server's connection is closed", () => server.accepted === 1 && server.open === 0);
  assert.equal((await readAll(near)).length, 0);
  near.close();
});

Deno.test("session.end() closes both sides at once and counts the reason once", async () => {
  await using server = holdServer();
  const bench = new SessionBench([{ port: server.port }]);
  const { near, accepted } = await tcpPair();
  const { session, ran } = bench.start(accepted);
  await ran;
  session.end("drain");
  session.end("idle_timeout");
  bench.assertAllOver({ drain: 1 });
  assert.equal((await readAll(near)).length, 0);
  near.close();
  await until("the server's connection is closed", () => server.open === 0);
  bench.assertAllOver({ drain: 1 });
});

Deno.test("session ends with internal_error, and says so, when something in Weir throws", async () => {
  const bench = new SessionBench([]);
  Object.assign(bench.pool, {
    acquire: () => {
      throw new RangeError("a mistake");
    },
  });
  const { near, accepted } = await tcpPair();
  await bench.start(accepted).ran;
  assert.deepEqual(bench.ends, ["internal_error"]);
  assert.equal(bench.counters.read().connectionsActive, 0);
  assert.equal(bench.faults.length, 1);
  near.close();
});

Deno.test("sessions of many clients at once leave every counter where it belongs", async () => {
  await using one = echoServer();
  await using two = echoServer();
  const refusing = freePort();
  const bench = new SessionBench([{ port: one.port }, { port: refusing }, { port: two.port }]);
  await Promise.all(Array.from({ length: 30 }, async (_, index) => {
    const { near, accepted } = await tcpPair();
    bench.start(accepted);
    await writeAll(near, new Uint8Array(1000 + index));
    await near.closeWrite();
    assert.equal((await readAll(near)).length, 1000 + index);
    near.close();
  }));
  await until("all sessions are over", () => bench.ends.length === 30);
  bench.assertAllOver({ client_closed: 30 });
  const [first, second] = [bench.server(one.port), bench.server(two.port)] as const;
  const { bytesIn, bytesOut } = bench.counters.read();
  assert.equal(bytesIn, 30 * 1000 + 29 * 30 / 2);
  assert.equal(bytesOut, bytesIn);
  assert.equal(first.connectionsTotal + second.connectionsTotal, 30);
  assert.equal(first.bytesIn + second.bytesIn, bytesIn);
});

const TLS_CASES = [
  { what: "handshake_failed when the client speaks plain text", says: "GET / HTTP/1.1\r\n\r\n" },
  { what: "handshake_failed when the client hangs up", says: undefined },
] as const;

async function tlsListener(): Promise<Disposable & { listener: Deno.TlsListener; certPem: string }> {
  const { certPem, keyPem } = await testCertificate();
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: certPem, key: keyPem });
  return { listener, certPem, [Symbol.dispose]: () => listener.close() };
}

for (const { what, says } of TLS_CASES) {
  Deno.test(`session ends with ${what}, and reserves no server`, async () => {
    await using server = holdServer();
    using tls = await tlsListener();
    const { listener } = tls;
    const bench = new SessionBench([{ port: server.port }]);
    const near = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    const { ran } = bench.start(await listener.accept());
    if (says === undefined) near.close();
    else await writeAll(near, bytes(says));
    await ran;
    bench.assertAllOver({ handshake_failed: 1 });
    assert.equal(server.accepted, 0);
    if (says !== undefined) near.close();
  });
}

Deno.test("session ends with handshake_timeout when the client never finishes the handshake", async () => {
  using tls = await tlsListener();
  const { listener } = tls;
  const bench = new SessionBench([]);
  const near = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const { ran } = bench.start(await listener.accept());
  bench.clock.advance(9900);
  assert.deepEqual(bench.ends, []);
  bench.clock.advance(700);
  await ran;
  bench.assertAllOver({ handshake_timeout: 1 });
  near.close();
});

Deno.test("session ends TLS and relays plain bytes to the server", async () => {
  await using server = echoServer();
  using tls = await tlsListener();
  const bench = new SessionBench([{ port: server.port }]);
  const { port } = tls.listener.addr;
  const [near, accepted] = await Promise.all([
    Deno.connectTls({ hostname: "127.0.0.1", port, caCerts: [tls.certPem] }),
    tls.listener.accept(),
  ]);
  bench.start(accepted);
  await writeAll(near, bytes("secret"));
  await near.closeWrite();
  assert.equal(text(await readAll(near)), "secret");
  near.close();
  await until("the session is over", () => bench.ends.length > 0);
  bench.assertAllOver({ client_closed: 1 });
  assert.equal(bench.server(server.port).bytesIn, 6);
});

for (const kind of ["the port that the client connected to", "the port in its place"]) {
  Deno.test(`session reaches a server on ${kind}`, async () => {
    const { near, accepted } = await tcpPair();
    const { port } = accepted.localAddr;
    const isSame = kind.startsWith("the port that");
    await using server = nameServer("reached", { hostname: "127.0.0.5", ...(isSame ? { port } : {}) });
    const ports = isSame ? null : [{ first: 1, last: 1 }, { first: server.port, last: server.port }];
    const bench = new SessionBench([{ address: "127.0.0.5", port: null, ports }]);
    bench.ports = [{ first: port - 1, last: port }];
    bench.start(accepted);
    assert.equal(text(await readAll(near)), "reached");
    near.close();
    await until("the session is over", () => bench.ends.length > 0);
    bench.assertAllOver({ server_closed: 1 });
  });
}

Deno.test("session ends with no_server when a reload has taken its port out of the range, and claims no server", async () => {
  const { near, accepted } = await tcpPair();
  using _near = near;
  const bench = new SessionBench([{ port: null, ports: [{ first: 1, last: 1 }] }]);
  bench.ports = [{ first: 1, last: 1 }];
  bench.start(accepted);
  assert.equal((await readAll(near)).length, 0);
  bench.assertAllOver({ no_server: 1 });
});
