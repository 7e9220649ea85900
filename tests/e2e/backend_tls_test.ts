/** TLS to servers of others, and to those that are not who they should be. @module */

import assert from "node:assert/strict";
import { receivePattern, sendPattern } from "../support/bulk.ts";
import { issue, type Issued, type IssueRequest, PURPOSES } from "../support/authority.ts";
import { CERTIFICATE_STORE, certificateFiles, overTls, testCertificate } from "../support/certificates.ts";
import { backends, listener, QUICK_CHECKS, type Settings } from "../support/configs.ts";
import { alike, shown } from "../support/documentation.ts";
import { assertEchoes } from "../support/echo.ts";
import { familyTest, LOOPBACKS } from "../support/families.ts";
import { TLS_VERSIONS } from "../support/openssl.ts";
import { peerTest } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { echoServer, readAll, serve, writeAll } from "../support/servers.ts";
import {
  type ShownChain,
  startHaproxyTls,
  startNginxTls,
  startOpensslServer,
  type TlsPeer,
} from "../support/tls_peers.ts";
import { OLD_VERSION_ALERT, tlsEchoServer } from "../support/tls_servers.ts";
import { until } from "../support/wait.ts";

const MIB = 1024 * 1024;
const NAME = "app.internal";
const SECRET = "GET /secret HTTP/1.0\r\n\r\n";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** RSA: Deno 2.7.14 does not take every signature of EC keys over TLS 1.2. */
const ROOT = await issue({ name: "Root", ca: true, key: "RSA" });
const FORGED = await issue({ name: "Root", ca: true, key: "RSA" });
const MIDDLE = await issue({ name: "Middle", ca: true, key: "RSA", issuer: ROOT });
const { keys } = ROOT;
/** A server's certificate; RSA keys take long to make, so they all share one. */
const server = (request: Partial<IssueRequest> = {}) =>
  issue({ name: NAME, hosts: [NAME], key: "RSA", keys, issuer: ROOT, ...request });
const GOOD = await server();
const CHAIN: ShownChain = [await server({ issuer: MIDDLE }), MIDDLE];

const STORE = { clientCAs: { internal: { certFile: "internal.pem" } } };
const FILES = { "internal.pem": ROOT.certPem };
const TLS = { backendTls: { serverName: NAME, ca: "internal" } };

/** A group over servers on one address. */
function group(hostname: string, ports: readonly number[], settings: Settings = TLS): Settings {
  return backends(ports.map((port) => ({ address: hostname, port })), settings);
}

/** A listener for plain text on the same address. */
async function start(hostname: string, ports: readonly number[], settings: Settings = TLS, more: Settings = {}) {
  const port = freePort(hostname);
  const listeners = [listener(port, group(hostname, ports, settings), { address: hostname, ...more })];
  const running = await RunningWeir.start({ ...STORE, listeners }, { files: FILES });
  return { port, running };
}

const portOf = ({ ports }: TlsPeer, hostname: string) => hostname === "::1" ? ports.IPv6 : ports.IPv4;

/** Sends something, and reads until the end. */
async function ask(hostname: string, port: number, request = SECRET): Promise<string> {
  using connection = await Deno.connect({ hostname, port });
  await writeAll(connection, encode(request));
  return decode(await readAll(connection));
}

/** The body of an HTTP answer. */
const bodyOf = (answer: string) => answer.slice(answer.indexOf("\r\n\r\n") + 4);

for (const version of TLS_VERSIONS) {
  peerTest(`nginx over TLS ${version}, asked for its name`, ["nginx"], async ({ nginx }) => {
    await using peer = await startNginxTls(nginx, CHAIN, `TLSv${version}`);
    for (const hostname of LOOPBACKS) {
      const { port, running } = await start(hostname, [portOf(peer, hostname)]);
      await using _running = running;
      for (let round = 0; round < 5; round++) {
        assert.equal(bodyOf(await ask(hostname, port)), `TLSv${version} ${NAME}`);
      }
      const [one] = (await running.listener("web")).servers;
      assert.deepEqual([one?.connectionsTotal, one?.connectFailures], [5, 0], "no session was resumed, none refused");
    }
  });
}

