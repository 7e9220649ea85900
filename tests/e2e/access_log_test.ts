/** The access log: one line for each connection, with the right fields, however it ends. IPv4 and IPv6. @module */

import assert from "node:assert/strict";
import net from "node:net";
import tls from "node:tls";
import { decodeProxyHeader } from "../../src/net/proxy_protocol/decode.ts";
import { TlvType } from "../../src/net/proxy_protocol/tlv.ts";
import { type AccessLine, waitForLines } from "../support/access_log.ts";
import { testCertificate } from "../support/certificates.ts";
import { backends, listener, type Settings } from "../support/configs.ts";
import { assertEchoes } from "../support/echo.ts";
import { eachFamily } from "../support/ipv6.ts";
import { issueClients, MUTUAL_STORE, mutualFiles, overMutualTls } from "../support/mutual.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { echoServer, nameServer, readAll, serve, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

const endpoint = (address: string, port: number) =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;

const LOG = { level: "warn", access: "on", accessFile: "access.log" };

/** A Weir that logs, its listeners by name, and one listener after the other as a test needs them. */
class Bench implements AsyncDisposable {
  readonly ports = new Map<string, number>();
  readonly loopback: string;
  weir!: RunningWeir;

  constructor(loopback: string) {
    this.loopback = loopback;
  }

  /** A listener on a free port. */
  listener(name: string, servers: readonly number[], settings: Settings = {}): Settings {
    const port = this.ports.get(name) ?? freePort(this.loopback);
    this.ports.set(name, port);
    const group = backends(servers.map((server) => ({ address: this.loopback, port: server })));
    return listener(port, group, { name, address: this.loopback, ...settings });
  }

  async start(config: Settings, files: Readonly<Record<string, string>> = {}): Promise<void> {
    this.weir = await RunningWeir.start({ log: LOG, ...config }, { files });
  }

  port(name: string): number {
    return this.ports.get(name) ?? 0;
  }

  connect(name: string): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: this.loopback, port: this.port(name) });
  }

  get file(): string {
    return `${this.weir.folder}/access.log`;
  }

  /** Sends, ends unless the other side is to end first, and waits for its end. @returns the client's `address:port` */
  async exchange(name: string, text = "", endsFirst = true): Promise<string> {
    const connection = await this.connect(name);
    try {
      if (text !== "") await writeAll(connection, bytes(text));
      if (endsFirst) await connection.closeWrite();
      await readAll(connection);
    } catch { /* turned away before it could */ }
    const { port } = connection.localAddr;
    connection.close();
    return endpoint(this.loopback, port);
  }

  /** The lines so far agree with the listeners' counters: every connection once, for its reason, with its bytes. */
  async assertCounted(lines: readonly AccessLine[]): Promise<void> {
    for (const name of this.ports.keys()) {
      const own = lines.filter((line) => line.listener === name);
      const { connectionsTotal, connectionsEnded, bytesIn, bytesOut } = await this.weir.listener(name);
      const sum = (pick: (line: AccessLine) => number) => own.reduce((total, line) => total + pick(line), 0);
      const reasons: Record<string, number> = {};
      for (const { reason } of own) reasons[reason] = (reasons[reason] ?? 0) + 1;
      assert.deepEqual(
        [own.length, reasons, sum((line) => line.bytesIn), sum((line) => line.bytesOut)],
        [
          connectionsTotal,
          Object.fromEntries(Object.entries(connectionsEnded).filter(([, count]) => count > 0)),
          bytesIn,
          bytesOut,
        ],
        name,
      );
    }
    assert.equal(new Set(lines.map(({ id }) => id)).size, lines.length, "no id twice");
    for (const { duration, connectTime = 0, handshakeTime = 0, time } of lines) {
      assert.ok(connectTime >= 0 && handshakeTime >= 0 && connectTime + handshakeTime <= duration);
      assert.ok(Math.abs(Date.now() - Date.parse(time)) < 120_000, time);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.weir?.[Symbol.asyncDispose]();
  }
}

/** The line of a listener that has one. */
function lineOf(lines: readonly AccessLine[], name: string): Omit<AccessLine, "time" | "id" | "duration"> {
  const own = lines.filter((line) => line.listener === name);
  assert.equal(own.length, 1, `one line of ${name}`);
  const { time: _time, id, duration: _duration, connectTime: _connectTime, ...line } = own[0] ?? {};
  assert.match(String(id), /^[0-9a-f-]{36}$/);
  return line as AccessLine;
}

