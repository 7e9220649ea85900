/** Who gets through the handshake, and the reason for everybody else: with real clients where they can be had. @module */

import assert from "node:assert/strict";
import type { ConnectionOptions } from "node:tls";
import type { TlsSettings } from "../../../../src/net/tls/accept.ts";
import { HANDSHAKE_FAILURES, type HandshakeFailure } from "../../../../src/net/tls/handshake_failure.ts";
import { issue, type Issued, PURPOSES } from "../../../support/authority.ts";
import { peerTest, run } from "../../../support/peers.ts";
import { readAll, writeAll } from "../../../support/servers.ts";
import { until } from "../../../support/wait.ts";
import { tcpPair } from "../../session/bench.ts";
import {
  accepted,
  ALICE,
  assertRefused,
  gotIn,
  handshakeWith,
  mutualSettings,
  NodeClient,
  ROOT,
  sendRaw,
  settingsOf,
} from "./bench.ts";
import { hello, helloMessage, inRecords } from "./hello.ts";
import { Wire } from "./wire.ts";

/** Deno 2.7 cannot load version 1 certificates as a client. */
const IS_OLD = Deno.version.deno.startsWith("2.7.");

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Reasons that some test here has reached. */
const reached = new Set<HandshakeFailure>();

const [CHANGE_OF_CIPHER, ALERT_RECORD] = [20, 21];
const [HANDSHAKE_FAILURE, ILLEGAL_PARAMETER, DECODE_ERROR, PROTOCOL_VERSION] = [40, 47, 50, 70];

/** The alert that somebody was sent in plain text last, if any. */
function alertIn(answer: Uint8Array): number | undefined {
  const at = answer.length - 7;
  return at >= 0 && answer[at] === ALERT_RECORD && answer[at + 4] === 2 ? answer[at + 6] : undefined;
}

const [TLS11, TLS12, TLS13] = [0x0302, 0x0303, 0x0304];
const endless = inRecords(Uint8Array.from([1, 0, 0x3f, 0, ...new Uint8Array(16_000)]), 1);
const cut = helloMessage().slice(0, 60);
cut.set([0, 0, cut.length - 4], 1);

const RAW: readonly [
  what: string,
  parts: Uint8Array[],
  failure: HandshakeFailure,
  words: RegExp,
  alert: number | undefined,
][] = [
  ["plain HTTP", [bytes("GET / HTTP/1.1\r\n\r\n")], "not_tls", /is not TLS$/, undefined],
  ["an alert", [Uint8Array.of(21, 3, 1, 0, 2, 1, 0)], "not_tls", /is not TLS$/, undefined],
  ["nothing", [], "hung_up", /^the client hung up during the handshake$/, undefined],
  ["half a hello", [hello().subarray(0, 30)], "hung_up", /hung up/, undefined],
  ["a hello of 16 MB", [inRecords(Uint8Array.of(1, 0xff, 0xff, 0xff))], "hello_too_large", /too large$/, undefined],
  ["a hello in tiny records", [endless], "hello_too_large", /too large$/, undefined],
  ["TLS 1.1", [hello({ legacyVersion: TLS11 })], "old_version", /speaks TLS 1\.1 at most$/, PROTOCOL_VERSION],
  ["SSL 3", [hello({ legacyVersion: 0x300 })], "old_version", /speaks SSL at most$/, PROTOCOL_VERSION],
  ["a hello that lacks what is needed", [hello()], "protocol", /^peer is incompatible: \w+$/, HANDSHAKE_FAILURE],
  [
    "a TLS 1.3 hello that lacks what is needed",
    [hello({ versions: [TLS13, TLS12] })],
    "protocol",
    /^peer is incompatible: \w+$/,
    HANDSHAKE_FAILURE,
  ],
  ["two names", [hello({ names: ["a.test", "b.test"] })], "protocol", /type InvalidServerName$/, DECODE_ERROR],
  ["a name that is none", [hello({ names: ["-.-"] })], "protocol", /^peer misbehaved/, ILLEGAL_PARAMETER],
  ["a hello that is cut short inside", [inRecords(cut)], "protocol", /MissingData/, DECODE_ERROR],
];

for (const [what, parts, failure, words, alert] of RAW) {
  Deno.test(`acceptTls() refuses ${what} as ${failure}`, async () => {
    for (const settings of [settingsOf(), mutualSettings()]) {
      const { result, answer } = await sendRaw(settings, parts);
      assert.match(assertRefused(result, failure), words);
      // What is too large or no TLS may come after the server has closed, which resets the connection.
      if (alert !== undefined) assert.equal(alertIn(answer), alert);
    }
    reached.add(failure);
  });
}

