/** Sessions that end TLS with the engine of ours: what is counted, what servers are told, and that nothing is left. @module */

import assert from "node:assert/strict";
import type { ProxyProtocolPlan } from "../../../src/config/model.ts";
import { compileRanges } from "../../../src/net/address_set.ts";
import { decodeProxyHeader } from "../../../src/net/proxy_protocol/decode.ts";
import { readSslTlv } from "../../../src/net/proxy_protocol/ssl_tlv.ts";
import type { AcceptedConnection } from "../../../src/session/session_context.ts";
import { echoServer, holdServer, readAll, serve, writeAll } from "../../support/servers.ts";
import { until } from "../../support/wait.ts";
import { ALICE, LOCALHOST, mutualSettings, ROOT, settingsOf } from "../net/tls/bench.ts";
import { hello } from "../net/tls/hello.ts";
import { SessionBench, tcpPair } from "./bench.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);

/** A listener without a listener: accepts TCP connections and starts sessions that end TLS. */
class TlsSessions extends SessionBench implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly port = this.#listener.addr.port;

  override tls = settingsOf();

  async accept(change: (connection: Deno.TcpConn) => AcceptedConnection = (connection) => connection) {
    return this.start(change(await this.#listener.accept()));
  }

  async over(count = 1): Promise<void> {
    await until("the sessions are over", () => this.ends.length === count);
  }

  /** Handshakes that failed, by reason. */
  get refusals() {
    return Object.fromEntries([...this.counters.read().handshakeFailures].filter(([, count]) => count > 0));
  }

  /** Handshakes that succeeded. */
  get succeeded(): number {
    return this.counters.read().handshakeTimes.buckets.reduce((sum, count) => sum + count, 0);
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }
}

const connect = (port: number, options: Partial<Deno.ConnectTlsOptions & Deno.TlsCertifiedKeyPem> = {}) =>
  Deno.connectTls({ hostname: "localhost", port, caCerts: [ROOT.certPem], ...options });

Deno.test("session ends TLS with the engine, relays plain bytes, and counts the handshake", async () => {
  await using server = echoServer();
  using bench = new TlsSessions([{ port: server.port }]);
  const [near] = await Promise.all([connect(bench.port), bench.accept()]);
  await writeAll(near, bytes("secret"));
  await near.closeWrite();
  assert.equal(text(await readAll(near)), "secret");
  near.close();
  await bench.over();
  bench.assertAllOver({ client_closed: 1 });
  assert.deepEqual([bench.server(server.port).bytesIn, bench.succeeded, bench.refusals], [6, 1, {}]);
  const { seconds } = bench.counters.read().handshakeTimes;
  assert.ok(seconds > 0 && seconds < 10, `${seconds} s`);
});

Deno.test("session lets the server speak first through TLS", async () => {
  await using server = serve((connection) => writeAll(connection, bytes("220 ready")));
  using bench = new TlsSessions([{ port: server.port }]);
  const [near] = await Promise.all([connect(bench.port), bench.accept()]);
  assert.equal(text(await readAll(near)), "220 ready");
  near.close();
  await bench.over();
  bench.assertAllOver({ server_closed: 1 });
});

Deno.test("session carries much through TLS in both directions at once", async () => {
  await using server = echoServer();
  using bench = new TlsSessions([{ port: server.port }]);
  const [near] = await Promise.all([connect(bench.port), bench.accept()]);
  const sent = Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * 7 + (index >> 9)) & 255);
  const [got] = await Promise.all([readAll(near), writeAll(near, sent).then(() => near.closeWrite())]);
  assert.ok(got.length === sent.length && got.every((byte, index) => byte === sent[index]));
  near.close();
  await bench.over();
  bench.assertAllOver({ client_closed: 1 });
  assert.equal(bench.counters.read().bytesOut, sent.length);
});

Deno.test("session whose client goes without close_notify ends all the same", async () => {
  await using server = holdServer();
  using bench = new TlsSessions([{ port: server.port }]);
  const [near] = await Promise.all([
    connect(bench.port).then(async (near) => (await near.handshake(), near)),
    bench.accept(),
  ]);
  await until("the server has it", () => server.open === 1);
  near.close();
  await bench.over();
  bench.assertAllOver({ client_closed: 1 });
});

const FAILURES = [
  ["plain text", bytes("GET / HTTP/1.1\r\n\r\n"), "not_tls", "what the client sent is not TLS"],
  ["an old version", hello({ legacyVersion: 0x0301 }), "old_version", "the client speaks TLS 1.0 at most"],
  ["half a hello", hello().subarray(0, 40), "hung_up", "the client hung up during the handshake"],
] as const;

for (const [what, sent, failure, words] of FAILURES) {
  Deno.test(`session ends with handshake_failed when the client sends ${what}, says ${failure}, and reserves no server`, async () => {
    await using server = holdServer();
    using bench = new TlsSessions([{ port: server.port }]);
    const near = await Deno.connect({ hostname: "127.0.0.1", port: bench.port });
    const { ran } = await bench.accept();
    await writeAll(near, sent);
    if (failure === "hung_up") await near.closeWrite();
    await ran;
    near.close();
    bench.assertAllOver({ handshake_failed: 1 });
    assert.deepEqual([bench.details, bench.refusals], [[{ text: words, failure }], { [failure]: 1 }]);
    assert.deepEqual([server.accepted, bench.succeeded], [0, 0]);
  });
}