eachFamily("the access log has one line for each TCP connection, however it ends", async (loopback) => {
  await using echo = echoServer({ hostname: loopback });
  await using name = nameServer("hello", { hostname: loopback });
  await using talker = serve(async (connection) => {
    await writeAll(connection, new Uint8Array(100_000));
    await readAll(connection);
  }, { hostname: loopback });
  const dead = freePort(loopback);
  await using bench = new Bench(loopback);
  const accept = (timeout: number) => ({ acceptProxyProtocol: { from: ["us"], timeout } });
  const config = (more: Settings[]) => ({
    log: LOG,
    ipGroups: { us: [loopback], them: ["192.0.2.1"] },
    shutdown: { drainTimeout: 0 },
    listeners: [
      bench.listener("client", [echo.port]),
      bench.listener("server", [name.port]),
      bench.listener("dead", [dead]),
      bench.listener("empty", []),
      bench.listener("denied", [echo.port], { accessControl: { mode: "whitelist", groups: ["them"] } }),
      bench.listener("limited", [echo.port], { maxConnections: 1 }),
      bench.listener("broken", [talker.port]),
      bench.listener("idle", [echo.port], { idleTimeout: 10 }),
      bench.listener("announced", [echo.port], accept(60)),
      bench.listener("garbled", [echo.port], accept(60)),
      bench.listener("mute", [echo.port], accept(1)),
      ...more,
    ],
  });
  await bench.start(config([bench.listener("drained", [echo.port])]));

  using idle = await bench.connect("idle");
  using mute = await bench.connect("mute");
  const idleClient = endpoint(loopback, idle.localAddr.port);
  const clients: Record<string, string> = {};
  for (const listener of ["server", "dead", "empty", "denied"]) {
    clients[listener] = await bench.exchange(listener, "", false);
  }
  clients["client"] = await bench.exchange("client", "four");
  {
    using held = await bench.connect("limited");
    await assertEchoes(held, "in");
    await bench.exchange("limited");
  }
  await new Promise((resolve) => {
    const broken = net.connect(bench.port("broken"), loopback);
    broken.once("data", () => broken.resetAndDestroy());
    broken.once("close", resolve);
  });
  const from = loopback === "::1" ? "TCP6 2001:db8::7 2001:db8::2 4711 25" : "TCP4 203.0.113.7 198.51.100.2 4711 25";
  const peer = await bench.exchange("announced", `PROXY ${from}\r\nthree`);
  await bench.exchange("garbled", "GET / HTTP/1.0\r\n\r\n");
  {
    using drained = await bench.connect("drained");
    await assertEchoes(drained, "still here");
    const { status } = await bench.weir.reload(config([]));
    assert.equal(status, 200);
    await readAll(drained).catch(() => {});
  }
  bench.ports.delete("drained");
  await readAll(mute).catch(() => {});
  await readAll(idle).catch(() => {});

  const all = await waitForLines(bench.file, 13);
  const drained = lineOf(all, "drained");
  assert.deepEqual([drained.reason, drained.bytesIn, drained.bytesOut], ["drain", 10, 10]);
  const lines = all.filter((line) => line.listener !== "drained");
  await bench.assertCounted(lines);
  const at = (listener: string, rest: object) => ({
    type: "access",
    listener,
    client: clients[listener],
    destination: endpoint(loopback, bench.port(listener)),
    bytesIn: 0,
    bytesOut: 0,
    ...rest,
  });
  const to = (port: number) => ({ server: endpoint(loopback, port) });
  const expected: readonly (readonly [string, object])[] = [
    ["client", { ...to(echo.port), reason: "client_closed", bytesIn: 4, bytesOut: 4 }],
    ["server", { ...to(name.port), reason: "server_closed", bytesOut: 5 }],
    ["dead", {
      reason: "connect_failed",
      detail: `connection to ${endpoint(loopback, dead)} refused; is it running on that port?`,
    }],
    ["empty", { reason: "no_server" }],
    ["denied", { reason: "denied" }],
    ["idle", { ...to(echo.port), reason: "idle_timeout", client: idleClient }],
    ["announced", {
      ...to(echo.port),
      reason: "client_closed",
      bytesIn: 5,
      bytesOut: 5,
      client: loopback === "::1" ? "[2001:db8::7]:4711" : "203.0.113.7:4711",
      destination: loopback === "::1" ? "[2001:db8::2]:25" : "198.51.100.2:25",
      peer,
    }],
  ];
  for (const [listener, rest] of expected) assert.deepEqual(lineOf(lines, listener), at(listener, rest));
  assert.deepEqual(
    lines.filter((line) => line.listener === "limited").map(({ reason }) => reason),
    ["limit", "client_closed"],
  );
  const { reason, bytesOut, server } = lineOf(lines, "broken");
  assert.deepEqual([reason, server], ["reset", endpoint(loopback, talker.port)]);
  assert.ok(bytesOut > 0);
  const garbled = lineOf(lines, "garbled");
  assert.equal(garbled.reason, "proxy_header_invalid");
  assert.match(garbled.detail ?? "", /^clients of us have to send a PROXY protocol header: /);
  assert.equal(lineOf(lines, "mute").reason, "proxy_header_timeout");
  const idleLine = lines.find((line) => line.listener === "idle");
  assert.ok((idleLine?.duration ?? 0) >= 10, `${idleLine?.duration} s`);
});

