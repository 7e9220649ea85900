/** Sessions whose servers speak TLS, or should; time is the test's. @module */

import assert from "node:assert/strict";
import { serverTls } from "../../../src/net/tls/connect_tls.ts";
import { issue } from "../../support/authority.ts";
import { type Handler, readAll, serve, type TestServer, writeAll } from "../../support/servers.ts";
import { OLD_VERSION_ALERT, tlsEchoServer } from "../../support/tls_servers.ts";
import { until } from "../../support/wait.ts";
import { SessionBench, tcpPair } from "./bench.ts";

const NAME = "app.internal";
const ROOT = await issue({ name: "Root", ca: true });
const GOOD = await issue({ name: NAME, hosts: [NAME], issuer: ROOT });
const SECRET = "the client's own words";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);

/** A bench whose servers have to be {@link NAME}. */
function tlsBench(ports: readonly number[], host: string | null = null): SessionBench {
  const bench = new SessionBench(ports.map((port) => ({ port, host })));
  bench.serverTls = serverTls({ serverName: NAME, ca: { name: "internal", pem: ROOT.certPem }, verify: true });
  return bench;
}

/** A server that writes down every byte it gets. */
function recorder(handler: Handler): TestServer & { readonly got: string } {
  let got = "";
  const server = serve((connection) =>
    handler(
      new Proxy(connection, {
        get: (target, key) => {
          const value: unknown = Reflect.get(target, key);
          if (key !== "read") return typeof value === "function" ? value.bind(target) : value;
          return async (buffer: Uint8Array) => {
            const count = await target.read(buffer);
            got += String.fromCharCode(...buffer.subarray(0, count ?? 0));
            return count;
          };
        },
      }),
    )
  );
  return Object.defineProperty(server, "got", { get: () => got }) as typeof server & { got: string };
}

/** A client that has sent something and its end. @returns what came back */
async function exchange(bench: SessionBench): Promise<string> {
  const { near, accepted } = await tcpPair();
  bench.start(accepted);
  await writeAll(near, bytes(SECRET));
  await near.closeWrite();
  const answer = text(await readAll(near));
  near.close();
  await until("the session is over", () => bench.ends.length > 0);
  return answer;
}

Deno.test("session speaks TLS to its server, and counts plain bytes", async () => {
  await using app = tlsEchoServer([GOOD]);
  const bench = tlsBench([app.port]);
  assert.equal(await exchange(bench), SECRET);
  bench.assertAllOver({ client_closed: 1 });
  const { bytesIn, bytesOut, connectFailures } = bench.server(app.port);
  assert.deepEqual([bytesIn, bytesOut, connectFailures], [SECRET.length, SECRET.length, 0]);
});

const answering = (answer: Uint8Array): Handler => async (connection) => {
  await connection.read(new Uint8Array(4096));
  await writeAll(connection, answer);
  await readAll(connection);
};

const STRANGERS: readonly (readonly [what: string, handler: Handler, reason: string])[] = [
  ["plain text", answering(bytes("HTTP/1.1 400 Bad Request\r\n\r\n")), "HERE does not speak TLS"],
  ["old versions", answering(OLD_VERSION_ALERT), "HERE speaks neither TLS 1.2 nor TLS 1.3"],
  ["nothing and hangs up", async (connection) => {
    await connection.read(new Uint8Array(4096));
  }, "HERE hung up during the TLS handshake"],
];

for (const [what, handler, reason] of STRANGERS) {
  Deno.test(`session goes on to the next server when one speaks ${what}, which hears nothing of the client`, async () => {
    await using stranger = recorder(handler);
    await using app = tlsEchoServer([GOOD]);
    const bench = tlsBench([stranger.port, app.port]);
    assert.equal(await exchange(bench), SECRET);
    bench.assertAllOver({ client_closed: 1 });
    assert.deepEqual(bench.failures, [[stranger.port, 1, reason.replace("HERE", `127.0.0.1:${stranger.port}`)]]);
    assert.ok(stranger.got.includes(NAME) && !stranger.got.includes(SECRET));
    assert.deepEqual([bench.server(stranger.port).connectionsTotal, bench.server(app.port).connectionsTotal], [0, 1]);
    await until("it is left alone", () => stranger.open === 0);
  });
}

