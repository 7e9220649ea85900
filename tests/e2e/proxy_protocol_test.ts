/** The PROXY protocol, sent to and read from real programs. @module */

import assert from "node:assert/strict";
import { freePort } from "../support/ports.ts";
import { peerTest, run } from "../support/peers.ts";
import { RunningWeir } from "../support/program.ts";
import { nameServer, readAll, serve, type TestServer, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** Answers with everything it was sent, once the client has ended. */
function mirror(options?: { hostname?: string }): TestServer {
  return serve(async (connection) => await writeAll(connection, await readAll(connection)), options);
}

function listener(port: number, serverPort: number, settings: Record<string, unknown>) {
  const backends = { servers: [{ address: "127.0.0.1", port: serverPort }], healthCheck: { enabled: false } };
  return { name: "web", protocol: "TCP", port, backends, ...settings };
}

const LOAD_BALANCERS = { ipGroups: { lb: ["127.0.0.1"] } };
const accept = (timeout: number) => ({ acceptProxyProtocol: { from: ["lb"], timeout } });
const ACCEPT = accept(60);

/** Sends parts one after the other, ends, and gives what came back as text. */
async function exchange(port: number, parts: readonly Uint8Array[], hostname = "127.0.0.1"): Promise<string> {
  const connection = await Deno.connect({ hostname, port });
  connection.setNoDelay(true);
  try {
    for (const part of parts) await writeAll(connection, part);
    await connection.closeWrite();
    return new TextDecoder().decode(await readAll(connection));
  } finally {
    connection.close();
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("proxyProtocol v1 tells the server the client's address, before the client's first byte", async () => {
  await using server = mirror();
  const port = freePort();
  await using _weir = await RunningWeir.start({ listeners: [listener(port, server.port, { proxyProtocol: "v1" })] });
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  const own = client.localAddr.port;
  await writeAll(client, bytes("hello"));
  await client.closeWrite();
  assert.equal(
    new TextDecoder().decode(await readAll(client)),
    `PROXY TCP4 127.0.0.1 127.0.0.1 ${own} ${port}\r\nhello`,
  );
  client.close();
});

Deno.test("a header is read from the groups of acceptProxyProtocol, whole, with payload, and byte by byte", async () => {
  await using server = mirror();
  const port = freePort();
  await using weir = await RunningWeir.start({
    ...LOAD_BALANCERS,
    listeners: [listener(port, server.port, { ...ACCEPT, proxyProtocol: "v1" })],
  });
  const header = "PROXY TCP4 203.0.113.7 198.51.100.2 4711 25\r\n";
  const whole = bytes(`${header}payload`);
  assert.equal(await exchange(port, [whole]), `${header}payload`);
  assert.equal(await exchange(port, Array.from(whole, (byte) => Uint8Array.of(byte))), `${header}payload`);
  const ipv6 = "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n";
  // An IPv6 client and an IPv4 server do not meet while ipTranslation is off, whatever the connection itself is.
  assert.equal(await exchange(port, [bytes(ipv6)]), "");
  assert.equal((await weir.listener("web")).connectionsEnded["no_server"], 1);
});

Deno.test("from any other address a header is payload", async () => {
  await using server = mirror();
  const port = freePort();
  await using _weir = await RunningWeir.start({
    ipGroups: { lb: ["192.0.2.1"] },
    listeners: [listener(port, server.port, ACCEPT)],
  });
  const header = "PROXY TCP4 203.0.113.7 198.51.100.2 4711 25\r\n";
  assert.equal(await exchange(port, [bytes(header)]), header);
});

const WRONG: readonly [what: string, header: string][] = [
  ["no header at all", "GET / HTTP/1.0\r\n\r\n"],
  ["an octet above 255", "PROXY TCP4 256.0.113.7 198.51.100.2 4711 25\r\n"],
  ["three octets", "PROXY TCP4 203.0.113 198.51.100.2 4711 25\r\n"],
  ["port 65536", "PROXY TCP4 203.0.113.7 198.51.100.2 65536 25\r\n"],
  ["a bare line feed", "PROXY TCP4 203.0.113.7 198.51.100.2 4711 25\n"],
];

Deno.test("what is no valid header is refused, counted and named in the log, and reaches no server", async () => {
  await using server = mirror();
  const port = freePort();
  await using weir = await RunningWeir.start({
    ...LOAD_BALANCERS,
    log: { level: "debug" },
    listeners: [listener(port, server.port, ACCEPT)],
  });
  for (const [what, header] of WRONG) {
    const answer = await exchange(port, [bytes(`${header}x`)]).catch(() => "");
    assert.equal(answer, "", what);
  }
  assert.equal((await weir.listener("web")).connectionsEnded["proxy_header_invalid"], WRONG.length);
  assert.equal(server.accepted, 0);
  await until("the log names the cause", () => weir.log.includes("clients of lb have to send a PROXY protocol header"));
  // A probe of the load balancer in front connects and closes: no fault.
  (await Deno.connect({ hostname: "127.0.0.1", port })).close();
  await until("the probe is counted", async () => (await weir.listener("web")).connectionsEnded["client_closed"] === 1);
});

Deno.test("a header that does not come in time ends the connection", async () => {
  await using server = mirror();
  const port = freePort();
  await using weir = await RunningWeir.start({
    ...LOAD_BALANCERS,
    listeners: [listener(port, server.port, accept(1))],
  });
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(client, bytes("PROXY TCP4 203."));
  assert.deepEqual(await readAll(client), new Uint8Array(0));
  client.close();
  assert.equal((await weir.listener("web")).connectionsEnded["proxy_header_timeout"], 1);
});

Deno.test("the access list sees the address of the header, not that of the load balancer", async () => {
  await using server = nameServer("in");
  const port = freePort();
  await using weir = await RunningWeir.start({
    ipGroups: { lb: ["127.0.0.1"], abusers: ["203.0.113.0/24"] },
    listeners: [listener(port, server.port, { ...ACCEPT, accessControl: { mode: "blacklist", groups: ["abusers"] } })],
  });
  const from = (address: string) =>
    exchange(port, [bytes(`PROXY TCP4 ${address} 198.51.100.2 4711 25\r\n`)]).catch(() => "");
  assert.equal(await from("203.0.113.7"), "");
  assert.equal(await from("203.0.114.7"), "in");
  assert.equal((await weir.listener("web")).connectionsEnded["denied"], 1);
});

for (const version of ["v1", "v2"] as const) {
  peerTest(`nginx reads the ${version} header that is sent to it`, ["nginx", "curl"], async ({ nginx, curl }) => {
    const [backend, port] = [freePort(), freePort()];
    await using _server = await startNginx(
      nginx,
      `
      server { listen 127.0.0.1:${backend} proxy_protocol;
        location / { return 200 "$proxy_protocol_addr $proxy_protocol_server_port\\n"; } }`,
      backend,
    );
    await using _weir = await RunningWeir.start({
      listeners: [listener(port, backend, { proxyProtocol: version, proxyProtocolChecksum: version === "v2" })],
    });
    const { stdout } = await run(curl, ["-s", "--interface", "127.0.0.9", `http://127.0.0.1:${port}/`]);
    assert.equal(stdout, `127.0.0.9 ${port}\n`);
  });

  peerTest(
    `haproxy reads the ${version} header that is sent to it, and sends one that is read`,
    ["haproxy", "curl"],
    async ({ haproxy, curl }) => {
      // curl -> haproxy (sends) -> Weir (reads, sends) -> haproxy (reads, answers with the address it was told)
      const [front, port, backend] = [freePort(), freePort(), freePort()];
      const folder = await Deno.makeTempDir();
      await Deno.writeTextFile(
        `${folder}/h.cfg`,
        `
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen front
  bind 127.0.0.1:${front}
  server weir 127.0.0.1:${port} ${version === "v1" ? "send-proxy" : "send-proxy-v2 proxy-v2-options crc32c,unique-id"}
frontend back
  mode http
  bind 127.0.0.1:${backend} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[dst_port]"
`,
      );
      await using _haproxy = start(haproxy, ["-db", "-f", `${folder}/h.cfg`]);
      await until("haproxy listens", () => listens(backend));
      await using _weir = await RunningWeir.start({
        ...LOAD_BALANCERS,
        listeners: [
          listener(port, backend, { ...ACCEPT, proxyProtocol: version, proxyProtocolChecksum: version === "v2" }),
        ],
      });
      const { stdout } = await run(curl, ["-s", "--interface", "127.0.0.5", `http://127.0.0.1:${front}/`]);
      assert.equal(stdout, `127.0.0.5 ${front}`);
      await Deno.remove(folder, { recursive: true });
    },
  );
}

peerTest("curl --haproxy-protocol is understood", ["curl"], async ({ curl }) => {
  await using server = serve(async (connection) => {
    await connection.read(new Uint8Array(4096));
    await writeAll(connection, bytes("HTTP/1.0 200 OK\r\n\r\nfine\n"));
  });
  const port = freePort();
  await using weir = await RunningWeir.start({ ...LOAD_BALANCERS, listeners: [listener(port, server.port, ACCEPT)] });
  const { stdout } = await run(curl, ["-s", "--haproxy-protocol", `http://127.0.0.1:${port}/`]);
  assert.equal(stdout, "fine\n");
  const plain = await run(curl, ["-s", `http://127.0.0.1:${port}/`]);
  assert.notEqual(plain.code, 0);
  assert.equal((await weir.listener("web")).connectionsEnded["proxy_header_invalid"], 1);
});

async function startNginx(nginx: string, server: string, port: number): Promise<AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${folder}/n.conf`,
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
events {} http { access_log off; ${server} }`,
  );
  const running = start(nginx, ["-c", `${folder}/n.conf`]);
  await until("nginx listens", () => listens(port));
  return {
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function start(program: string, args: readonly string[]): AsyncDisposable {
  const process = new Deno.Command(program, { args: [...args], stdin: "null", stdout: "null", stderr: "null" }).spawn();
  return {
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await process.status;
    },
  };
}

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