eachFamily("the access log names a TLS client's version, cipher, SNI and certificate", async (loopback) => {
  await using echo = echoServer({ hostname: loopback });
  const headers: Uint8Array[] = [];
  await using headed = serve(async (connection) => {
    const buffer = new Uint8Array(4096);
    headers.push(buffer.slice(0, await connection.read(buffer) ?? 0));
    await writeAll(connection, bytes("hello"));
  }, { hostname: loopback });
  const [certificate, clients] = [await testCertificate(), await issueClients()];
  await using bench = new Bench(loopback);
  const overTls = (settings: Settings = {}) => ({ protocol: "TCP_SSL", tls: { certificate: "www", ...settings } });
  await bench.start({
    ...MUTUAL_STORE,
    listeners: [
      bench.listener("one-way", [echo.port], overTls({ alpn: ["h2", "http/1.1"] })),
      bench.listener("fast", [echo.port], overTls({ engine: "fast" })),
      bench.listener("mutual", [echo.port], overMutualTls()),
      bench.listener("known", [echo.port], overMutualTls()),
      bench.listener("headed", [headed.port], { ...overTls(), proxyProtocol: "v2" }),
      bench.listener("slow", [echo.port], overTls({ handshakeTimeout: 3 })),
      bench.listener("crowded", [echo.port], overTls({ maxHandshakes: 1 })),
    ],
  }, mutualFiles(certificate, [clients.root]));

  /** Asks for `localhost` and has a text sent back. */
  const talk = (name: string, options: tls.ConnectionOptions = {}) =>
    new Promise<void>((resolve, reject) => {
      const connection = tls.connect({
        host: loopback,
        port: bench.port(name),
        servername: "localhost",
        ca: certificate.certPem,
        ...options,
      });
      connection.once("secureConnect", () => connection.write("hello"));
      connection.once("data", () => connection.end());
      connection.once("error", reject);
      connection.once("close", () => connection.bytesRead > 0 ? resolve() : reject(new Error("nothing came back")));
    });
  await talk("one-way", { ALPNProtocols: ["http/1.1"] });
  await talk("fast");
  await talk("headed");
  await assert.rejects(talk("mutual"));
  const { certPem, keyPem } = clients.of.valid;
  await talk("known", { cert: certPem, key: keyPem });
  await bench.exchange("slow", "GET / HTTP/1.0\r\n\r\n");
  using silent = await bench.connect("slow");
  await readAll(silent).catch(() => {});
  {
    using first = await bench.connect("crowded");
    await until("the first is in", async () => (await bench.weir.listener("crowded")).connectionsActive === 1);
    await talk("crowded");
    await readAll(first).catch(() => {});
  }
  const lines = await waitForLines(bench.file, 9);
  await bench.assertCounted(lines);

  const oneWay = lineOf(lines, "one-way");
  const { cipher, ...rest } = oneWay.tls ?? { resumed: false };
  assert.match(cipher ?? "", /^TLS_/);
  assert.deepEqual(rest, { version: "TLSv1.3", serverName: "localhost", alpn: "http/1.1", resumed: false });
  assert.ok((oneWay.handshakeTime ?? 0) > 0);
  assert.deepEqual([oneWay.bytesIn, oneWay.bytesOut], [5, 5], "plain bytes");
  const decoded = decodeProxyHeader(headers[0] ?? new Uint8Array());
  assert.ok(decoded.state === "done" && decoded.header.command === "PROXY");
  const uniqueId = decoded.header.tlvs.find(({ type }) => type === TlvType.UNIQUE_ID)?.value;
  assert.equal(
    lines.find((line) => line.listener === "headed")?.id,
    new TextDecoder().decode(uniqueId),
    "the server knows the connection by the same name",
  );
  const known = lineOf(lines, "known");
  assert.deepEqual([known.tls?.clientCn, known.tls?.serverName, known.tls?.version], ["valid", "localhost", "TLSv1.3"]);
  // The runtime does not tell what it has agreed on.
  assert.deepEqual(lineOf(lines, "fast").tls, { resumed: false });
  const refused = lineOf(lines, "mutual");
  assert.deepEqual(
    [refused.reason, refused.failure, refused.tls?.serverName, refused.server],
    ["handshake_failed", "no_certificate", "localhost", undefined],
  );
  const slow = lines.filter((line) => line.listener === "slow").map(({ reason, failure }) => [reason, failure]);
  assert.deepEqual(slow, [["handshake_failed", "not_tls"], ["handshake_timeout", "timeout"]]);
  const crowded = lines.filter((line) => line.listener === "crowded").map(({ reason, failure }) => [reason, failure]);
  assert.deepEqual(crowded[0], ["handshake_limit", "too_many"]);
});