Deno.test("acceptTls() calls it hung_up when the client resets the connection", async () => {
  const { near, accepted: far } = await tcpPair();
  await far.write(bytes("not read by the client, so that closing resets"));
  await writeAll(near, hello().subarray(0, 20));
  const accepting = accepted(far, settingsOf());
  near.close();
  assertRefused(await accepting, "hung_up");
});

Deno.test("acceptTls() ends when the connection is closed under it, whatever it waits for", async () => {
  for (const sent of [new Uint8Array(0), hello().subarray(0, 20)]) {
    const { near, accepted: far } = await tcpPair();
    using _near = near;
    await writeAll(near, sent);
    const accepting = accepted(far, settingsOf());
    far.close();
    await assert.rejects(accepting, Deno.errors.Interrupted);
  }
});

Deno.test("acceptTls() hears of the client's alert when it does not trust the certificate", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = Deno.connectTls({ hostname: "localhost", port: listener.addr.port }).then(async (client) => {
    await assert.rejects(client.handshake(), Deno.errors.InvalidData);
    client.close();
  });
  const words = assertRefused(await accepted(await listener.accept(), settingsOf()), "client_alert");
  await connecting;
  assert.equal(words, "received fatal alert: UnknownCA");
  reached.add("client_alert");
});

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

Deno.test("acceptTls() refuses a client that shares no application protocol", async () => {
  for (const maxVersion of VERSIONS) {
    const { result, client } = await handshakeWith(settingsOf({ alpn: ["h2"] }), { maxVersion, ALPNProtocols: ["x"] });
    assert.equal(assertRefused(result, "no_shared_alpn"), "peer doesn't support any known protocol");
    assert.match(client.error, /NoApplicationProtocol/);
  }
  reached.add("no_shared_alpn");
});

const stranger = await issue({ name: "Stranger", ca: true });
const intermediate = await issue({ name: "Intermediate", ca: true, issuer: ROOT });
const behind = await issue({ name: "Behind", issuer: intermediate });

interface ClientCase {
  readonly what: string;
  readonly shown: Pick<Issued, "certPem" | "keyPem"> | undefined;
  readonly failure: HandshakeFailure;
  readonly words: RegExp;
  /** The alert in plain text that a TLS 1.2 client gets. */
  readonly alert: number;
}

const refused = async (
  what: string,
  request: Parameters<typeof issue>[0] | Issued,
  [failure, alert, words]: readonly [HandshakeFailure, number, RegExp],
): Promise<ClientCase> => ({
  what,
  shown: "certPem" in request ? request : await issue(request),
  failure,
  words,
  alert,
});