peerTest("nginx gives a request up whose client has gone", ["nginx"], async ({ nginx }) => {
  await using app = serve(async (connection) => void await readAll(connection));
  await using peer = await startNginxTls(nginx, CHAIN, "TLSv1.3", app.port);
  const { port, running } = await start("127.0.0.1", [peer.ports.IPv4]);
  await using _running = running;
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(connection, encode("GET /app HTTP/1.0\r\n\r\n"));
  await until("the application is asked", () => app.open === 1);
  connection.close();
  await until("nobody waits for it any more", () => app.open === 0);
  await until("the connection is over", async () => (await running.listener("web")).connectionsActive === 0);
});

peerTest("haproxy, told of the client by PROXY protocol v2 in front of TLS", ["haproxy"], async ({ haproxy }) => {
  await using peer = await startHaproxyTls(haproxy, [GOOD], { bind: "accept-proxy" });
  for (const hostname of LOOPBACKS) {
    const { port, running } = await start(hostname, [portOf(peer, hostname)], TLS, { proxyProtocol: "v2" });
    await using _running = running;
    using connection = await Deno.connect({ hostname, port });
    await writeAll(connection, encode(SECRET));
    const { localAddr } = connection;
    assert.equal(bodyOf(decode(await readAll(connection))), `${hostname} ${localAddr.port} ${NAME}`);
  }
});

peerTest("openssl s_server, over TLS 1.2 and TLS 1.3", ["openssl"], async ({ openssl }) => {
  for (const version of TLS_VERSIONS) {
    await using peer = await startOpensslServer(openssl, [GOOD], ["-rev", `-tls${version.replace(".", "_")}`]);
    for (const hostname of LOOPBACKS) {
      const { port, running } = await start(hostname, [portOf(peer, hostname)]);
      await using _running = running;
      for (let round = 0; round < 3; round++) {
        using connection = await Deno.connect({ hostname, port });
        await writeAll(connection, encode("olleh\n"));
        const buffer = new Uint8Array(10);
        assert.equal(decode(buffer.subarray(0, await connection.read(buffer) ?? 0)), "hello\n");
      }
    }
  }
});

/** Servers that must not get a byte of a client's, with what is said of them. */
const IMPOSTORS: readonly {
  readonly what: string;
  readonly chain: () => Promise<ShownChain>;
  readonly options?: readonly string[];
  readonly reason: string;
}[] = [
  {
    what: "whose certificate another CA of that name has signed",
    chain: async () => [await server({ issuer: FORGED }), FORGED],
    reason: 'certificate of HERE was not issued by "internal"',
  },
  {
    what: "whose certificate has expired",
    chain: async () => [await server({ to: "2021-01-01T00:00:00Z" })],
    reason: "certificate of HERE has expired, on 2021-01-01",
  },
  {
    what: "whose certificate is not valid yet",
    chain: async () => [await server({ from: "2088-01-01T00:00:00Z" })],
    reason: "certificate of HERE is not valid yet, but from 2088-01-01 on",
  },
  {
    what: "whose certificate is for another name",
    chain: async () => [await server({ hosts: ["b.internal"] })],
    reason: "certificate of HERE is not for app.internal, but for b.internal",
  },
  {
    what: "whose certificate is for clients",
    chain: async () => [await server({ purposes: [PURPOSES.client] })],
    reason: "certificate of HERE is not meant for servers",
  },
  {
    what: "whose certificate is self-signed",
    chain: async () => [await issue({ name: NAME, hosts: [NAME] })],
    reason: 'certificate of HERE was not issued by "internal", but by itself',
  },
  {
    what: "that does not show the intermediate",
    chain: () => Promise.resolve([CHAIN[0]]),
    reason: 'certificate of HERE was not issued by "internal"',
  },
  {
    // The TLS library looks at names only in such chains.
    what: "whose certificate is of version 1 and names the CA as its issuer",
    chain: async () => [await server({ version: 1, issuer: FORGED })],
    reason: "certificate of HERE is of X.509 version 1, which TLS does not take",
  },
  {
    what: "that speaks TLS 1.1 at most",
    chain: () => Promise.resolve([GOOD]),
    options: ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
    reason: "HERE speaks neither TLS 1.2 nor TLS 1.3",
  },
];

