/** TLS to servers over loopback: who gets in, and what those get to see that do not. @module */

import assert from "node:assert/strict";
import { connectTls, serverTls, type ServerTlsOptions } from "../../../../src/net/tls/connect_tls.ts";
import { ServerTlsError } from "../../../../src/net/tls/server_certificate.ts";
import type { TlsStream } from "../../../../src/net/tls/tls_stream.ts";
import { issue, type Issued, type IssueRequest } from "../../../support/authority.ts";
import { type Handler, readAll, serve, writeAll } from "../../../support/servers.ts";
import { OLD_VERSION_ALERT, tlsEchoServer } from "../../../support/tls_servers.ts";
import { until } from "../../../support/wait.ts";
import { Wire } from "./wire.ts";

const NAME = "app.internal";
const ROOT = await issue({ name: "Root", ca: true });
const FORGED = await issue({ name: "Root", ca: true });
const server = (request: Partial<IssueRequest> = {}) => issue({ name: NAME, hosts: [NAME], issuer: ROOT, ...request });
const GOOD = await server();

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function settings(given: Partial<ServerTlsOptions> = {}) {
  return serverTls({ serverName: null, ca: { name: "internal", pem: ROOT.certPem }, verify: true, ...given });
}

/** A connection that has gone through its handshake, or why it has not; it is closed then. */
async function connected(port: number, tls = settings(), name = NAME): Promise<TlsStream | string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    return await connectTls(connection, tls, { name, where: "there:1" });
  } catch (error) {
    connection.close();
    assert.ok(error instanceof ServerTlsError, String(error));
    return error.message;
  }
}

function open(result: TlsStream | string): TlsStream {
  assert.ok(typeof result !== "string", String(result));
  return result;
}

async function assertEchoes(result: TlsStream | string): Promise<void> {
  const stream = open(result);
  await writeAll(stream, bytes("hello"));
  await stream.closeWrite();
  assert.equal(text(await readAll(stream)), "hello");
  stream.close();
}

Deno.test("connectTls() reaches a server, and passes both ends on", async () => {
  await using app = tlsEchoServer([GOOD]);
  await assertEchoes(await connected(app.port));
});

Deno.test("a server hears of the end by close_notify alone at first, and by TCP's when that is all that may be said", async () => {
  await using app = tlsEchoServer([GOOD]);
  const over = async (isCutShort: boolean) => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: app.port });
    const stream = await connectTls(connection, settings(), { name: NAME, where: "there:1" });
    await writeAll(stream, bytes("hello"));
    await stream.closeWrite(isCutShort);
    return { stream, connection };
  };
  const whole = await over(false);
  assert.equal(text(await readAll(whole.stream)), "hello", "it has ended, and the server has seen it");
  await whole.connection.write(bytes("TCP is open"));
  whole.stream.close();
  const part = await over(true);
  await assert.rejects(part.connection.write(bytes("x")), Deno.errors.BrokenPipe);
  part.stream.close();
});

Deno.test("a server that is silent after close_notify hears TCP's end as well, while somebody listens", async () => {
  using listening = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: GOOD.certPem, key: GOOD.keyPem });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: listening.addr.port });
  const connecting = connectTls(connection, settings(), { name: NAME, where: "there:1" });
  using silent = await listening.accept();
  await silent.handshake();
  const stream = await connecting;
  const reading = stream.read(new Uint8Array(1));
  await stream.closeWrite();
  assert.equal(await silent.read(new Uint8Array(1)), null);
  await connection.write(bytes("TCP is open"));
  await until("TCP has ended", () => connection.write(bytes("x")).then(() => false, () => true));
  stream.close();
  await assert.rejects(reading);
});

Deno.test("connectTls() reaches a server with an intermediate, and one whose only certificate is trusted", async () => {
  const middle = await issue({ name: "Middle", ca: true, issuer: ROOT });
  await using app = tlsEchoServer([await server({ issuer: middle }), middle]);
  await assertEchoes(await connected(app.port));
  const itself = await issue({ name: NAME, hosts: [NAME], ca: true });
  await using other = tlsEchoServer([itself]);
  await assertEchoes(await connected(other.port, settings({ ca: { name: "itself", pem: itself.certPem } })));
});

Deno.test("connectTls() hears what a server says first", async () => {
  await using app = tlsEchoServer([GOOD], { greeting: "220 ready" });
  const stream = open(await connected(app.port));
  const buffer = new Uint8Array(100);
  const count = await stream.read(buffer);
  assert.equal(text(buffer.subarray(0, count ?? 0)), "220 ready");
  stream.close();
});

Deno.test("connectTls() asks for the name that is set, and checks it instead of the server's own", async () => {
  await using app = tlsEchoServer([GOOD]);
  let hello = "";
  const asked = async (name: string, serverName: string | null) => {
    hello = "";
    await using wire = new Wire(app.port);
    wire.toServer = (part) => {
      hello += String.fromCharCode(...part);
      return part;
    };
    const result = await connected(wire.port, settings({ serverName }), name);
    if (typeof result !== "string") result.close();
    return result;
  };
  assert.ok(typeof await asked("10.0.0.1", NAME) !== "string");
  assert.ok(hello.includes(NAME));
  assert.equal(
    await asked(NAME, "other.internal"),
    "certificate of there:1 is not for other.internal, but for app.internal",
  );
  assert.ok(hello.includes("other.internal") && !hello.includes(NAME));
  assert.equal(await asked("127.0.0.1", null), "certificate of there:1 is not for 127.0.0.1, but for app.internal");
  assert.ok(!hello.includes("127.0.0.1"), "an address is not asked for");
});