const UNKNOWN = ["unknown_ca", 48, /^the client's certificate "CN=\w+" was refused: it was not issued by/] as const;
const UNFIT = ["bad_certificate", 42, /^the client's certificate "CN=\w+" was refused: it is a CA's own, or/] as const;

const CLIENTS: readonly ClientCase[] = [
  {
    what: "no certificate",
    shown: undefined,
    failure: "no_certificate",
    words: /^peer sent no certificates$/,
    alert: 116,
  },
  await refused("a certificate of another CA", { name: "x", issuer: stranger }, UNKNOWN),
  await refused("one that only names the CA", { name: "x", issuer: { ...stranger, name: ROOT.name } }, UNKNOWN),
  await refused("a self-signed one", { name: "x" }, UNKNOWN),
  await refused("a self-signed one with the CA's name", { name: "Root" }, UNKNOWN),
  await refused("one without the intermediate that it needs", behind, UNKNOWN),
  await refused("one that the client's own certificate is said to have signed", { name: "x", issuer: ALICE }, UNKNOWN),
  await refused(
    "one that has expired",
    { name: "x", issuer: ROOT, to: "2021-01-01T00:00:00Z" },
    ["expired", 45, /"CN=x" was refused: it has expired$/],
  ),
  await refused(
    "one that is not valid yet",
    { name: "x", issuer: ROOT, from: "2088-01-01T00:00:00Z" },
    ["not_yet_valid", 46, /it is not valid yet$/],
  ),
  await refused(
    "one for servers",
    { name: "x", issuer: ROOT, purposes: [PURPOSES.server] },
    ["wrong_purpose", 43, /extended key usage does not name clients$/],
  ),
  await refused("a CA's below the client CA", { name: "Sub", issuer: ROOT, ca: true }, UNFIT),
  await refused("the client CA's own", ROOT, [
    "bad_certificate",
    42,
    /^the client showed the certificate of a client CA/,
  ]),
  ...IS_OLD ? [] : [
    await refused("one of version 1", { name: "x", issuer: ROOT, version: 1 }, UNFIT),
    await refused(
      "one of version 1 that only names the CA",
      { name: "x", issuer: { ...stranger, name: ROOT.name }, version: 1 },
      UNFIT,
    ),
  ],
];

const showing = (shown: ClientCase["shown"]): ConnectionOptions =>
  shown === undefined ? {} : { cert: shown.certPem, key: shown.keyPem };

for (const { what, shown, failure, words, alert } of CLIENTS) {
  Deno.test(`acceptTls() refuses a client with ${what} as ${failure}, and sends it no byte that lets it in`, async () => {
    for (const maxVersion of VERSIONS) {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      await using wire = new Wire(listener.addr.port);
      const sent: number[] = [];
      wire.toClient = (bytes) => {
        sent.push(...bytes);
        return bytes;
      };
      await using client = new NodeClient(wire.port, { maxVersion, ...showing(shown) });
      const result = await accepted(await listener.accept(), mutualSettings());
      assert.match(assertRefused(result, failure), words, maxVersion);
      await client.closed;
      if (maxVersion === "TLSv1.2") {
        assert.equal(alertIn(Uint8Array.from(sent)), alert);
        assert.ok(!recordTypes(sent).includes(CHANGE_OF_CIPHER), "no Finished");
      }
    }
    reached.add(failure);
  });
}

/** The types of the records in some bytes. */
function recordTypes(bytes: readonly number[]): number[] {
  const types: number[] = [];
  for (let at = 0; at < bytes.length; at += 5 + (bytes[at + 3] ?? 0) * 256 + (bytes[at + 4] ?? 0)) {
    types.push(bytes[at] ?? 0);
  }
  return types;
}

const TAKEN: readonly [what: string, shown: Pick<Issued, "certPem" | "keyPem">, commonName: string | null][] = [
  ["a certificate", ALICE, "Alice"],
  ["a certificate and its chain", { ...behind, certPem: behind.certPem + intermediate.certPem }, "Behind"],
  ["a certificate for clients", await issue({ name: "c", issuer: ROOT, purposes: [PURPOSES.client] }), "c"],
  [
    "a certificate for all",
    await issue({ name: "c", issuer: ROOT, purposes: [PURPOSES.server, PURPOSES.client] }),
    "c",
  ],
  ["a certificate without a name", await issue({ name: "", hosts: ["client.test"], issuer: ROOT }), null],
  ["a certificate with a P-384 key", await issue({ name: "c", issuer: ROOT, key: "P-384" }), "c"],
  ["a certificate with an RSA key", await issue({ name: "c", issuer: ROOT, key: "RSA" }), "c"],
];

for (const [what, shown, commonName] of TAKEN) {
  Deno.test(`acceptTls() lets a client with ${what} in, and says who it is`, async () => {
    for (const maxVersion of VERSIONS) {
      const { result } = await handshakeWith(mutualSettings(), { maxVersion, ...showing(shown) });
      gotIn(result);
      assert.equal(result.facts().client?.commonName, commonName);
      result.stream.close();
    }
  });
}

Deno.test("acceptTls() takes certificates of each of several client CAs", async () => {
  const settings = mutualSettings({ clientCaPem: `${ROOT.certPem}\n${stranger.certPem}` });
  for (const shown of [ALICE, await issue({ name: "x", issuer: stranger })]) {
    const { result } = await handshakeWith(settings, showing(shown));
    gotIn(result);
    result.stream.close();
  }
});

Deno.test("acceptTls() asks nobody for a certificate in one-way authentication", async () => {
  const { result } = await handshakeWith(settingsOf(), showing(ALICE));
  gotIn(result);
  assert.equal(result.facts().client, null);
  result.stream.close();
});

/** A client's handshake and a line each way, with its bytes given to the server as the test says. */
async function throughEarly(
  settings: TlsSettings,
  early: (client: Deno.TcpConn) => Promise<Uint8Array>,
): Promise<string> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using client = new NodeClient(listener.addr.port);
  const connection = await listener.accept();
  const result = await accepted(connection, settings, await early(connection));
  gotIn(result);
  await result.stream.write(bytes("hello\n"));
  let got = "";
  client.socket.on("data", (chunk: Uint8Array) => got += text(chunk));
  await until("the line is there", () => got.includes("\n"));
  client.socket.end("bye");
  const all = text(await readAll(result.stream));
  result.stream.close();
  return got + all;
}