Deno.test("docs/backend-tls.md shows what is logged of a server whose certificate has expired", () => {
  const reason = IMPOSTORS.find(({ what }) => what === "whose certificate has expired")?.reason ?? "";
  const line = `Server 10.0.0.11:8443 of listener "web" was passed over: ${reason.replace("HERE", "10.0.0.11:8443")}`;
  assert.deepEqual(alike(shown("docs/backend-tls.md", "Server 10.0.0.11:8443")), alike(line));
});

for (const { what, chain, options = [], reason } of IMPOSTORS) {
  peerTest(`a server ${what} is passed over and hears nothing`, ["openssl"], async ({ openssl }) => {
    await using impostor = await startOpensslServer(openssl, await chain(), options);
    for (const hostname of LOOPBACKS) {
      await using app = tlsEchoServer([GOOD], { hostname });
      const wrong = portOf(impostor, hostname);
      const { port, running } = await start(hostname, [wrong, app.port]);
      await using _running = running;
      for (let round = 0; round < 4; round++) {
        using connection = await Deno.connect({ hostname, port });
        await assertEchoes(connection, SECRET);
      }
      const { servers: [first, second] } = await running.listener("web");
      assert.deepEqual([first?.connectionsTotal, second?.connectionsTotal], [0, 4]);
      assert.ok((first?.connectFailures ?? 0) >= 2);
      const here = hostname === "::1" ? `[::1]:${wrong}` : `127.0.0.1:${wrong}`;
      const line = `Server ${here} of listener "web" was passed over: ${reason.replace("HERE", here)}`;
      await until("it is logged", () => running.log.includes(JSON.stringify(line).slice(1, -1)));
    }
    assert.equal(impostor.received, "");
  });
}

familyTest("servers that speak no TLS are passed over and hear nothing of the client", async (hostname) => {
  let heard = "";
  const answering = (answer: Uint8Array) =>
    serve(async (connection) => {
      const buffer = new Uint8Array(65536);
      for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
        heard += String.fromCharCode(...buffer.subarray(0, count));
        await writeAll(connection, answer);
      }
    }, { hostname });
  await using plain = answering(encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await using old = answering(OLD_VERSION_ALERT);
  await using silent = answering(new Uint8Array());
  await using hangsUp = serve(() => Promise.resolve(), { hostname });
  const strangers = [plain, old, silent, hangsUp];
  await using app = tlsEchoServer([GOOD], { hostname });
  const more = { connectTimeout: 1 };
  const { port, running } = await start(hostname, [...strangers, app].map((one) => one.port), TLS, more);
  await using _running = running;
  for (let round = 0; round < 5; round++) {
    using connection = await Deno.connect({ hostname, port });
    await assertEchoes(connection, SECRET);
  }
  const { servers } = await running.listener("web");
  assert.deepEqual(servers.map((one) => one.connectionsTotal), [0, 0, 0, 0, 5]);
  for (const one of servers.slice(0, 4)) assert.ok(one.connectFailures > 0, one.server);
  assert.ok(heard.includes(NAME) && !heard.includes("secret"));
  const at = hostname === "::1" ? "[::1]" : hostname;
  const silence = `no TLS handshake with ${at}:${silent.port} within 1 s`;
  await until("the silence is logged", () => running.log.includes(silence));
  await until("they are left alone", () => strangers.every((one) => one.open === 0));
});

Deno.test("with verify false everybody may answer, and a warning says so", async () => {
  const itself = await issue({ name: "somebody", hosts: ["else.internal"] });
  await using app = tlsEchoServer([itself]);
  const { port, running } = await start("127.0.0.1", [app.port], { backendTls: { verify: false } });
  await using _running = running;
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await assertEchoes(connection, "hello");
  assert.equal(app.handshakes, 1);
  await running.untilLogged("backendTls.verify: is false, so servers need not prove who they are");
});