Deno.test("session turns a client without a certificate away before any server hears of it, and tells why", async () => {
  await using server = holdServer();
  using bench = new TlsSessions([{ port: server.port }]);
  bench.tls = mutualSettings();
  const [near, { ran }] = await Promise.all([connect(bench.port), bench.accept()]);
  await near.handshake().catch(() => {}); // with TLS 1.3 the client believes that it is in
  await ran;
  await assert.rejects(near.read(new Uint8Array(1)));
  near.close();
  bench.assertAllOver({ handshake_failed: 1 });
  assert.deepEqual([bench.refusals, server.accepted], [{ no_certificate: 1 }, 0]);
});

Deno.test("session ends with handshake_timeout when the client stops in the middle of its handshake", async () => {
  for (const sent of [new Uint8Array(0), hello().subarray(0, 40)]) {
    using bench = new TlsSessions([]);
    const near = await Deno.connect({ hostname: "127.0.0.1", port: bench.port });
    const { ran } = await bench.accept();
    await writeAll(near, sent);
    bench.clock.advance(9900);
    assert.deepEqual(bench.ends, []);
    bench.clock.advance(700);
    await ran;
    assert.equal((await readAll(near)).length, 0);
    near.close();
    bench.assertAllOver({ handshake_timeout: 1 });
    assert.deepEqual(bench.refusals, { timeout: 1 });
  }
});

Deno.test("session.end() in the middle of a handshake closes the connection, and the reason stays", async () => {
  using bench = new TlsSessions([]);
  const near = await Deno.connect({ hostname: "127.0.0.1", port: bench.port });
  const { session, ran } = await bench.accept();
  session.end("drain");
  await ran;
  assert.equal((await readAll(near)).length, 0);
  near.close();
  bench.assertAllOver({ drain: 1 });
  assert.deepEqual(bench.refusals, {});
});

Deno.test("session.end() while it relays TLS closes both sides at once, and no close_notify says that all was sent", async () => {
  await using server = holdServer();
  using bench = new TlsSessions([{ port: server.port }]);
  const [near, { session, ran }] = await Promise.all([connect(bench.port), bench.accept()]);
  await near.handshake();
  await ran;
  session.end("drain");
  session.end("reset");
  await assert.rejects(readAll(near), Deno.errors.UnexpectedEof);
  near.close();
  await until("the server is left alone", () => server.open === 0);
  bench.assertAllOver({ drain: 1 });
});

Deno.test("session with TLS that is idle ends with idle_timeout, and every byte pushes it back", async () => {
  await using server = echoServer();
  using bench = new TlsSessions([{ port: server.port }]);
  bench.idleTicks = bench.wheel.ticks(10);
  const [near, { ran }] = await Promise.all([connect(bench.port), bench.accept()]);
  await near.handshake();
  await ran;
  const buffer = new Uint8Array(10);
  for (let round = 0; round < 3; round++) {
    bench.clock.advance(9000);
    await writeAll(near, bytes("ping"));
    assert.equal(await near.read(buffer), 4);
  }
  bench.clock.advance(10_500);
  near.close();
  bench.assertAllOver({ idle_timeout: 1 });
});

Deno.test("session tells servers in a version 2 header what is known of the client's TLS", async () => {
  const headers: Uint8Array[] = [];
  await using server = serve(async (connection) => void headers.push(await readAll(connection)));
  using bench = new TlsSessions([{ port: server.port }]);
  bench.tls = mutualSettings({ alpn: ["h2"] });
  bench.proxyProtocol = { version: 2, checksum: true } satisfies ProxyProtocolPlan;
  const [near] = await Promise.all([
    connect(bench.port, { cert: ALICE.certPem, key: ALICE.keyPem, alpnProtocols: ["h2"] }),
    bench.accept(),
  ]);
  await writeAll(near, bytes("x"));
  const { port } = near.localAddr;
  near.close();
  await bench.over();
  await until("the header is there", () => headers.length === 1);
  const result = decodeProxyHeader(headers[0] ?? new Uint8Array(0));
  assert.ok(result.state === "done" && result.header.command === "PROXY");
  assert.deepEqual(result.header.source, { address: "127.0.0.1", port });
  const values = new Map(result.header.tlvs.map((tlv) => [tlv.type, tlv]));
  assert.deepEqual([1, 2].map((type) => text(values.get(type)?.value ?? new Uint8Array(0))), ["h2", "localhost"]);
  const ssl = values.get(0x20);
  assert.ok(ssl !== undefined);
  assert.deepEqual(readSslTlv(ssl), {
    client: 7,
    verify: 0,
    version: "TLSv1.3",
    commonName: "Alice",
    cipher: readSslTlv(ssl)?.cipher,
  });
  assert.match(readSslTlv(ssl)?.cipher ?? "", /^TLS_/);
});

const FROM_LOOPBACK = { groups: ["lb"], ranges: compileRanges(["127.0.0.0/8"]), timeout: 5 };