Deno.test("connectTls() checks an address against the addresses of the certificate", async () => {
  await using four = tlsEchoServer([await server({ hosts: [], addresses: [[127, 0, 0, 1]] })]);
  await assertEchoes(await connected(four.port, settings(), "127.0.0.1"));
  const six = [...new Array<number>(15).fill(0), 1];
  await using other = tlsEchoServer([await server({ hosts: [], addresses: [six] })]);
  await assertEchoes(await connected(other.port, settings(), "::1"));
});

const IMPOSTORS: readonly (readonly [what: string, chain: () => Promise<[Issued, ...Issued[]]>, refusal: string])[] = [
  ["another CA", async () => [await server({ issuer: FORGED })], 'was not issued by "internal"'],
  ["another CA, shown as well", async () => [await server({ issuer: FORGED }), FORGED], 'was not issued by "internal"'],
  ["no CA", async () => [await issue({ name: NAME, hosts: [NAME] })], 'was not issued by "internal", but by itself'],
  ["an old certificate", async () => [await server({ to: "2021-01-01T00:00:00Z" })], "has expired, on 2021-01-01"],
  [
    "a certificate to come",
    async () => [await server({ from: "2088-01-01T00:00:00Z" })],
    "is not valid yet, but from 2088-01-01 on",
  ],
  [
    "another name",
    async () => [await server({ hosts: ["b.internal"] })],
    "is not for app.internal, but for b.internal",
  ],
  ["a common name only", async () => [await server({ hosts: [] })], "is not for app.internal, but for no name at all"],
];

for (const [what, chain, refusal] of IMPOSTORS) {
  Deno.test(`connectTls() refuses a server with ${what}, before it has heard anything`, async () => {
    await using app = tlsEchoServer(await chain());
    await using wire = new Wire(app.port);
    let sent = 0;
    wire.toServer = (part) => {
      sent += part.length;
      return part;
    };
    assert.equal(await connected(wire.port), `certificate of there:1 ${refusal}`);
    assert.deepEqual([app.handshakes, app.received], [0, 0], "it never came to the end of the handshake");
    assert.ok(sent < 2000, "a ClientHello and nothing else");
    // Whoever does not ask gets what there is.
    await assertEchoes(await connected(app.port, settings({ verify: false })));
  });
}

Deno.test("connectTls() trusts public CAs when there is no other", async () => {
  await using app = tlsEchoServer([GOOD]);
  const refusal = await connected(app.port, settings({ ca: null }));
  assert.equal(refusal, "certificate of there:1 was not issued by a CA that is trusted here");
  assert.equal(app.handshakes, 0);
});

Deno.test("connectTls() never resumes a session, whatever was verified before", async () => {
  await using app = tlsEchoServer([GOOD]);
  for (let round = 0; round < 3; round++) {
    await assertEchoes(await connected(app.port, settings({ verify: false })));
    await assertEchoes(await connected(app.port));
    assert.match(String(await connected(app.port, settings({ ca: null }))), /was not issued by/);
    const forged = settings({ ca: { name: "forged", pem: FORGED.certPem } });
    assert.match(String(await connected(app.port, forged)), /was not issued by "forged"/);
  }
});

/** Answers the first bytes, then waits for the end. */
const answering = (answer: Uint8Array): Handler => async (connection) => {
  await connection.read(new Uint8Array(4096));
  await writeAll(connection, answer);
  await readAll(connection);
};

const STRANGERS: readonly (readonly [what: string, handler: Handler, refusal: RegExp])[] = [
  ["speaks plain text", answering(bytes("HTTP/1.1 400 Bad Request\r\n\r\n")), /^there:1 does not speak TLS$/],
  [
    "greets in plain text",
    (connection) =>
      writeAll(connection, bytes("220 mail.internal ESMTP\r\n")).then(() => readAll(connection)).then(() => {}),
    /^there:1 does not speak TLS$/,
  ],
  ["speaks old versions only", answering(OLD_VERSION_ALERT), /^there:1 speaks neither TLS 1\.2 nor TLS 1\.3$/],
  [
    "refuses the handshake",
    answering(Uint8Array.of(0x15, 3, 3, 0, 2, 2, 40)),
    /^there:1 refused the TLS handshake \(HandshakeFailure\)$/,
  ],
  ["hangs up", async (connection) => {
    await connection.read(new Uint8Array(4096));
  }, /^there:1 hung up during the TLS handshake$/],
  ["hangs up at once", () => Promise.resolve(), /^(there:1 hung up during|TLS handshake with there:1 broke off)/],
];

for (const [what, handler, refusal] of STRANGERS) {
  Deno.test(`connectTls() names a server that ${what}`, async () => {
    await using app = serve(handler);
    for (const verify of [true, false]) assert.match(String(await connected(app.port, settings({ verify }))), refusal);
  });
}

Deno.test("connectTls() ends when its connection is closed", async () => {
  await using app = serve(async (connection) => {
    await readAll(connection);
  });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: app.port });
  const ending = assert.rejects(connectTls(connection, settings(), { name: NAME, where: "there:1" }), ServerTlsError);
  await until("the server has it", () => app.open === 1);
  connection.close();
  await ending;
});