peerTest("haproxy gets and sends 64 MiB byte for byte, both ways at once", ["haproxy"], async ({ haproxy }) => {
  const bytes = 64 * MIB;
  for (const hostname of LOOPBACKS) {
    await using echo = echoServer();
    await using peer = await startHaproxyTls(haproxy, CHAIN, { to: echo.port });
    const { port, running } = await start(hostname, [portOf(peer, hostname)]);
    await using _running = running;
    using connection = await Deno.connect({ hostname, port });
    const [sent, received] = await Promise.all([sendPattern(connection, 1, bytes), receivePattern(connection)]);
    assert.deepEqual(received, sent);
    await until("the connection is over", async () => (await running.listener("web")).connectionsActive === 0);
    const { bytesIn, bytesOut, connectionsEnded } = await running.listener("web");
    assert.deepEqual([bytesIn, bytesOut, connectionsEnded["client_closed"]], [bytes, bytes, 1]);
  }
});

/** How many bytes a connection takes from a client that does not read what comes back. */
async function heldUp(hostname: string, port: number): Promise<number> {
  using connection = await Deno.connect({ hostname, port });
  const piece = new Uint8Array(65536);
  let [taken, isOpen] = [0, true];
  const writing = (async () => {
    while (isOpen) taken += await connection.write(piece);
  })();
  writing.catch(() => {}); // it is closed in the midst of it
  let [before, same] = [-1, 0];
  await until("nothing is taken any more", () => {
    same = taken === before ? same + 1 : 0;
    before = taken;
    return taken > 0 && same === 20;
  });
  isOpen = false;
  return taken;
}

/** One in thirty failed when TCP's end went to the server together with the goodbye; connect_tls_test.ts looks at that. */
const STOPPED_UP = Deno.env.get("WEIR_LONG") === "1" ? 200 : 4;

peerTest(
  "haproxy that is stopped up both ways when the client ends gives all of it back",
  ["haproxy"],
  async ({ haproxy }) => {
    const hostname = "127.0.0.1";
    await using echo = echoServer();
    await using peer = await startHaproxyTls(haproxy, CHAIN, { to: echo.port });
    const { port, running } = await start(hostname, [portOf(peer, hostname)]);
    await using _running = running;
    // Somewhat less than what all buffers on the way hold: the client's last words are taken, but haproxy cannot pass
    // them on until the client begins to read.
    const held = await heldUp(hostname, port);
    for (let sent = 0; sent < STOPPED_UP; sent += 4) {
      const sizes = [0, 1, 2, 3].map((index) => Math.floor(held * (0.99 - 0.1 * (sent + index) / STOPPED_UP)));
      await Promise.all(sizes.map(async (size) => {
        using connection = await Deno.connect({ hostname, port });
        let isSent = false;
        const sending = writeAll(connection, new Uint8Array(size)).then(() => connection.closeWrite());
        sending.then(() => isSent = true, () => {}); // awaited below
        let looks = 0;
        await until("all is sent, or stopped up", () => isSent || ++looks === 50);
        assert.equal((await readAll(connection)).length, size);
        await sending;
      }));
    }
  },
);

Deno.test("either side may end first, and the other go on", async () => {
  await using app = tlsEchoServer([GOOD], { greeting: "220 ready\r\n" });
  const { port, running } = await start("127.0.0.1", [app.port]);
  await using _running = running;
  // The client ends first: what it said comes back after that.
  using first = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(first, encode("hello"));
  await first.closeWrite();
  assert.equal(decode(await readAll(first)), "220 ready\r\nhello");
  await until(
    "the client's end counts",
    async () => (await running.listener("web")).connectionsEnded["client_closed"] === 1,
  );
  // The server ends first: the client sees it, and may go on sending.
  const gathered = Promise.withResolvers<string>();
  const listening = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: GOOD.certPem, key: GOOD.keyPem });
  using _listening = listening;
  const serving = (async () => {
    using connection = await listening.accept();
    await writeAll(connection, encode("bye"));
    await connection.closeWrite();
    gathered.resolve(decode(await readAll(connection)));
  })();
  const other = await start("127.0.0.1", [listening.addr.port]);
  await using _other = other.running;
  using second = await Deno.connect({ hostname: "127.0.0.1", port: other.port });
  assert.equal(decode(await readAll(second)), "bye");
  await writeAll(second, encode("and one more thing"));
  await second.closeWrite();
  assert.equal(await gathered.promise, "and one more thing");
  await serving;
});

