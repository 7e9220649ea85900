/** Certificate files that change under a running program, over IPv4 and IPv6. @module */

import assert from "node:assert/strict";
import {
  CERTIFICATE_STORE,
  certificateFiles,
  overTls,
  type TestCertificate,
  testCertificate,
} from "../support/certificates.ts";
import { backends, listener, type Settings } from "../support/configs.ts";
import { assertEchoes } from "../support/echo.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir, weir } from "../support/program.ts";
import { echoServer } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** Seconds that a renewal may take until it serves: a few, and the rest for a busy machine. */
const RENEWAL_SECONDS = 40;

/** Loopback addresses of both families, and the port of a listener on each. */
interface Front {
  readonly hostname: string;
  readonly port: number;
}

/** A program with one certificate and a listener on each family. */
async function start(server: number, settings: Settings = {}) {
  const fronts: Front[] = [
    { hostname: "127.0.0.1", port: freePort() },
    { hostname: "::1", port: freePort("::1") },
  ];
  const certificate = await testCertificate();
  const config = {
    certificates: CERTIFICATE_STORE,
    listeners: fronts.map(({ hostname, port }, index) =>
      listener(port, backends([server]), {
        ...overTls(),
        name: `web${index}`,
        address: hostname,
        ipTranslation: true,
      })
    ),
    ...settings,
  };
  const running = await RunningWeir.start(config, { files: certificateFiles(certificate) });
  return { fronts, certificate, config, running };
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

/** Puts files beside the configuration, each in one step. */
async function put({ folder }: RunningWeir, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const fresh = await Deno.makeTempFile({ dir: folder });
    await Deno.writeTextFile(fresh, text);
    await Deno.rename(fresh, `${folder}/${name}`);
  }
}

async function shown(
  running: RunningWeir,
): Promise<{ fingerprint256: string; users: string[]; refused: string | null }> {
  const { status, body } = await running.admin("/v1/certificates/www");
  assert.equal(status, 200);
  return body as Awaited<ReturnType<typeof shown>>;
}

/** Puts another certificate into place, and resolves when it is the one that serves. */
async function renew(running: RunningWeir, certificate: TestCertificate): Promise<void> {
  const { fingerprint256 } = await shown(running);
  await put(running, certificateFiles(certificate));
  await until("it is renewed", async () => (await shown(running)).fingerprint256 !== fingerprint256, RENEWAL_SECONDS);
}

Deno.test("a renewed certificate serves new connections by itself, and established ones stay", async () => {
  await using server = echoServer();
  const { fronts, certificate: old, running } = await start(server.port);
  await using _running = running;
  await using held = new AsyncDisposableStack();
  const connections = [];
  for (const front of fronts) connections.push(held.use(await connectTls(front, old)));
  const before = await shown(running);
  assert.deepEqual(before.users, ["web0", "web1"]);

  const renewed = await testCertificate();
  await renew(running, renewed);
  for (const front of fronts) {
    for (let index = 0; index < 5; index++) assert.equal(await trusts(front, renewed), true);
    assert.equal(await trusts(front, old), false);
  }
  for (const connection of connections) await assertEchoes(connection, "the established one stays");
  const after = await shown(running);
  assert.notEqual(after.fingerprint256, before.fingerprint256);
  const { stdout } = await weir(["status", "--admin", `http://127.0.0.1:${running.adminPort}`]);
  assert.match(
    stdout,
    /^CERTIFICATE +KIND +KEY +VALID UNTIL +DAYS LEFT +LISTENERS\nwww +certificate +EC P-256 .* 36[45] +web0, web1$/m,
  );
  const { body: metrics } = await running.admin("/metrics");
  assert.match(
    String(metrics),
    /^weir_certificate_not_after_timestamp_seconds\{kind="certificate",certificate="www"\} \d+$/m,
  );
  const { body: status } = await running.admin("/v1/status");
  const { lastReload } = status as { lastReload: { ok: boolean; report: { trigger: string } } };
  assert.deepEqual([lastReload.ok, lastReload.report.trigger], [true, "start"], "this was no reload");
  await running.untilLogged(/Certificate \\"www\\" was renewed, valid until /);
});

Deno.test("a broken new pair is refused with the reason, the old one serves on, and a repaired one is taken", async () => {
  await using server = echoServer();
  const { fronts: [front], certificate: old, running } = await start(server.port);
  await using _running = running;
  assert.ok(front !== undefined);
  const renewed = await testCertificate();
  await put(running, { "www.pem": renewed.certPem });
  await until("the reason is logged", () => running.log.includes("was not renewed"));
  assert.match(running.log, /Certificate \\"www\\" was not renewed: keyFile must be the certificate's private key,/);
  const refused = await until("the API has it, too", async () => (await shown(running)).refused ?? undefined);
  assert.match(refused, /^keyFile must be the certificate's private key,/);
  assert.equal(await trusts(front, old), true);
  assert.equal(running.log.match(/was not renewed/g)?.length, 1, "it is said once");

  await put(running, { "www.key": renewed.keyPem });
  await until("the whole pair serves", () => trusts(front, renewed), RENEWAL_SECONDS);
  // The report comes a moment after what it reports.
  await until("nothing is refused any more", async () => (await shown(running)).refused === null);
});

Deno.test("an unfinished edit of the configuration is not picked up by a certificate that changes", async () => {
  await using server = echoServer();
  const { fronts: [front], config, running } = await start(server.port);
  await using _running = running;
  assert.ok(front !== undefined);
  for (const text of ["listeners: [unfinished", JSON.stringify({ ...config, listeners: [] })]) {
    await running.write(text);
    const renewed = await testCertificate();
    await renew(running, renewed);
    assert.equal(await trusts(front, renewed), true);
    const { body } = await running.admin("/v1/status");
    assert.equal((body as { totals: { listeners: number } }).totals.listeners, 2);
  }
});

Deno.test("certificates are watched as the last reload says, also new ones and no longer", async () => {
  await using server = echoServer();
  const { fronts: [front], config, running } = await start(server.port, { watchCertificates: false });
  await using _running = running;
  assert.ok(front !== undefined);
  const [unseen, second, third] = [await testCertificate(), await testCertificate(), await testCertificate()];
  await put(running, certificateFiles(unseen));
  await Deno.mkdir(`${running.folder}/more`);
  for (const [name, text] of Object.entries(certificateFiles(second))) {
    await Deno.writeTextFile(`${running.folder}/more/${name}`, text);
  }
  const elsewhere = { www: { certFile: "more/www.pem", keyFile: "more/www.key" } };
  const { status } = await running.reload({ ...config, watchCertificates: true, certificates: elsewhere });
  assert.equal(status, 200);
  assert.doesNotMatch(running.log, /was not renewed/);
  assert.equal(await trusts(front, second), true);
  await put(running, { "more/www.pem": third.certPem, "more/www.key": third.keyPem });
  await until("the new place is watched", () => trusts(front, third), RENEWAL_SECONDS);
});
