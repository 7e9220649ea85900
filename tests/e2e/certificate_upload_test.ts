/** Certificates that come through the admin API of a running program, over IPv4 and IPv6. @module */

import assert from "node:assert/strict";
import { issue } from "../support/authority.ts";
import { certificateFiles, type TestCertificate, testCertificate } from "../support/certificates.ts";
import { assertEchoes } from "../support/echo.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir, weir } from "../support/program.ts";
import { echoServer } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** Loopback addresses of both families, and the port of a listener on each. */
interface Front {
  readonly hostname: string;
  readonly port: number;
}

/** A configuration as people write it: with comments, in an order and a style of its own. */
function configText(adminPort: number, server: number, fronts: readonly Front[], certificate = "www"): string {
  const listeners = fronts.map(({ hostname, port }, index) =>
    `  - name: web${index} # ${hostname}
    protocol: TCP_SSL
    address: "${hostname}"
    port: ${port}
    ipTranslation: true
    tls: { certificate: ${certificate} }
    backends: { healthCheck: { enabled: false }, servers: [ { address: 127.0.0.1, port: ${server} } ] }
`
  );
  return `# Everything that is served here
admin:
  listen: 127.0.0.1:${adminPort}   # nobody else
  token: "\${WEIR_TEST_TOKEN:-}"

shutdown: { drainTimeout: 0 }
listeners:   # both families
${listeners.join("")}
# The certificates come last
certificates:
  www: { certFile: www.pem, keyFile: 'www.key' } # renewed through the API
`;
}

/** A program with a listener on each family. */
async function start(server: number) {
  const fronts: Front[] = [
    { hostname: "127.0.0.1", port: freePort() },
    { hostname: "::1", port: freePort("::1") },
  ];
  const certificate = await testCertificate();
  const running = await RunningWeir.start({ listeners: [] }, { files: certificateFiles(certificate) });
  const text = configText(running.adminPort, server, fronts);
  try {
    assert.equal((await running.reload(text)).status, 200);
  } catch (error) {
    await running[Symbol.asyncDispose]();
    throw error;
  }
  return { fronts, certificate, text, running };
}

/** Connects and trusts one certificate only. */
async function connectTls({ hostname, port }: Front, certificate: TestCertificate): Promise<Deno.TlsConn> {
  const tcp = await Deno.connect({ hostname, port });
  const connection = await Deno.startTls(tcp, { hostname: "localhost", caCerts: [certificate.certPem] });
  try {
    await connection.handshake();
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function trusts(front: Front, certificate: TestCertificate): Promise<boolean> {
  try {
    (await connectTls(front, certificate)).close();
    return true;
  } catch (error) {
    assert.match(String(error), /certificate/i);
    return false;
  }
}

async function assertServes(fronts: readonly Front[], certificate: TestCertificate): Promise<void> {
  for (const front of fronts) assert.equal(await trusts(front, certificate), true, front.hostname);
}

/** Sends a certificate to the admin API. */
async function put(
  running: RunningWeir,
  path: string,
  { certPem, keyPem }: TestCertificate,
  headers: Record<string, string> = {},
) {
  const { status, body } = await running.admin(`/v1/certificates/${path}`, {
    method: "PUT",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ certificate: certPem, key: keyPem }),
  });
  return { status, body: body as { persisted: boolean; detail: string; errors?: { message: string }[] } };
}

const mode = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o777;

Deno.test("a certificate is renewed through the API while connections are open: in memory, and saved", async () => {
  await using server = echoServer();
  const { fronts, certificate: old, text, running } = await start(server.port);
  await using _running = running;
  await using held = new AsyncDisposableStack();
  const connections = [];
  for (const front of fronts) connections.push(held.use(await connectTls(front, old)));

  const second = await testCertificate();
  const inMemory = await put(running, "www", second);
  assert.deepEqual([inMemory.status, inMemory.body.persisted], [200, false]);
  await assertServes(fronts, second);
  assert.equal(await Deno.readTextFile(`${running.folder}/www.pem`), old.certPem);
  for (const connection of connections) await assertEchoes(connection, "the established one stays");

  const third = await testCertificate();
  const saved = await put(running, "www?persist=true", third);
  assert.deepEqual([saved.status, saved.body.persisted], [200, true]);
  await assertServes(fronts, third);
  for (const front of fronts) assert.equal(await trusts(front, second), false);
  for (const connection of connections) await assertEchoes(connection, "and stays");
  assert.deepEqual(
    [await Deno.readTextFile(`${running.folder}/www.pem`), await Deno.readTextFile(`${running.folder}/www.key`)],
    [third.certPem, third.keyPem],
  );
  assert.equal(mode(`${running.folder}/www.key`), 0o600);
  assert.equal(await Deno.readTextFile(running.file), text, "the entry has not changed");
  await running.untilLogged(/Certificate \\"www\\" was renewed, by the admin API \(saved\)/);
  assert.ok(!running.log.includes(third.keyPem.split("\n")[1] ?? ""));

  await running.restart();
  await assertServes(fronts, third);
});

