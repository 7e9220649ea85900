/** TLS clients that never finish, break off or send nonsense: they harm nobody, and nothing of them is left. @module */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { CERTIFICATE_STORE, certificateFiles, connectTls, overTls, testCertificate } from "../support/certificates.ts";
import {
  inRecordsOfOneByte,
  oversizedClientHello,
  readToAnyEnd,
  recordClientHello,
  relayInPieces,
  type Rewrite,
} from "../support/client_hello.ts";
import { backends, listener, type Settings } from "../support/configs.ts";
import { assertEchoes } from "../support/echo.ts";
import { LOOPBACKS } from "../support/families.ts";
import { askWithOpenssl, TLS_VERSIONS } from "../support/openssl.ts";
import { peerTest } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { startNginx } from "../support/processes.ts";
import { RunningWeir } from "../support/program.ts";
import { echoServer, holdServer, httpServer, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";
import { wrkWithoutErrors } from "../support/wrk.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** A listener for both families. */
async function startFront(server: number, tls: Settings = {}, settings: Settings = {}) {
  const port = freePort("::");
  const certificate = await testCertificate();
  const running = await RunningWeir.start({
    certificates: CERTIFICATE_STORE,
    listeners: [listener(port, backends([server]), { ...overTls(tls), address: "::", ipTranslation: true })],
    ...settings,
  }, { files: certificateFiles(certificate) });
  return { port, certificate, running };
}

/** How many descriptors the program holds. */
function descriptorsOf({ pid }: RunningWeir): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

async function failuresOf(running: RunningWeir): Promise<Record<string, number>> {
  const { handshakeFailures } = await running.listener("web");
  return Object.fromEntries(Object.entries(handshakeFailures ?? {}).filter(([, count]) => count > 0));
}

/** Descriptors that come and go by themselves: connections to the admin API. */
const OTHERS = 5;

/** Bad clients of one kind. */
const EACH = 50;

const SILENT = 2000;
const TIMEOUT_SECONDS = 4;

peerTest(
  `${SILENT} clients that never finish their handshake are closed at the timeout, and wrk has no error meanwhile`,
  ["wrk", "nginx"],
  async (paths) => {
    await using server = await startNginx(paths.nginx, "hello");
    const { port, running } = await startFront(server.port, { handshakeTimeout: TIMEOUT_SECONDS });
    await using _running = running;
    const hello = await recordClientHello();
    const load = (seconds: number) =>
      wrkWithoutErrors(paths.wrk, [
        ...["--latency", "-t1", "-c20", `-d${seconds}s`, "-H", "Connection: close", `https://127.0.0.1:${port}/`],
      ]);
    await load(1);
    await until("wrk is gone", async () => (await running.listener("web")).connectionsActive === 0);
    const before = descriptorsOf(running);

    const good = load(TIMEOUT_SECONDS + 3);
    const seconds = await Promise.all(
      Array.from({ length: SILENT }, async (_, index) => {
        // Before it connects: Weir may have accepted it long before this crowded thread comes back to it.
        const startedAt = performance.now();
        using connection = await Deno.connect({ hostname: LOOPBACKS[index % 2] ?? "", port });
        if (index % 4 < 2) await writeAll(connection, hello.subarray(0, hello.length / 2));
        assert.equal((await readToAnyEnd(connection)).length, 0);
        return (performance.now() - startedAt) / 1000;
      }),
    );
    // The wheel of deadlines turns in steps, and waits for a full one.
    assert.ok(Math.min(...seconds) >= TIMEOUT_SECONDS - 0.1, `one was closed after ${Math.min(...seconds)} s`);
    assert.deepEqual((await failuresOf(running))["timeout"], SILENT);
    assert.equal((await running.listener("web")).connectionsEnded["handshake_timeout"], SILENT);
    await good;
    await until("no descriptor is left of them", () => descriptorsOf(running) <= before + OTHERS);
  },
);

Deno.test("above maxHandshakes the oldest goes, and those that finish are never touched", async () => {
  await using server = echoServer();
  const { port, certificate, running } = await startFront(server.port, { maxHandshakes: 10 });
  await using _running = running;
  using established = await connectTls(port, certificate);
  await assertEchoes(established, "its handshake is over for both sides");
  await using silent = new AsyncDisposableStack();
  const ends: { index: number; over: boolean }[] = [];
  for (let index = 0; index < 15; index++) {
    const connection = silent.use(await Deno.connect({ hostname: LOOPBACKS[index % 2] ?? "", port }));
    const end = { index, over: false };
    ends.push(end);
    void readToAnyEnd(connection).then(() => end.over = true);
    const expected = Math.max(0, index + 1 - 10);
    await until("it has been accepted", async () => (await running.listener("web")).connectionsTotal >= index + 2);
    await until("the oldest has gone", () => ends.filter(({ over }) => over).length === expected);
  }
  assert.deepEqual(ends.filter(({ over }) => over).map(({ index }) => index), [0, 1, 2, 3, 4]);
  for (let count = 0; count < 5; count++) {
    using another = await connectTls(port, certificate);
    await assertEchoes(another, "there is always room for one that finishes");
  }
  await assertEchoes(established, "still here");
  // The first of them needed the place of one more, and gave it back.
  assert.deepEqual(await failuresOf(running), { too_many: 6 });
  assert.equal((await running.listener("web")).connectionsEnded["handshake_limit"], 6);
});

/** A client that goes wrong. */
interface BadClient {
  readonly what: string;
  /** Its reason in `handshakeFailures`. */
  readonly reason: string;
  /** How it ends in `connectionsEnded`. */
  readonly end?: string;
  /** @param accepted resolves when Weir has accepted all of them */
  attack(port: number, hostname: string, accepted: () => Promise<unknown>): Promise<void>;
}

/** Sends bytes, and stays until the end. */
const sends = (bytes: () => Uint8Array | Promise<Uint8Array>) => async (port: number, hostname: string) => {
  using connection = await Deno.connect({ hostname, port });
  await writeAll(connection, await bytes()).catch(() => {}); // it may be cut off before it is through
  await readToAnyEnd(connection);
};

/**
 * Sends bytes, and goes once there is an answer, or when Weir has accepted it: of a client that resets before that
 * nothing is left to be accepted.
 */
const hangsUp = (how: "end" | "reset", bytes: () => Promise<Uint8Array>, answered: boolean) =>
async (
  port: number,
  host: string,
  accepted: () => Promise<unknown>,
) => {
  const socket = connectSocket({ host, port });
  await once(socket, "connect");
  socket.write(await bytes());
  await (answered ? once(socket, "data") : accepted());
  const closed = once(socket, "close");
  if (how === "reset") socket.resetAndDestroy();
  else socket.destroy();
  await closed;
};

const half = async () => {
  const hello = await recordClientHello();
  return hello.subarray(0, hello.length / 2);
};

const BAD_CLIENTS: readonly BadClient[] = [
  { what: "HTTP without TLS", reason: "not_tls", attack: sends(() => encode("GET / HTTP/1.1\r\nhost: x\r\n\r\n")) },
  { what: "SSH", reason: "not_tls", attack: sends(() => encode("SSH-2.0-OpenSSH_9.6\r\n")) },
  { what: "zeroes", reason: "not_tls", attack: sends(() => new Uint8Array(5000)) },
  { what: "an oversized hello", reason: "hello_too_large", attack: sends(oversizedClientHello) },
  { what: "nothing at all", reason: "timeout", end: "handshake_timeout", attack: sends(() => new Uint8Array(0)) },
  { what: "half a hello, then silence", reason: "timeout", end: "handshake_timeout", attack: sends(half) },
  { what: "half a hello, then its end", reason: "hung_up", attack: hangsUp("end", half, false) },
  { what: "half a hello, then a reset", reason: "hung_up", attack: hangsUp("reset", half, false) },
  { what: "half a handshake, then its end", reason: "hung_up", attack: hangsUp("end", recordClientHello, true) },
  { what: "half a handshake, then a reset", reason: "hung_up", attack: hangsUp("reset", recordClientHello, true) },
];

for (const { what, reason, end = "handshake_failed", attack } of BAD_CLIENTS) {
  Deno.test(`clients that send ${what} are counted as ${reason}, once each, and leave nothing behind`, async () => {
    await using server = echoServer();
    // Only those that wait for it are to meet it, however busy the machine is.
    const handshakeTimeout = reason === "timeout" ? 2 : 60;
    const { port, certificate, running } = await startFront(server.port, { handshakeTimeout }, {
      log: { level: "debug" },
    });
    await using _running = running;
    using established = await connectTls(port, certificate);
    await assertEchoes(established, "before");
    const before = descriptorsOf(running);
    const startedAt = performance.now();
    let accepting: Promise<unknown> | undefined;
    const accepted = () =>
      accepting ??= until("all are accepted", async () => {
        return (await running.listener("web")).connectionsTotal === 1 + EACH;
      });
    await Promise.all(Array.from({ length: EACH }, (_, index) => attack(port, LOOPBACKS[index % 2] ?? "", accepted)));
    await until("all have ended", async () => {
      const { connectionsEnded, connectionsActive } = await running.listener("web");
      return connectionsEnded[end] === EACH && connectionsActive === 1;
    });
    assert.deepEqual(await failuresOf(running), { [reason]: EACH });
    await assertEchoes(established, "other clients do not notice");
    assert.equal(server.accepted, 1, "no server hears of them");
    await until("no descriptor is left of them", () => descriptorsOf(running) <= before + OTHERS);
    await running.untilLogged("turned client");
    const lines = running.log.split("\n").filter((line) => line.includes("turned client"));
    const seconds = (performance.now() - startedAt) / 1000;
    assert.ok(lines.length <= 1 + seconds, `${lines.length} lines in ${seconds} s`);
    assert.doesNotMatch(running.log, /"level":"error"/);
  });
}

peerTest("clients of TLS 1.0 and 1.1 are told so, and counted as old_version", ["openssl"], async ({ openssl }) => {
  await using server = httpServer("hello");
  const { port, running } = await startFront(server.port);
  await using _running = running;
  for (const flag of ["-tls1", "-tls1_1"]) {
    for (const hostname of LOOPBACKS) {
      const args = [flag, "-cipher", "ALL:@SECLEVEL=0"];
      const { code, alert, text } = await askWithOpenssl(openssl, { hostname, port, args });
      assert.deepEqual([code, alert], [1, 70], text);
    }
  }
  await until("they are counted", async () => (await failuresOf(running))["old_version"] === 4);
  assert.deepEqual(await failuresOf(running), { old_version: 4 });
  assert.equal(server.accepted, 0);
});

const REWRITES: readonly [what: string, rewrite: Rewrite][] = [
  ["in segments of one byte", (hello) => Array.from(hello, (byte) => Uint8Array.of(byte))],
  ["in records of one byte", (hello) => [inRecordsOfOneByte(hello)]],
  [
    "in records of one byte and segments of one byte",
    (hello) => Array.from(inRecordsOfOneByte(hello), (byte) => Uint8Array.of(byte)),
  ],
];

for (const [what, rewrite] of REWRITES) {
  peerTest(`a hello ${what} is as good as any other, TLS 1.2 and 1.3`, ["openssl"], async ({ openssl }) => {
    await using server = httpServer("hello");
    const { port, running } = await startFront(server.port);
    await using _running = running;
    for (const version of TLS_VERSIONS) {
      await using relay = relayInPieces(port, rewrite);
      const request = "GET / HTTP/1.0\r\n\r\n";
      const { text, code } = await askWithOpenssl(openssl, { port: relay.port, version, request });
      assert.match(text, /hello/);
      assert.equal(code, 0, text);
    }
    assert.deepEqual(await failuresOf(running), {});
  });
}

// Without an answer to its last words a client without TCP_NODELAY would hold its question back for 40 ms.
peerTest("a TLS 1.3 client gets its session tickets before it has sent anything", ["openssl"], async ({ openssl }) => {
  await using server = holdServer();
  const { port, running } = await startFront(server.port);
  await using _running = running;
  const asking = askWithOpenssl(openssl, { port, version: "1.3" });
  await until("the client is through", () => server.accepted === 1);
  running.signal("SIGKILL");
  const { text } = await asking;
  assert.match(text, /Post-Handshake New Session Ticket arrived/);
});