familyTest("TLS that ends at Weir goes on encrypted", async (hostname) => {
  const bytes = 16 * MIB;
  await using app = tlsEchoServer(CHAIN, { hostname });
  const certificate = await testCertificate();
  const port = freePort(hostname);
  const listeners = [listener(port, group(hostname, [app.port]), { address: hostname, ...overTls() })];
  await using running = await RunningWeir.start({ ...STORE, certificates: CERTIFICATE_STORE, listeners }, {
    files: { ...FILES, ...certificateFiles(certificate) },
  });
  const caCerts = [certificate.certPem];
  const connection = await Deno.connect({ hostname, port });
  using secured = await Deno.startTls(connection, { hostname: "localhost", caCerts });
  const [sent, received] = await Promise.all([sendPattern(secured, 1, bytes), receivePattern(secured)]);
  assert.deepEqual(received, sent);
  assert.equal(app.received, bytes);
  assert.equal((await running.listener("web")).servers[0]?.connectFailures, 0);
});

Deno.test("a reload changes how servers are reached, in place: new connections go by it, established ones stay", async () => {
  await using secure = tlsEchoServer([GOOD]);
  await using plain = echoServer();
  const port = freePort();
  const configOf = (server: number, settings: Settings) => ({
    ...STORE,
    listeners: [listener(port, group("127.0.0.1", [server], settings))],
  });
  await using running = await RunningWeir.start(configOf(plain.port, {}), { files: FILES });
  using before = await Deno.connect({ hostname: "127.0.0.1", port });
  await assertEchoes(before, "before");
  const { body } = await running.reload(configOf(secure.port, TLS));
  assert.deepEqual((body as { changes: unknown }).changes, [{ listener: "web", action: "update", settings: ["pool"] }]);
  using after = await Deno.connect({ hostname: "127.0.0.1", port });
  await assertEchoes(after, "after");
  await assertEchoes(before, "still here");
  assert.equal(secure.received, "after".length);
  const shown = await running.admin("/v1/listeners/web");
  const { backendTls } = shown.body as { backendTls: unknown };
  assert.deepEqual(backendTls, { serverName: NAME, ca: "internal", verify: true });
  const { body: ca } = await running.admin("/v1/certificates/internal?kind=clientCA");
  assert.deepEqual((ca as { users: unknown }).users, ["web"]);
});

/** Whether a client reaches a server that sends back what it gets. */
async function isReached(port: number): Promise<boolean> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(connection, encode("x"));
  await connection.closeWrite();
  return decode(await readAll(connection)) === "x";
}

Deno.test("a CA that is renewed counts for new connections, and one that has gone does not", async () => {
  await using app = tlsEchoServer([GOOD]);
  const { port, running } = await start("127.0.0.1", [app.port]);
  await using _running = running;
  using before = await Deno.connect({ hostname: "127.0.0.1", port });
  await assertEchoes(before, "before");
  await Deno.writeTextFile(`${running.folder}/internal.pem`, FORGED.certPem);
  await until("the old CA counts no more", async () => !(await isReached(port)));
  await assertEchoes(before, "still here");
  await Deno.writeTextFile(`${running.folder}/internal.pem`, FORGED.certPem + ROOT.certPem);
  await until("both count", () => isReached(port));
});