for (const count of [0, 1, 4, 5, 6, 50, 100, 200]) {
  Deno.test(`acceptTls() goes on from ${count} bytes that were read before`, async () => {
    const line = await throughEarly(settingsOf(), async (connection) => {
      const buffer = new Uint8Array(count);
      for (let filled = 0; filled < count;) filled += await connection.read(buffer.subarray(filled)) ?? 0;
      return buffer;
    });
    assert.equal(line, "hello\nbye");
  });
}

Deno.test("acceptTls() goes on from a whole hello that was read before, in a buffer of any size", async () => {
  const line = await throughEarly(settingsOf(), async (connection) => {
    const buffer = new Uint8Array(60_000);
    return buffer.subarray(0, await connection.read(buffer) ?? 0);
  });
  assert.equal(line, "hello\nbye");
});

Deno.test("acceptTls() reads a handshake that comes byte by byte", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using client = new NodeClient(listener.addr.port, showing(ALICE));
  const connection = await listener.accept();
  const slow: Deno.TcpConn = Object.create(connection, {
    read: { value: (buffer: Uint8Array) => connection.read(buffer.subarray(0, 1)) },
    write: { value: (bytes: Uint8Array) => connection.write(bytes.subarray(0, 1)) },
    close: { value: () => connection.close() },
    closeWrite: { value: () => connection.closeWrite() },
  });
  const result = await accepted(slow, mutualSettings());
  gotIn(result);
  await result.stream.write(bytes("hello"));
  client.socket.end("bye");
  assert.equal(text(await readAll(result.stream)), "bye");
  result.stream.close();
});

Deno.test("acceptTls() lets what a client sends right behind its handshake be read", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using client = new NodeClient(listener.addr.port);
  client.socket.once("secureConnect", () => client.socket.end(new Uint8Array(50_000)));
  const result = await accepted(await listener.accept(), settingsOf());
  gotIn(result);
  assert.equal((await readAll(result.stream)).length, 50_000);
  result.stream.close();
});

peerTest(
  "acceptTls() gets on with openssl s_client, with and without a certificate",
  ["openssl"],
  async ({ openssl }) => {
    const folder = await Deno.makeTempDir();
    try {
      const paths = { "ca.pem": ROOT.certPem, "c.pem": ALICE.certPem, "c.key": ALICE.keyPem };
      for (const [name, content] of Object.entries(paths)) await Deno.writeTextFile(`${folder}/${name}`, content);
      for (const version of ["-tls1_2", "-tls1_3"]) {
        // Deno 2.7 takes no signature with SHA-384 by a P-256 key in TLS 1.2, which OpenSSL likes best.
        const cases = IS_OLD && version === "-tls1_2" ? [false] : [false, true];
        for (const withCertificate of cases) {
          using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
          const own = withCertificate ? ["-cert", `${folder}/c.pem`, "-key", `${folder}/c.key`] : [];
          const running = run(openssl, [
            ...["s_client", "-connect", `127.0.0.1:${listener.addr.port}`, "-CAfile", `${folder}/ca.pem`],
            ...["-verify_return_error", "-verify_hostname", "localhost", "-servername", "localhost", "-ign_eof"],
            ...["-alpn", "h2,x", version, ...own],
          ]);
          const result = await accepted(await listener.accept(), mutualSettings({ alpn: ["x"] }));
          if (withCertificate) {
            gotIn(result);
            assert.deepEqual([result.facts().client?.commonName, result.facts().alpn], ["Alice", "x"]);
            await result.stream.write(bytes("you are in\n"));
            await result.stream.closeWrite();
            await readAll(result.stream);
            result.stream.close();
            assert.match((await running).stdout, /you are in/);
          } else {
            assertRefused(result, "no_certificate");
            assert.match((await running).stderr, /alert certificate required|alert number 116/);
          }
        }
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

Deno.test("every reason that acceptTls() can have is reached above", () => {
  // Sessions have deadlines and the number of handshakes under way; the engine knows of neither.
  const others: readonly HandshakeFailure[] = ["timeout", "too_many"];
  assert.deepEqual([...reached, ...others].toSorted(), HANDSHAKE_FAILURES.toSorted());
});
