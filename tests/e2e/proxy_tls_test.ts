/** The PROXY protocol and TLS: a header in front of a handshake, and what servers are told of the client's TLS. @module */

import assert from "node:assert/strict";
import { decodeProxyHeader } from "../../src/net/proxy_protocol/decode.ts";
import type { Tlv } from "../../src/net/proxy_protocol/header.ts";
import { readSslTlv, SslClient } from "../../src/net/proxy_protocol/ssl_tlv.ts";
import { TlvType } from "../../src/net/proxy_protocol/tlv.ts";
import { testCertificate } from "../support/certificates.ts";
import { relayInPieces, type Rewrite } from "../support/client_hello.ts";
import { backends, listener, type Settings } from "../support/configs.ts";
import { LOOPBACKS } from "../support/families.ts";
import { issueClients, MUTUAL_STORE, mutualFiles, overMutualTls, writeClient } from "../support/mutual.ts";
import { askWithOpenssl, TLS_VERSIONS } from "../support/openssl.ts";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { hasNewTls, RunningWeir } from "../support/program.ts";
import { freePorts, startHaproxyReporter, startHaproxySender, startVarnish } from "../support/proxy_peers.ts";
import { serve, type TestServer, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const REQUEST = "GET / HTTP/1.0\r\n\r\n";

/** Answers an HTTP request with the line in front of it: the v1 header that Weir sends. */
function recorder(): TestServer {
  return serve(async (connection) => {
    let request = "";
    const buffer = new Uint8Array(4096);
    while (!request.includes("\r\n\r\n")) {
      const count = await connection.read(buffer);
      if (count === null) return;
      request += decode(buffer.subarray(0, count));
    }
    await writeAll(connection, encode(`HTTP/1.0 200 OK\r\n\r\n${request.slice(0, request.indexOf("\r\n"))}\n`));
  });
}

/** A listener for both families: one-way, or mutual where there are client CAs. */
async function startFront(server: number, settings: Settings, tls: Settings = {}) {
  const port = freePort("::");
  const clients = await issueClients("P-384");
  const running = await RunningWeir.start({
    ...MUTUAL_STORE,
    ipGroups: { lb: ["127.0.0.1", "::1"] },
    listeners: [
      listener(port, backends([server]), { ...overMutualTls(tls), address: "::", ipTranslation: true, ...settings }),
    ],
  }, { files: mutualFiles(await testCertificate(), [clients.root]) });
  return { port, clients, running };
}

const ACCEPT = { acceptProxyProtocol: { from: ["lb"], timeout: 60 }, proxyProtocol: "v1" };
const ONE_WAY = { authentication: "one-way", clientCA: undefined };

const HEADERS: readonly [what: string, header: Uint8Array, told: string][] = [
  ["v1", encode("PROXY TCP4 203.0.113.7 198.51.100.2 4711 443\r\n"), "PROXY TCP4 203.0.113.7 198.51.100.2 4711 443"],
  ["v1, IPv6", encode("PROXY TCP6 2001:db8::7 2001:db8::2 1 2\r\n"), "PROXY TCP6 2001:db8::7 2001:db8::2 1 2"],
  [
    "v2",
    new Uint8Array([
      ...[13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10, 0x21, 0x11, 0, 12],
      ...[203, 0, 113, 7, 198, 51, 100, 2, 4711 >> 8, 4711 & 255, 1, 187],
    ]),
    "PROXY TCP4 203.0.113.7 198.51.100.2 4711 443",
  ],
];

const join = (...parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

const PIECES: readonly [what: string, pieces: (header: Uint8Array) => Rewrite][] = [
  ["in one segment with the hello", (header) => (hello) => [join(header, hello)]],
  ["in its own segment", (header) => (hello) => [header, hello]],
  [
    "with the hello, byte by byte",
    (header) => (hello) => Array.from(join(header, hello), (byte) => Uint8Array.of(byte)),
  ],
];

for (const [how, pieces] of PIECES) {
  peerTest(`a header in front of TLS is read ${how}`, ["openssl"], async ({ openssl }) => {
    await using server = recorder();
    const { port, clients, running } = await startFront(server.port, ACCEPT);
    await using _running = running;
    const args = await writeClient(running.folder, clients.of.valid);
    for (const [what, header, told] of HEADERS) {
      for (const version of TLS_VERSIONS) {
        for (const hostname of LOOPBACKS) {
          await using relay = relayInPieces(port, pieces(header), hostname);
          const { text } = await askWithOpenssl(openssl, { port: relay.port, version, args, request: REQUEST });
          assert.ok(text.includes(`\n${told}\n`), `${what}, TLS ${version}, ${hostname}: ${text}`);
        }
      }
    }
  });
}

peerTest("a TLS client that has to send a header and does not is turned away", ["openssl"], async ({ openssl }) => {
  await using server = recorder();
  const { port, running } = await startFront(server.port, ACCEPT, ONE_WAY);
  await using _running = running;
  for (const hostname of LOOPBACKS) {
    const { code } = await askWithOpenssl(openssl, { hostname, port, request: REQUEST });
    assert.equal(code, 1);
  }
  await until("they are counted", async () => {
    return (await running.listener("web")).connectionsEnded["proxy_header_invalid"] === 2;
  });
  assert.equal(server.accepted, 0);
});

peerTest(
  "haproxy in front sends a header and then TLS: Weir passes on the real client, IPv4 and IPv6",
  ["haproxy", "curl"],
  async ({ haproxy, curl }) => {
    await using server = recorder();
    const { port, clients, running } = await startFront(server.port, ACCEPT);
    await using _running = running;
    const { certPem, keyPem } = clients.of.valid;
    const file = `${running.folder}/client.pem`;
    await Deno.writeTextFile(file, certPem + keyPem);
    await Deno.chmod(running.folder, 0o755);
    for (const options of ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"]) {
      const ports = freePorts();
      await using _haproxy = await startHaproxySender(haproxy, { ports, to: port, pem: "" }, {
        tls: false,
        options: `${options} ssl verify none crt ${file}`,
      });
      for (const [host, own, word] of [["127.0.0.1", ports.IPv4, "TCP4"], ["[::1]", ports.IPv6, "TCP6"]] as const) {
        const { stdout, stderr } = await run(curl, ["-sS", "-w", "%{local_port}", `http://${host}:${own}/`]);
        const [header, from] = stdout.split("\n");
        const address = host.replace(/[[\]]/g, "");
        assert.equal(header, `PROXY ${word} ${address} ${address} ${from} ${own}`, stderr);
      }
    }
  },
);

peerTest("curl --haproxy-protocol sends a header and then TLS", ["curl"], async ({ curl }) => {
  await using server = recorder();
  const { port, running } = await startFront(server.port, ACCEPT, ONE_WAY);
  await using _running = running;
  for (const [host, word] of [["127.0.0.1", "TCP4"], ["[::1]", "TCP6"]] as const) {
    const args = ["-sSk", "--haproxy-protocol", "-w", "%{local_port}", `https://${host}:${port}/`];
    const { stdout, stderr } = await run(curl, args);
    const [header, from] = stdout.split("\n");
    const address = host.replace(/[[\]]/g, "");
    assert.equal(header, `PROXY ${word} ${address} ${address} ${from} ${port}`, stderr);
  }
});

/** What a v2 header says of TLS. */
type ToldOfTls = { readonly [Key in "alpn" | "authority" | "uniqueId"]: string } & {
  readonly ssl: ReturnType<typeof readSslTlv>;
};

function toldBy(tlvs: readonly Tlv[]): ToldOfTls {
  const text = (type: number) => decode(tlvs.find((tlv) => tlv.type === type)?.value ?? new Uint8Array(0));
  return {
    alpn: text(TlvType.ALPN),
    authority: text(TlvType.AUTHORITY),
    uniqueId: text(TlvType.UNIQUE_ID),
    ssl: tlvs.map(readSslTlv).find((found) => found !== undefined),
  };
}

/** Answers an HTTP request, and keeps what the header in front of it says. */
function tlsRecorder(): TestServer & { readonly told: ToldOfTls[] } {
  const told: ToldOfTls[] = [];
  const server = serve(async (connection) => {
    let bytes = new Uint8Array(0);
    const buffer = new Uint8Array(4096);
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      bytes = join(bytes, buffer.subarray(0, count));
      const result = decodeProxyHeader(bytes);
      if (result.state !== "done" || !decode(bytes.subarray(result.length)).endsWith("\r\n\r\n")) continue;
      if (result.header.command === "PROXY") told.push(toldBy(result.header.tlvs));
      await writeAll(connection, encode("HTTP/1.0 200 OK\r\n\r\nhello\n"));
      return;
    }
  });
  return Object.assign(server, { told });
}

const ALPN = ["-alpn", "http/1.1"];
const NAME = ["-servername", "www.example.test"];

peerTest("a v2 header tells servers all that is known of a client's TLS", ["openssl"], async ({ openssl }) => {
  await using server = tlsRecorder();
  const { port, clients, running } = await startFront(server.port, { proxyProtocol: "v2" }, { alpn: ["http/1.1"] });
  await using _running = running;
  const own = await writeClient(running.folder, clients.of.viaIntermediate);
  const session = `${running.folder}/session`;
  for (const version of TLS_VERSIONS) {
    for (const hostname of LOOPBACKS) {
      const ask = (...args: readonly string[]) =>
        askWithOpenssl(openssl, { hostname, port, version, args: [...own, ...ALPN, ...args], request: REQUEST });
      const asked = [await ask(...NAME, "-sess_out", session), await ask(...NAME, "-sess_in", session)];
      for (const [index, { text }] of asked.entries()) {
        assert.match(text, /hello/);
        const told = server.told.shift();
        assert.deepEqual([told?.alpn, told?.authority], ["http/1.1", "www.example.test"]);
        assert.match(told?.uniqueId ?? "", /^[0-9a-f-]{36}$/);
        const { SSL, CERT_CONN, CERT_SESS } = SslClient;
        const resumed = hasNewTls && index === 1;
        assert.deepEqual(told?.ssl, {
          // Over a resumed session the certificate was shown, but not over this connection.
          client: SSL | CERT_SESS | (resumed ? 0 : CERT_CONN),
          verify: 0,
          version: `TLSv${version}`,
          cipher: /Cipher is (\S+)/.exec(text)?.[1],
          commonName: "viaIntermediate",
        });
      }
    }
  }
  assert.equal(server.told.length, 0);
});

peerTest(
  "a one-way listener tells of no client certificate, and of no name when none is asked for",
  ["openssl"],
  async ({
    openssl,
  }) => {
    await using server = tlsRecorder();
    const { port, running } = await startFront(server.port, { proxyProtocol: "v2" }, ONE_WAY);
    await using _running = running;
    await askWithOpenssl(openssl, { port, version: "1.3", args: ["-noservername"], request: REQUEST });
    const [told] = server.told;
    assert.deepEqual([told?.alpn, told?.authority], ["", ""]);
    assert.deepEqual(told?.ssl, {
      client: SslClient.SSL,
      verify: 1,
      version: "TLSv1.3",
      cipher: "TLS_AES_256_GCM_SHA384",
    });
  },
);

peerTest(
  "varnishd behind a mutual listener reads all that the header says of TLS, and haproxy what it knows of it",
  ["varnishd", "haproxy", "openssl"],
  async ({ varnishd, haproxy, openssl }) => {
    const [varnishPorts, haproxyPorts] = [freePorts(), freePorts()];
    await using _varnish = await startVarnish(varnishd, varnishPorts, "tls");
    await using _haproxy = await startHaproxyReporter(haproxy, haproxyPorts, "tls");
    for (
      const [reader, expected] of [
        [
          varnishPorts.IPv4,
          /\r\n\r\nhttp\/1\.1 www\.example\.test TLSv1\.3 TLS_AES_256_GCM_SHA384 valid true true true 0/,
        ],
        [haproxyPorts.IPv4, /\r\n\r\nwww\.example\.test [0-9a-f-]{36}/],
      ] as const
    ) {
      const { port, clients, running } = await startFront(reader, { proxyProtocol: "v2" }, { alpn: ["http/1.1"] });
      await using _running = running;
      const own = await writeClient(running.folder, clients.of.valid);
      const args = [...own, ...ALPN, ...NAME];
      const { text } = await askWithOpenssl(openssl, { port, version: "1.3", args, request: REQUEST });
      assert.match(text, expected);
    }
  },
);