Deno.test("without a CA of its own a server must have a certificate of a CA that the system trusts", async () => {
  await using app = tlsEchoServer(CHAIN);
  await using other = tlsEchoServer([await server({ issuer: FORGED })]);
  const settings = { backendTls: { serverName: NAME } };
  // What the system trusts does not count where a CA is given.
  const given = { backendTls: { serverName: NAME, ca: "internal" } };
  const ports = [freePort(), freePort(), freePort(), freePort()];
  const servers = [[app, settings], [other, settings], [app, given], [other, given]] as const;
  const config = {
    ...STORE,
    listeners: servers.map(([one, tls], index) =>
      listener(ports[index] ?? 0, group("127.0.0.1", [one.port], tls), { name: `web${index}` })
    ),
  };
  const folder = await Deno.makeTempDir({ prefix: "weir-roots-" });
  try {
    await Deno.writeTextFile(`${folder}/roots.pem`, ROOT.certPem);
    const trusting = { DENO_TLS_CA_STORE: "system", SSL_CERT_FILE: `${folder}/roots.pem` };
    const vectors = [[trusting, ["hello", "", "", "hello"]], [{}, ["", "", "", "hello"]]] as const;
    for (const [env, gets] of vectors) {
      await using _running = await RunningWeir.start(config, { env, files: { "internal.pem": FORGED.certPem } });
      for (const [index, port] of ports.entries()) {
        using connection = await Deno.connect({ hostname: "127.0.0.1", port });
        await writeAll(connection, encode("hello"));
        await connection.closeWrite();
        assert.equal(decode(await readAll(connection)), gets[index], `${JSON.stringify(env)} ${index}`);
      }
    }
    assert.deepEqual([app.received, other.received], ["hello".length, 2 * "hello".length]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a server by host name must prove to be that; one by address, to be that", async () => {
  const local = await server({ hosts: ["localhost"] });
  const four = await server({ hosts: [], addresses: [[127, 0, 0, 1]] });
  const six = await server({ hosts: [], addresses: [[...new Array<number>(15).fill(0), 1]] });
  const settings = { backendTls: { ca: "internal" } };
  const vectors: readonly (readonly [address: string, hostname: string, own: Issued, gets: string])[] = [
    ["localhost", "127.0.0.1", local, "hello"],
    ["localhost", "127.0.0.1", four, ""],
    ["127.0.0.1", "127.0.0.1", four, "hello"],
    ["127.0.0.1", "127.0.0.1", local, ""],
    ["::1", "::1", six, "hello"],
    ["::1", "::1", four, ""],
  ];
  await using stack = new AsyncDisposableStack();
  const listeners: Settings[] = [];
  const ports: number[] = [];
  for (const [index, [address, hostname, own]] of vectors.entries()) {
    const app = stack.use(tlsEchoServer([own], { hostname }));
    const port = freePort(hostname);
    ports.push(port);
    const pool = backends([{ address, port: app.port }], settings);
    listeners.push(listener(port, pool, { name: `web${index}`, address: hostname }));
  }
  const running = stack.use(await RunningWeir.start({ ...STORE, listeners }, { files: FILES }));
  for (const [index, [address, hostname, , gets]] of vectors.entries()) {
    using connection = await Deno.connect({ hostname, port: ports[index] ?? 0 });
    await writeAll(connection, encode("hello"));
    await connection.closeWrite();
    assert.equal(decode(await readAll(connection)), gets, `${index} ${address}\n${running.log}`);
  }
  const port = (await running.listener("web1")).servers[0]?.server.split(":").at(-1);
  const line = `certificate of localhost:${port} at 127.0.0.1 is not for localhost, but for 127.0.0.1`;
  await until("the name is logged", () => running.log.includes(line));
});

Deno.test("failed handshakes make a server Abnormal, while its probes succeed", async () => {
  await using impostor = tlsEchoServer([await issue({ name: NAME, hosts: [NAME] })]);
  await using app = tlsEchoServer([GOOD]);
  const { port, running } = await start("127.0.0.1", [impostor.port, app.port], { ...TLS, healthCheck: QUICK_CHECKS });
  await using _running = running;
  await until(
    "both are probed",
    async () => (await running.listener("web")).servers.every((one) => one.health === "Healthy"),
  );
  const reason = await until("it is Abnormal", async () => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await assertEchoes(connection, "hello");
    const { lastChange } = (await running.listener("web")).servers[0] ?? {};
    return lastChange?.to === "Abnormal" && lastChange.reason;
  });
  assert.equal(
    reason,
    `3 connections in a row failed, the last: certificate of 127.0.0.1:${impostor.port} was not issued by "internal", but by itself`,
  );
  assert.deepEqual([impostor.handshakes, impostor.received], [0, 0]);
});