/** A `node:tls`-like client in two steps: a plain header, then TLS over the same connection. */
async function connectBehindHeader(port: number, header: Uint8Array, pieces: number): Promise<Deno.TlsConn> {
  const plain = await Deno.connect({ hostname: "127.0.0.1", port });
  plain.setNoDelay(true);
  const size = Math.ceil(header.length / pieces);
  for (let at = 0; at < header.length; at += size) await writeAll(plain, header.subarray(at, at + size));
  return await Deno.startTls(plain, { hostname: "localhost", caCerts: [ROOT.certPem] });
}

for (const pieces of [1, 2, 40]) {
  Deno.test(`session reads a PROXY header in ${pieces} pieces in front of TLS`, async () => {
    await using server = echoServer();
    using bench = new TlsSessions([{ port: server.port }]);
    bench.acceptProxy = FROM_LOOPBACK;
    const header = bytes("PROXY TCP4 203.0.113.7 198.51.100.2 4711 443\r\n");
    const [near, { session }] = await Promise.all([connectBehindHeader(bench.port, header, pieces), bench.accept()]);
    await writeAll(near, bytes("hi"));
    await near.closeWrite();
    assert.equal(text(await readAll(near)), "hi");
    near.close();
    await bench.over();
    assert.deepEqual(session.route.source, { address: "203.0.113.7", port: 4711 });
    bench.assertAllOver({ client_closed: 1 });
    assert.equal(bench.server(server.port).bytesIn, 2, "the handshake is no payload");
  });
}

Deno.test("session takes a PROXY header and a hello, or a part of one, that come in one read", async () => {
  const header = bytes("PROXY TCP4 203.0.113.7 198.51.100.2 4711 443\r\n");
  for (const more of [1, 6, 100, 10_000]) {
    await using server = echoServer();
    using bench = new TlsSessions([{ port: server.port }]);
    bench.acceptProxy = FROM_LOOPBACK;
    // What the client sends comes to the session behind the header, the first `more` bytes of it in the same read.
    const accept = bench.accept((connection) => {
      let isFirst = true;
      const read = async (buffer: Uint8Array) => {
        if (!isFirst) return await connection.read(buffer);
        isFirst = false;
        buffer.set(header);
        const count = await connection.read(buffer.subarray(header.length, header.length + more));
        return count === null ? null : header.length + count;
      };
      return new Proxy({} as Deno.TcpConn, {
        get: (_, key) => {
          if (key === "read") return read;
          // Or the runtime's number of the socket would be a way around read().
          if (typeof key === "symbol") return undefined;
          const value: unknown = Reflect.get(connection, key, connection);
          return typeof value === "function" ? value.bind(connection) : value;
        },
      });
    });
    const [near, { session }] = await Promise.all([connect(bench.port), accept]);
    await writeAll(near, bytes("hi"));
    await near.closeWrite();
    assert.equal(text(await readAll(near)), "hi", `${more} bytes`);
    near.close();
    await bench.over();
    assert.deepEqual(session.route.source, { address: "203.0.113.7", port: 4711 });
    bench.assertAllOver({ client_closed: 1 });
  }
});

Deno.test("session that reads no PROXY header takes one for no TLS", async () => {
  using bench = new TlsSessions([]);
  const near = await Deno.connect({ hostname: "127.0.0.1", port: bench.port });
  const { ran } = await bench.accept();
  await writeAll(near, bytes("PROXY TCP4 203.0.113.7 198.51.100.2 4711 443\r\n"));
  await ran;
  near.close();
  assert.deepEqual(bench.refusals, { not_tls: 1 });
});

Deno.test("session with a mistake of ours in its handshake ends alone, and is counted as no handshake any more", async () => {
  using bench = new TlsSessions([]);
  bench.tls = {
    ...settingsOf(),
    settingsFor: () => {
      throw new TypeError("a mistake");
    },
  };
  const { near, accepted } = await tcpPair();
  const { session, ran } = bench.start(accepted);
  await writeAll(near, hello());
  await ran;
  near.close();
  assert.deepEqual([bench.ends, bench.faults.length], [["internal_error"], 1]);
  bench.handshakes.most = 1;
  session.end = () => assert.fail("it was counted still");
  const next = await tcpPair();
  const { ran: over } = bench.start(next.accepted);
  next.near.close();
  await over;
});

Deno.test("sessions take up new settings with the next handshake, and keep what they have", async () => {
  await using server = echoServer();
  using bench = new TlsSessions([{ port: server.port }]);
  const [before] = await Promise.all([connect(bench.port), bench.accept()]);
  await before.handshake();
  bench.tls = mutualSettings({ certificates: [LOCALHOST] });
  const [refused, { ran }] = await Promise.all([connect(bench.port), bench.accept()]);
  await refused.handshake().catch(() => {});
  await ran;
  refused.close();
  await writeAll(before, bytes("still here"));
  await before.closeWrite();
  assert.equal(text(await readAll(before)), "still here");
  before.close();
  await bench.over(2);
  bench.assertAllOver({ client_closed: 1, handshake_failed: 1 });
});