Deno.test("session goes on to the next server when one is somebody else, and says who by the name it is given by", async () => {
  await using impostor = tlsEchoServer([await issue({ name: NAME, hosts: [NAME] })]);
  await using app = tlsEchoServer([GOOD]);
  const bench = tlsBench([impostor.port, app.port], "app");
  assert.equal(await exchange(bench), SECRET);
  const reason = `certificate of app:${impostor.port} at 127.0.0.1 was not issued by "internal", but by itself`;
  assert.deepEqual(bench.failures, [[impostor.port, 1, reason]]);
  assert.deepEqual([impostor.handshakes, impostor.received], [0, 0]);
});

Deno.test("session gives up on a server that stays silent within connectTimeout, and takes the next", async () => {
  await using silent = recorder(async (connection) => {
    await readAll(connection);
  });
  await using app = tlsEchoServer([GOOD]);
  const bench = tlsBench([silent.port, app.port]);
  const { near, accepted } = await tcpPair();
  bench.start(accepted);
  await writeAll(near, bytes(SECRET));
  await near.closeWrite();
  await until("the silent one has the hello", () => silent.got.includes(NAME));
  bench.clock.advance(3900);
  assert.deepEqual(bench.failures, []);
  bench.clock.advance(700);
  assert.equal(text(await readAll(near)), SECRET);
  const reason = `no TLS handshake with 127.0.0.1:${silent.port} within 4 s`;
  assert.deepEqual(bench.failures, [[silent.port, 1, reason]]);
  assert.ok(!silent.got.includes(SECRET));
  near.close();
  await until("the session is over", () => bench.ends.length > 0);
  await until("it is left alone", () => silent.open === 0);
  bench.assertAllOver({ client_closed: 1 });
});

Deno.test("session ends with connect_failed when no server is who it should be", async () => {
  await using impostor = tlsEchoServer([await issue({ name: NAME, hosts: [NAME] })]);
  const bench = tlsBench([impostor.port]);
  assert.equal(await exchange(bench), "");
  bench.assertAllOver({ connect_failed: 1 });
  assert.equal(bench.server(impostor.port).connectFailures, 1);
});

Deno.test("session sends the PROXY header in front of TLS, to each server anew", async () => {
  const header = (got: string) => got.slice(0, got.indexOf("\r\n"));
  await using stranger = recorder(answering(bytes("what?")));
  await using second = recorder(answering(bytes("what?")));
  const bench = tlsBench([stranger.port, second.port]);
  bench.proxyProtocol = { version: 1, checksum: false };
  const { near, accepted } = await tcpPair();
  const { port } = near.localAddr;
  await bench.start(accepted).ran;
  near.close();
  for (const { got } of [stranger, second]) {
    assert.equal(header(got), `PROXY TCP4 127.0.0.1 127.0.0.1 ${port} ${accepted.localAddr.port}`);
    assert.equal(got.charCodeAt(header(got).length + 2), 0x16, "then the ClientHello");
  }
  bench.assertAllOver({ connect_failed: 1 });
});

Deno.test("session keeps to TLS when a reload takes it off while the server is being reached", async () => {
  await using stranger = recorder(answering(bytes("what?")));
  const bench = tlsBench([stranger.port]);
  const { near, accepted } = await tcpPair();
  const { ran } = bench.start(accepted);
  bench.serverTls = null;
  await writeAll(near, bytes(SECRET));
  await ran;
  near.close();
  assert.ok(!stranger.got.includes(SECRET));
  bench.assertAllOver({ connect_failed: 1 });
});

Deno.test("session that ends during the handshake leaves nothing open", async () => {
  await using silent = recorder(async (connection) => {
    await readAll(connection);
  });
  const bench = tlsBench([silent.port]);
  const { near, accepted } = await tcpPair();
  const { session, ran } = bench.start(accepted);
  await until("the silent one has the hello", () => silent.got.includes(NAME));
  session.end("drain");
  bench.clock.advance(20_000);
  await ran;
  near.close();
  await until("it is left alone", () => silent.open === 0);
  bench.assertAllOver({ drain: 1 });
});