Deno.test("a new certificate is saved with its comments around it kept, and serves after a restart", async () => {
  await using server = echoServer();
  const { fronts, text, running } = await start(server.port);
  await using _running = running;
  const fresh = await testCertificate();
  const { status } = await put(running, "api?persist=true", fresh, { "if-none-match": "*" });
  assert.equal(status, 201);
  const { folder, file } = running;
  assert.equal(
    await Deno.readTextFile(file),
    `${text}  api: { certFile: certificates/api.pem, keyFile: certificates/api.key }\n`,
  );
  assert.deepEqual(
    [`${folder}/certificates`, `${folder}/certificates/api.pem`, `${folder}/certificates/api.key`].map(mode),
    [0o700, 0o600, 0o600],
  );
  assert.equal((await weir(["check", "-c", file])).code, 0);
  const again = await put(running, "api?persist=true", fresh, { "if-none-match": "*" });
  assert.equal(again.status, 412);

  const use = (await Deno.readTextFile(file)).replaceAll("certificate: www", "certificate: api");
  await running.write(use);
  await running.restart();
  await assertServes(fronts, fresh);
  const used = await running.admin("/v1/certificates/api?persist=true", { method: "DELETE" });
  assert.equal(used.status, 409);
  await running.reload(text + use.slice(use.indexOf("  api: { certFile")));
  const gone = await running.admin("/v1/certificates/api?persist=true", { method: "DELETE" });
  assert.equal(gone.status, 200);
  assert.equal(await Deno.readTextFile(file), text);
  assert.deepEqual([...Deno.readDirSync(`${folder}/certificates`)], []);
});

Deno.test("what cannot be used, or written, is refused as a whole: the old certificate serves on", async () => {
  await using server = echoServer();
  const { fronts, certificate: old, text, running } = await start(server.port);
  await using _running = running;
  const [one, other] = [await testCertificate(), await testCertificate()];
  const expired = await issue({ name: "localhost", to: "2021-01-01T00:00:00Z" });
  // Whoever is root writes into a folder that is read-only, but not into a file.
  await Deno.writeTextFile(`${running.folder}/certificates`, "in the way");
  for (const query of ["", "?persist=true"]) {
    const wrongKey = await put(running, `www${query}`, { certPem: one.certPem, keyPem: other.keyPem });
    assert.equal(wrongKey.status, 422);
    assert.match(wrongKey.body.errors?.[0]?.message ?? "", /^must be the certificate's private key, /);
    const tooOld = await put(running, `www${query}`, expired);
    assert.equal(tooOld.status, 422);
    assert.match(tooOld.body.errors?.[0]?.message ?? "", /^must not have expired, /);
  }
  const unwritable = await put(running, "api?persist=true", one);
  assert.equal(unwritable.status, 500);
  assert.match(unwritable.body.detail, /^Cannot write "certificates\/api\.pem": "certificates" is not a folder; /);
  const shown = await running.admin("/v1/certificates/api");
  assert.equal(shown.status, 404);
  await assertServes(fronts, old);
  assert.equal(await Deno.readTextFile(running.file), text);
  const names = [...Deno.readDirSync(running.folder)].map(({ name }) => name).toSorted();
  assert.deepEqual(names, ["certificates", "weir.yaml", "www.key", "www.pem"]);
});

Deno.test("what somebody edits meanwhile is not overwritten, and changed files win over what is not saved", async () => {
  await using server = echoServer();
  const { fronts, text, running } = await start(server.port);
  await using _running = running;
  const fresh = await testCertificate();
  const edited = text.replace("# Everything", "# Everything and more");
  await running.write(edited);
  const conflict = await put(running, "api?persist=true", fresh);
  assert.equal(conflict.status, 409);
  assert.match(conflict.body.detail, /has changed on disk since it was read/);
  assert.equal(await Deno.readTextFile(running.file), edited);
  assert.equal((await running.reload()).status, 200);
  assert.equal((await put(running, "api?persist=true", fresh)).status, 201);
  assert.match(await Deno.readTextFile(running.file), /^# Everything and more that/);

  assert.equal((await put(running, "www", fresh)).status, 200);
  await assertServes(fronts, fresh);
  const renewed = await testCertificate();
  for (const [name, content] of Object.entries(certificateFiles(renewed))) {
    await Deno.writeTextFile(`${running.folder}/${name}`, content);
  }
  for (const front of fronts) await until("the changed files serve", () => trusts(front, renewed));
});
