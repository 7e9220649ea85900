/** TCP_SSL listeners: real clients, bad clients, and certificates that change. @module */

import assert from "node:assert/strict";
import {
  CERTIFICATE_STORE,
  certificateFiles,
  connectTls,
  overTls,
  type TestCertificate,
  testCertificate,
} from "../support/certificates.ts";
import { backends, listener, type Settings } from "../support/configs.ts";
import { assertEchoes, connect } from "../support/echo.ts";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { echoServer, readAll, serve, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** A TCP_SSL listener in front of one server. */
async function startTls(server: number, tls: Settings = {}) {
  const port = freePort();
  const certificate = await testCertificate();
  const config = {
    watchCertificates: false, // see certificate_watch_test.ts
    certificates: CERTIFICATE_STORE,
    listeners: [listener(port, backends([server]), overTls(tls))],
  };
  const running = await RunningWeir.start(config, { files: certificateFiles(certificate) });
  return { port, certificate, running };
}

/** Answers any request with one HTTP response. */
function httpServer() {
  return serve(async (connection) => {
    await connection.read(new Uint8Array(4096));
    await writeAll(connection, encode("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello"));
  });
}

/** Whether a new connection gets through when only one certificate is trusted. */
async function trusts(port: number, certificate: TestCertificate): Promise<boolean> {
  try {
    (await connectTls(port, certificate)).close();
    return true;
  } catch (error) {
    assert.match(String(error), /certificate/i);
    return false;
  }
}

async function countOf(running: RunningWeir, reason: string): Promise<number> {
  return (await running.listener("web")).connectionsEnded[reason] ?? 0;
}

peerTest("curl gets through a TCP_SSL listener, with TLS 1.2 and with TLS 1.3", ["curl"], async ({ curl }) => {
  await using server = httpServer();
  const { port, running } = await startTls(server.port);
  await using _running = running;
  for (const version of [["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3"]]) {
    const trust = ["--silent", "--show-error", "--noproxy", "*", "--cacert", `${running.folder}/www.pem`];
    const result = await run(curl, [...trust, ...version, `https://localhost:${port}/`, "--ipv4"]);
    assert.deepEqual([result.stderr, result.stdout, result.code], ["", "hello", 0]);
  }
  const untrusted = await run(curl, ["--silent", "--noproxy", "*", `https://127.0.0.1:${port}/`]);
  assert.equal(untrusted.code, 60, "curl does not trust a certificate that it was not told of");
});

peerTest(
  "openssl s_client speaks TLS 1.2 and TLS 1.3 and verifies the certificate",
  ["openssl"],
  async ({ openssl }) => {
    await using server = httpServer();
    const { port, running } = await startTls(server.port);
    await using _running = running;
    for (const [flag, version] of [["-tls1_2", "TLSv1.2"], ["-tls1_3", "TLSv1.3"]] as const) {
      const child = new Deno.Command(openssl, {
        args: [
          ...["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "localhost", flag],
          ...["-CAfile", `${running.folder}/www.pem`, "-verify_return_error", "-ign_eof"],
        ],
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(encode("GET / HTTP/1.0\r\n\r\n"));
      await writer.close();
      const output = await child.output();
      const text = new TextDecoder().decode(output.stdout);
      assert.match(text, new RegExp(`New, ${version}|Protocol *: ${version}`));
      assert.match(text, /Verify return code: 0 \(ok\)/);
      assert.match(text, /hello/);
    }
  },
);

/** Defines a test for each of the two engines. */
function engineTest(title: string, run: (engine: "full" | "fast") => Promise<void>): void {
  for (const engine of ["full", "fast"] as const) Deno.test(`${title}, engine "${engine}"`, () => run(engine));
}

engineTest("plain text on a TLS port is counted as handshake_failed and disturbs nobody", async (engine) => {
  await using server = echoServer();
  const { port, certificate, running } = await startTls(server.port, { engine });
  await using _running = running;
  using before = await connectTls(port, certificate);
  await assertEchoes(before, "before");
  using plain = await connect(port);
  await writeAll(plain, encode("GET / HTTP/1.0\r\n\r\n"));
  await readAll(plain).catch(() => {}); // an alert, then the end or a reset
  await until("it is counted", async () => await countOf(running, "handshake_failed") === 1);
  await assertEchoes(before, "still here");
  using after = await connectTls(port, certificate);
  await assertEchoes(after, "and so am I");
  assert.equal(server.accepted, 2, "the server never heard of the plain one");
});

engineTest("clients that stay silent delay nobody and are counted as handshake_timeout", async (engine) => {
  await using server = echoServer();
  const { port, certificate, running } = await startTls(server.port, { engine, handshakeTimeout: 3 });
  await using _running = running;
  await using silent = new AsyncDisposableStack();
  for (let index = 0; index < 20; index++) {
    const connection = silent.use(await connect(port));
    // Half of them begin a handshake and do not go on.
    if (index % 2 === 0) await writeAll(connection, Uint8Array.of(22, 3, 1, 2, 0, 1));
  }
  for (let index = 0; index < 5; index++) {
    using quick = await connectTls(port, certificate);
    await assertEchoes(quick, "not delayed");
  }
  await until("they are counted", async () => await countOf(running, "handshake_timeout") === 20);
  assert.equal(server.accepted, 5);
  await until("none is left", async () => (await running.listener("web")).connectionsActive === 0);
});

// With engine "fast" Deno keeps the socket of an unfinished handshake until the client goes, whatever is closed: see
// docs/decisions/0008-unfinished-handshakes.md. handshake_test.ts checks that engine "full" does not.
engineTest(
  "a client that stays silent is given up after the handshake timeout, and reaches no server",
  async (engine) => {
    await using server = echoServer();
    const { port, running } = await startTls(server.port, { engine, handshakeTimeout: 1 });
    await using _running = running;
    using _silent = await connect(port);
    await until(
      "it is counted",
      async () => {
        const { connectionsActive, connectionsEnded } = await running.listener("web");
        return connectionsEnded["handshake_timeout"] === 1 && connectionsActive === 0;
      },
    );
    assert.equal(server.accepted, 0);
  },
);

engineTest("a changed certificate serves new connections after a reload, and established ones stay", async (engine) => {
  await using server = echoServer();
  const { port, certificate: old, running } = await startTls(server.port, { engine });
  await using _running = running;
  using held = await connectTls(port, old);
  await assertEchoes(held, "with the old one");

  const renewed = await testCertificate();
  for (const [name, content] of Object.entries(certificateFiles(renewed))) {
    await Deno.writeTextFile(`${running.folder}/${name}`, content);
  }
  assert.equal(await trusts(port, old), true, "nothing changes before the reload");
  const { status, body } = await running.reload();
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual((body as { changes: unknown }).changes, [{ listener: "web", action: "update", settings: ["tls"] }]);
  for (let index = 0; index < 10; index++) {
    assert.equal(await trusts(port, renewed), true, "every new connection gets the new one");
  }
  assert.equal(await trusts(port, old), false);
  await assertEchoes(held, "the established one stays");
});

engineTest("a broken pair of certificate and key is refused, and the old pair serves on", async (engine) => {
  await using server = echoServer();
  const { port, certificate, running } = await startTls(server.port, { engine });
  await using _running = running;
  const other = await testCertificate();
  const broken: [content: Record<string, string>, reason: RegExp][] = [
    [{ "www.key": other.keyPem }, /must be the certificate's private key/],
    [{ "www.key": "nonsense" }, /must hold an unencrypted PEM private key/],
    [{ "www.pem": "nonsense" }, /must hold a PEM certificate/],
  ];
  for (const [content, reason] of broken) {
    for (const [name, text] of Object.entries({ ...certificateFiles(certificate), ...content })) {
      await Deno.writeTextFile(`${running.folder}/${name}`, text);
    }
    const { status, body } = await running.reload();
    assert.equal(status, 422);
    const [problem] = (body as { errors: { path: string; message: string; line: number }[] }).errors;
    assert.match(problem?.message ?? "", reason);
    assert.match(problem?.path ?? "", /^certificates\.www\./);
    assert.ok((problem?.line ?? 0) > 0, "its place in the file is named");
    assert.equal(await trusts(port, certificate), true);
  }
  await Deno.remove(`${running.folder}/www.key`);
  assert.equal((await running.reload()).status, 422, "a file that is gone is refused as well");
  assert.equal(await trusts(port, certificate), true);
});
