/** The PROXY protocol with programs that others wrote: senders in front of Weir, and readers behind it. @module */

import assert from "node:assert/strict";
import {
  CERTIFICATE_STORE,
  certificateFiles,
  connectTls,
  overTls,
  type TestCertificate,
  testCertificate,
} from "../support/certificates.ts";
import { backends, listener } from "../support/configs.ts";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import {
  freePorts,
  type Ports,
  type ProxyVersion,
  type SenderSettings,
  startHaproxyReporter,
  startHaproxySender,
  startHitch,
  startNginxReporter,
  startStunnel,
  startVarnish,
} from "../support/proxy_peers.ts";
import { readAll, serve, type TestServer, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Answers an HTTP request with the line in front of it: the v1 header that Weir sends. */
function recorder(hostname: string): TestServer {
  return serve(async (connection) => {
    let request = "";
    const buffer = new Uint8Array(4096);
    while (!request.includes("\r\n\r\n")) {
      const count = await connection.read(buffer);
      if (count === null) return;
      request += decode(buffer.subarray(0, count));
    }
    await writeAll(connection, encode(`HTTP/1.0 200 OK\r\n\r\n${request.slice(0, request.indexOf("\r\n"))}\n`));
  }, { hostname });
}

const LOAD_BALANCERS = { ipGroups: { lb: ["127.0.0.1", "::1"] } };
const ACCEPT = { acceptProxyProtocol: { from: ["lb"] } };

/** Weir reads headers on both families, and sends what it understood on to servers that record it. */
async function startBehind(): Promise<AsyncDisposable & { readonly running: RunningWeir; readonly port: number }> {
  await using stack = new AsyncDisposableStack();
  const four = stack.use(recorder("127.0.0.1"));
  const six = stack.use(recorder("::1"));
  const port = freePort("::");
  const group = backends([four.port, { address: "::1", port: six.port }]);
  const settings = { address: "::", proxyProtocol: "v1", ...ACCEPT };
  const running = stack.use(
    await RunningWeir.start({ ...LOAD_BALANCERS, listeners: [listener(port, group, settings)] }),
  );
  const owned = stack.move();
  return { running, port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

interface Client {
  readonly family: keyof Ports;
  /** Where the client finds the sender. */
  readonly host: string;
  readonly word: "TCP4" | "TCP6";
  readonly to: string;
  /** Its own address, where loopback has more than one. */
  readonly from: readonly string[];
}

const CLIENTS: readonly Client[] = [
  { family: "IPv4", host: "127.0.0.1", word: "TCP4", to: "127.0.0.1", from: ["--interface", "127.0.0.9"] },
  { family: "IPv6", host: "[::1]", word: "TCP6", to: "::1", from: [] },
];

/** Asks over a sender, and fails unless Weir was told who is asking and what for. */
async function assertTold(curl: string, client: Client, url: string, port: number): Promise<void> {
  const args = ["-sSk", "--max-time", "20", ...client.from, "-w", "%{local_ip} %{local_port}", url];
  const { code, stdout, stderr } = await run(curl, args);
  assert.equal(code, 0, stderr);
  const [header, own = ""] = stdout.split("\n");
  const [address, ownPort] = own.split(" ");
  assert.equal(header, `PROXY ${client.word} ${address} ${client.to} ${ownPort} ${port}`);
  if (client.family === "IPv4") assert.equal(address, "127.0.0.9");
}

interface Sender {
  readonly what: string;
  readonly program: string;
  readonly tls: boolean;
  start(program: string, settings: SenderSettings): Promise<AsyncDisposable>;
}

const haproxySender = (options: string, tls: boolean): Sender => ({
  what: `haproxy with ${options}`,
  program: "haproxy",
  tls,
  start: (program, settings) => startHaproxySender(program, settings, { options, tls }),
});

const hitchSender = (version: ProxyVersion): Sender => ({
  what: `hitch with write-proxy-${version}`,
  program: "hitch",
  tls: true,
  start: (program, settings) => startHitch(program, settings, version),
});

const SENDERS: readonly Sender[] = [
  { what: "stunnel with protocol = proxy", program: "stunnel4", tls: true, start: startStunnel },
  hitchSender("v1"),
  hitchSender("v2"),
  haproxySender("send-proxy", false),
  haproxySender("send-proxy-v2", false),
  haproxySender("send-proxy-v2-ssl", true),
  haproxySender("send-proxy-v2-ssl-cn proxy-v2-options crc32c,unique-id,authority,cert-key", true),
];

for (const { what, program, tls, start } of SENDERS) {
  peerTest(`${what} in front: Weir passes on the real client, IPv4 and IPv6`, [program, "curl"], async (paths) => {
    await using behind = await startBehind();
    const { certPem, keyPem } = await testCertificate();
    const ports = freePorts();
    await using _sender = await start(paths[program] ?? "", { ports, to: behind.port, pem: certPem + keyPem });
    for (const client of CLIENTS) {
      const port = ports[client.family];
      await assertTold(paths["curl"] ?? "", client, `http${tls ? "s" : ""}://${client.host}:${port}/`, port);
    }
    const { connectionsEnded } = await behind.running.listener("web");
    assert.equal(connectionsEnded["proxy_header_invalid"] ?? 0, 0);
  });
}

peerTest(
  "haproxy's own health checks, which say LOCAL, reach a server as Weir's client",
  ["haproxy", "curl"],
  async (paths) => {
    await using behind = await startBehind();
    const ports = freePorts();
    await using _sender = await startHaproxySender(paths.haproxy, { ports, to: behind.port, pem: "" }, {
      tls: false,
      options: "send-proxy-v2 check check-send-proxy inter 100ms fall 1",
      // One check that does not get the whole way takes the server out, and curl would get no answer.
      lines: `timeout check 15s
  option tcp-check
  tcp-check send "GET / HTTP/1.0\\r\\n\\r\\n"
  tcp-check expect rstring "PROXY (TCP4 127.0.0.1 127.0.0.1|TCP6 ::1 ::1)"`,
    });
    const checked = (await behind.running.listener("web")).connectionsTotal;
    await until(
      "checks have come",
      async () => (await behind.running.listener("web")).connectionsTotal >= checked + 10,
    );
    for (const client of CLIENTS) {
      const port = ports[client.family];
      await assertTold(paths.curl, client, `http://${client.host}:${port}/`, port);
    }
    assert.equal((await behind.running.listener("web")).connectionsEnded["proxy_header_invalid"] ?? 0, 0);
  },
);

interface Reader {
  readonly program: "varnishd" | "haproxy" | "nginx";
  start(program: string, ports: Ports): Promise<AsyncDisposable>;
}

const READERS: readonly Reader[] = [
  { program: "varnishd", start: (program, ports) => startVarnish(program, ports) },
  { program: "haproxy", start: (program, ports) => startHaproxyReporter(program, ports) },
  { program: "nginx", start: startNginxReporter },
];

/** Asks a reader, over Weir, what it was told; ends the connection. */
async function ask(connection: Deno.Conn, header = ""): Promise<string> {
  try {
    await writeAll(connection, encode(`${header}GET / HTTP/1.0\r\n\r\n`));
    const answer = decode(await readAll(connection));
    return answer.slice(answer.indexOf("\r\n\r\n") + 4);
  } finally {
    connection.close();
  }
}

/** Weir in front of a reader: listeners that send on what they are told, and others that tell what they see. */
async function startInFrontOf(reader: Ports, version: ProxyVersion, certificate: TestCertificate) {
  const told = freePorts();
  const own = freePorts();
  const tls = freePort();
  const group = (family: keyof Ports, address: string) => backends([{ address, port: reader[family] }]);
  const families = (["IPv4", "IPv6"] as const).flatMap((family) => {
    const address = family === "IPv4" ? "127.0.0.1" : "::1";
    const settings = { address, proxyProtocol: version, proxyProtocolChecksum: version === "v2" };
    return [
      listener(told[family], group(family, address), { name: `told-${family}`, ...settings, ...ACCEPT }),
      listener(own[family], group(family, address), { name: `own-${family}`, ...settings }),
    ];
  });
  const running = await RunningWeir.start({
    ...LOAD_BALANCERS,
    certificates: CERTIFICATE_STORE,
    listeners: [
      ...families,
      listener(tls, group("IPv4", "127.0.0.1"), { name: "tls", ...overTls(), proxyProtocol: version }),
    ],
  }, { files: certificateFiles(certificate) });
  return { running, told, own, tls };
}

for (const { program, start } of READERS) {
  for (const version of ["v1", "v2"] as const) {
    peerTest(`${program} behind: it reads the ${version} header, IPv4, IPv6 and TCP_SSL`, [program], async (paths) => {
      const ports = freePorts();
      await using _reader = await start(paths[program], ports);
      const certificate = await testCertificate();
      const { running, told, own, tls } = await startInFrontOf(ports, version, certificate);
      await using _running = running;
      const connect = (hostname: string, port: number) => Deno.connect({ hostname, port });

      const four = await connect("127.0.0.1", own.IPv4);
      assert.equal(await ask(four), `127.0.0.1 ${four.localAddr.port} 127.0.0.1 ${own.IPv4}`);
      const six = await connect("::1", own.IPv6);
      assert.equal(await ask(six), `::1 ${six.localAddr.port} ::1 ${own.IPv6}`);
      const secret = await connectTls(tls, certificate);
      assert.equal(await ask(secret), `127.0.0.1 ${secret.localAddr.port} 127.0.0.1 ${tls}`);

      const header4 = "PROXY TCP4 203.0.113.7 198.51.100.2 4711 25\r\n";
      assert.equal(await ask(await connect("127.0.0.1", told.IPv4), header4), "203.0.113.7 4711 198.51.100.2 25");
      const header6 = "PROXY TCP6 2001:db8::7 2001:db8::2 65535 1\r\n";
      assert.equal(await ask(await connect("::1", told.IPv6), header6), "2001:db8::7 65535 2001:db8::2 1");
    });
  }
}
