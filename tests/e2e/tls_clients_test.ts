/** TLS clients that others wrote, and long, half-closed and quiet connections, over one-way and mutual listeners. @module */

import assert from "node:assert/strict";
import { receivePattern, sendPattern } from "../support/bulk.ts";
import { overTls, type TestCertificate, testCertificate } from "../support/certificates.ts";
import { backends, listener, type Settings } from "../support/configs.ts";
import { assertEchoes } from "../support/echo.ts";
import { familyTest, LOOPBACKS } from "../support/families.ts";
import { issueClients, MUTUAL_STORE, mutualFiles, overMutualTls } from "../support/mutual.ts";
import { TLS_VERSIONS } from "../support/openssl.ts";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { startRedis } from "../support/processes.ts";
import { RunningWeir } from "../support/program.ts";
import { echoServer, httpServer, readAll, serve, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** RSA: Deno 2.7.14 does not take every signature of EC keys over TLS 1.2. Such keys take long to make, so only once. */
const CLIENTS = await issueClients("RSA");

const KINDS = ["one-way", "mutual"] as const;

/** Two listeners for both families, with the files `client.pem`, `client.key` and `www.pem` for clients. */
interface Fronts extends AsyncDisposable {
  readonly running: RunningWeir;
  readonly certificate: TestCertificate;
  readonly ports: Readonly<Record<(typeof KINDS)[number], number>>;
}

async function startFronts(server: number, settings: Settings = {}): Promise<Fronts> {
  const ports = { "one-way": freePort("::"), mutual: freePort("::") };
  const certificate = await testCertificate();
  const group = backends([server]);
  const more = { address: "::", ipTranslation: true, ...settings };
  const running = await RunningWeir.start({
    ...MUTUAL_STORE,
    listeners: [
      listener(ports["one-way"], group, { ...overTls(), name: "one-way", ...more }),
      listener(ports.mutual, group, { ...overMutualTls(), name: "mutual", ...more }),
    ],
  }, {
    files: {
      ...mutualFiles(certificate, [CLIENTS.root]),
      "client.pem": CLIENTS.of.valid.certPem,
      "client.key": CLIENTS.of.valid.keyPem,
    },
  });
  return { running, certificate, ports, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

/** No handshake may have failed. */
async function assertNoFailures({ running }: Fronts): Promise<void> {
  for (const name of KINDS) {
    const { handshakeFailures } = await running.listener(name);
    assert.deepEqual(Object.values(handshakeFailures ?? {}).filter((count) => count > 0), [], name);
  }
}

peerTest("curl, with and without a client certificate, TLS 1.2 and 1.3", ["curl"], async ({ curl }) => {
  await using server = httpServer("hello");
  await using fronts = await startFronts(server.port);
  const { folder } = fronts.running;
  for (const kind of KINDS) {
    for (const host of ["127.0.0.1", "[::1]"]) {
      for (const version of [["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3"]]) {
        const own = kind === "mutual" ? ["--cert", `${folder}/client.pem`, "--key", `${folder}/client.key`] : [];
        const where = ["--connect-to", `::${host}:${fronts.ports[kind]}`, `https://localhost:${fronts.ports[kind]}/`];
        const args = ["-sS", "--noproxy", "*", "--cacert", `${folder}/www.pem`, ...version, ...own, ...where];
        const { code, stdout, stderr } = await run(curl, args);
        assert.deepEqual([stderr, stdout, code], ["", "hello", 0]);
      }
    }
  }
  await assertNoFailures(fronts);
});

const PYTHON_CLIENT = `
import socket, ssl, sys
folder, host, port, version, own = sys.argv[1:]
context = ssl.create_default_context(cafile=folder + "/www.pem")
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
if own == "own":
    context.load_cert_chain(folder + "/client.pem", folder + "/client.key")
try:
    with context.wrap_socket(socket.create_connection((host, int(port))), server_hostname="localhost") as client:
        client.sendall(b"hello")
        print(client.version(), client.recv(5).decode())
except ssl.SSLError as error:
    print(error.reason)
`;

peerTest("Python's ssl, and what it says when it has no certificate to show", ["python3"], async ({ python3 }) => {
  await using server = echoServer();
  await using fronts = await startFronts(server.port);
  const ask = async (kind: (typeof KINDS)[number], host: string, version: string, own: boolean) => {
    const port = String(fronts.ports[kind]);
    const args = ["-c", PYTHON_CLIENT, fronts.running.folder, host, port, version, own ? "own" : "none"];
    const { stdout, stderr } = await run(python3, args);
    return stdout.trim() + stderr;
  };
  for (const host of LOOPBACKS) {
    for (const [version, shown] of [["TLSv1_2", "TLSv1.2"], ["TLSv1_3", "TLSv1.3"]] as const) {
      assert.equal(await ask("one-way", host, version, false), `${shown} hello`);
      assert.equal(await ask("mutual", host, version, true), `${shown} hello`);
    }
  }
  await assertNoFailures(fronts);
  for (const version of ["TLSv1_2", "TLSv1_3"]) {
    assert.equal(await ask("mutual", "127.0.0.1", version, false), "TLSV13_ALERT_CERTIFICATE_REQUIRED");
  }
});

const NODE_CLIENT = `
const { readFileSync } = require("node:fs");
const { connect } = require("node:tls");
const [folder, host, port, version, own] = process.argv.slice(1);
const keys = own === "own" ? { cert: readFileSync(folder + "/client.pem"), key: readFileSync(folder + "/client.key") } : {};
const options = { host, port, servername: "localhost", ca: readFileSync(folder + "/www.pem"), ...keys };
const client = connect({ ...options, allowHalfOpen: true, minVersion: version, maxVersion: version });
let answer = "";
client.on("data", (data) => answer += data);
client.on("end", () => console.log(client.getProtocol(), client.authorized, answer));
client.on("error", (error) => console.log(error.code));
client.end("hello");
`;

peerTest("Node's tls, which ends its side with its question", ["node"], async ({ node }) => {
  await using server = serve(async (connection) => await writeAll(connection, await readAll(connection)));
  await using fronts = await startFronts(server.port);
  for (const kind of KINDS) {
    for (const host of LOOPBACKS) {
      for (const version of TLS_VERSIONS) {
        const own = kind === "mutual" ? "own" : "none";
        const args = ["-e", NODE_CLIENT, fronts.running.folder, host, `${fronts.ports[kind]}`, `TLSv${version}`, own];
        const { stdout, stderr } = await run(node, args);
        assert.equal(stdout + stderr, `TLSv${version} true hello\n`);
      }
    }
  }
  await assertNoFailures(fronts);
});

peerTest("redis-cli --tls to a Redis that speaks no TLS", ["redis-server", "redis-cli"], async (paths) => {
  await using server = await startRedis(paths["redis-server"]);
  await using fronts = await startFronts(server.port);
  const { folder } = fronts.running;
  for (const kind of KINDS) {
    const own = kind === "mutual" ? ["--cert", `${folder}/client.pem`, "--key", `${folder}/client.key`] : [];
    for (const host of LOOPBACKS) {
      const redis = async (...command: readonly string[]) => {
        const where = ["-h", host, "-p", `${fronts.ports[kind]}`, "--tls", "--sni", "localhost"];
        const args = [...where, "--cacert", `${folder}/www.pem`, ...own, ...command];
        return await run(paths["redis-cli"], args);
      };
      assert.equal((await redis("SET", `${kind} ${host}`, "hello")).stdout, "OK\n");
      assert.equal((await redis("GET", `${kind} ${host}`)).stdout, "hello\n");
    }
  }
  await assertNoFailures(fronts);
});

/** Connects with the client certificate that the mutual listener asks for. */
async function connectMutual({ ports, certificate }: Fronts, hostname = "127.0.0.1"): Promise<Deno.TlsConn> {
  const { certPem: cert, keyPem: key } = CLIENTS.of.valid;
  const connection = await Deno.connectTls({
    ...{ hostname, port: ports.mutual, caCerts: [certificate.certPem], cert, key },
    ...{ unsafelyDisableHostnameVerification: true },
  });
  await connection.handshake();
  return connection;
}

async function ended({ running }: Fronts, reason: string): Promise<void> {
  await until(`a connection ended with ${reason}`, async () => {
    const { connectionsActive, connectionsEnded } = await running.listener("mutual");
    return connectionsActive === 0 && connectionsEnded[reason] === 1;
  });
}

const MIB = 1024 * 1024;
const BULK = (Deno.env.get("WEIR_LONG") === "1" ? 1024 : 200) * MIB;

familyTest(`${BULK / MIB} MiB in each direction at once arrive byte for byte over mutual TLS`, async (hostname) => {
  const atServer = Promise.withResolvers<readonly [sent: unknown, received: unknown]>();
  await using server = serve(async (connection) => {
    await Promise.all([sendPattern(connection, 2, BULK), receivePattern(connection)])
      .then(atServer.resolve, atServer.reject);
  });
  await using fronts = await startFronts(server.port);
  using connection = await connectMutual(fronts, hostname);
  const [sent, received] = await Promise.all([sendPattern(connection, 1, BULK), receivePattern(connection)]);
  const [serverSent, serverReceived] = await atServer.promise;
  assert.equal(sent.bytes, BULK);
  assert.deepEqual(serverReceived, sent);
  assert.deepEqual(received, serverSent);
  await until("the connection is over", async () => {
    const { connectionsActive, bytesIn, bytesOut } = await fronts.running.listener("mutual");
    return connectionsActive === 0 && bytesIn === BULK && bytesOut === BULK;
  });
});

familyTest("a client that has ended its side of a mutual TLS connection reads on", async (hostname) => {
  await using server = serve(async (connection) => {
    const question = await readAll(connection);
    for (let line = 1; line <= 100; line++) await writeAll(connection, encode(`${decode(question)} ${line}\n`));
  });
  await using fronts = await startFronts(server.port);
  using connection = await connectMutual(fronts, hostname);
  await writeAll(connection, encode("line"));
  await connection.closeWrite();
  const wanted = Array.from({ length: 100 }, (_, index) => `line ${index + 1}\n`).join("");
  assert.equal(decode(await readAll(connection)), wanted);
  await ended(fronts, "client_closed");
});

familyTest(
  "a server that has ended its side of a mutual TLS connection gets what the client sends",
  async (hostname) => {
    const got = Promise.withResolvers<string>();
    await using server = serve(async (connection) => {
      await writeAll(connection, encode("goodbye"));
      await connection.closeWrite();
      got.resolve(decode(await readAll(connection)));
    });
    await using fronts = await startFronts(server.port);
    using connection = await connectMutual(fronts, hostname);
    assert.equal(decode(await readAll(connection)), "goodbye", "an end that is one, not a connection cut off");
    await writeAll(connection, encode("one more thing"));
    await connection.closeWrite();
    assert.equal(await got.promise, "one more thing");
    await ended(fronts, "server_closed");
  },
);

Deno.test("a mutual TLS connection on which nothing moves ends at the idle timeout", async () => {
  await using server = echoServer();
  await using fronts = await startFronts(server.port, { idleTimeout: 10 });
  using connection = await connectMutual(fronts);
  const startedAt = performance.now();
  await assertEchoes(connection, "before");
  await readAll(connection).catch(() => {});
  const seconds = (performance.now() - startedAt) / 1000;
  assert.ok(seconds > 9, `it ended after ${seconds} s`);
  await ended(fronts, "idle_timeout");
});
