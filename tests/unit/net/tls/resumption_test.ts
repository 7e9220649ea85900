/**
 * Sessions that are resumed. The runtime keeps one set of ticket keys for all listeners of a thread and checks no
 * certificate when a session goes on, so nothing may let a client in but a check of its certificate by this listener's
 * own client CAs.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { AcceptedTls, TlsSettings } from "../../../../src/net/tls/accept.ts";
import { CheckedByAuthority } from "../../../../src/net/tls/client_certificate.ts";
import type { HandshakeError } from "../../../../src/net/tls/handshake_failure.ts";
import { issue, type Issued } from "../../../support/authority.ts";
import { peerTest, run } from "../../../support/peers.ts";
import { readAll } from "../../../support/servers.ts";
import { accepted, assertRefused, gotIn, mutualSettings, ROOT, settingsOf } from "./bench.ts";

/** Deno 2.7 gives out no tickets and resumes nothing. */
const RESUMES = !Deno.version.deno.startsWith("2.7.");

const stranger = await issue({ name: "Stranger", ca: true });
// With RSA, which signs with what Deno 2.7 takes in TLS 1.2 as well.
const bob = await issue({ name: "Bob", issuer: ROOT, key: "RSA" });
const middle = await issue({ name: "Middle", ca: true, issuer: ROOT });
const carol = await issue({ name: "Carol", issuer: middle, key: "RSA" });
const foe = await issue({ name: "Foe", issuer: stranger, key: "RSA" });

/** One client that keeps its session in a file from one connection to the next. */
class ReturningClient implements AsyncDisposable {
  readonly #openssl: string;
  readonly #version: string;
  readonly #folder = Deno.makeTempDirSync();

  constructor(openssl: string, version: string) {
    this.#openssl = openssl;
    this.#version = version;
  }

  /** Connects, with what it has of an earlier session, and reads what it is told. */
  async connect(settings: TlsSettings, certificate?: Issued) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const session = `${this.#folder}/session.pem`;
    const hasSession = await Deno.stat(session).then(() => true, () => false);
    const files = { "cert.pem": certificate?.certPem ?? "", "cert.key": certificate?.keyPem ?? "" };
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${this.#folder}/${name}`, text);
    const pem = `${this.#folder}/cert.pem`;
    const own = ["-cert", pem, "-cert_chain", pem, "-key", `${this.#folder}/cert.key`];
    const running = run(this.#openssl, [
      ...["s_client", "-connect", `127.0.0.1:${listener.addr.port}`, "-servername", "localhost", "-ign_eof"],
      ...[this.#version, "-sess_out", session],
      ...(hasSession ? ["-sess_in", session] : []),
      ...(certificate === undefined ? [] : own),
    ]);
    const result = await accepted(await listener.accept(), settings);
    const facts = "stream" in result ? result.facts() : undefined;
    if ("stream" in result) await this.#serve(result);
    const { stdout } = await running;
    return { result, facts, isIn: stdout.includes("you are in"), offered: hasSession };
  }

  async #serve({ stream }: AcceptedTls): Promise<void> {
    await stream.write(new TextEncoder().encode("you are in\n"));
    await stream.closeWrite();
    await readAll(stream).catch(() => {});
    stream.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function assertOut(
  { result, isIn }: { result: AcceptedTls | HandshakeError; isIn: boolean },
  failure: HandshakeError["failure"],
): void {
  assertRefused(result, failure);
  assert.equal(isIn, false);
}

for (const version of ["-tls1_2", "-tls1_3"]) {
  const test = (what: string, work: (client: ReturningClient) => Promise<void>) =>
    peerTest(`${what} (openssl s_client ${version})`, ["openssl"], async ({ openssl }) => {
      await using client = new ReturningClient(openssl, version);
      await work(client);
    });

  test("a session of a one-way listener lets nobody without a certificate into a mutual one", async (client) => {
    const first = await client.connect(settingsOf());
    assert.ok(first.isIn);
    const again = await client.connect(mutualSettings());
    if (RESUMES) assert.ok(again.offered);
    assertOut(again, "no_certificate");
  });

  test("a session of a listener with another client CA lets nobody into a mutual one", async (client) => {
    const checked = new CheckedByAuthority();
    const elsewhere = mutualSettings({ clientCaPem: stranger.certPem }, checked);
    const here = mutualSettings({}, checked);
    assert.ok((await client.connect(elsewhere, foe)).isIn);
    assertOut(await client.connect(here), RESUMES ? "unknown_ca" : "no_certificate");
    assertOut(await client.connect(here, foe), "unknown_ca");
    assert.ok((await client.connect(elsewhere, foe)).isIn, "and is good where it comes from");
  });

  test("a session goes on when a client CA is added, and not when its own is taken away", async (client) => {
    const checked = new CheckedByAuthority();
    assert.ok((await client.connect(mutualSettings({}, checked), bob)).isIn);
    const both = mutualSettings({ clientCaPem: stranger.certPem + ROOT.certPem }, checked);
    const { isIn, facts } = await client.connect(both, bob);
    assert.deepEqual([isIn, facts?.resumed, facts?.client?.commonName], [true, RESUMES, "Bob"]);
    assertOut(await client.connect(mutualSettings({ clientCaPem: stranger.certPem }, checked), bob), "unknown_ca");
  });

  test("a session goes on when another client CA is taken away", async (client) => {
    const checked = new CheckedByAuthority();
    const both = mutualSettings({ clientCaPem: stranger.certPem + ROOT.certPem }, checked);
    assert.ok((await client.connect(both, bob)).isIn);
    const { isIn, facts } = await client.connect(mutualSettings({}, checked), bob);
    assert.deepEqual([isIn, facts?.resumed, facts?.client?.commonName], [true, RESUMES, "Bob"]);
  });

  test("a session goes on when another client CA is taken away, with an intermediate CA in between", async (client) => {
    const checked = new CheckedByAuthority();
    const both = mutualSettings({ clientCaPem: stranger.certPem + ROOT.certPem }, checked);
    const below = { ...carol, certPem: carol.certPem + middle.certPem };
    assert.ok((await client.connect(both, below)).isIn);
    const { isIn, facts } = await client.connect(mutualSettings({}, checked), below);
    assert.deepEqual([isIn, facts?.resumed, facts?.client?.commonName], [true, RESUMES, "Carol"]);
  });

  test("a session of one of two client CAs is not good for the other alone", async (client) => {
    const checked = new CheckedByAuthority();
    const both = mutualSettings({ clientCaPem: ROOT.certPem + stranger.certPem }, checked);
    assert.ok((await client.connect(both, foe)).isIn);
    assertOut(await client.connect(mutualSettings({}, checked)), RESUMES ? "unknown_ca" : "no_certificate");
  });

  test("a session goes on at a listener with the same client CA, which knows who the client is", async (client) => {
    const checked = new CheckedByAuthority();
    assert.ok((await client.connect(mutualSettings({}, checked), bob)).isIn);
    // Another listener, or this one after a reload.
    const { result, facts, isIn } = await client.connect(mutualSettings({ alpn: ["h2"] }, checked), bob);
    gotIn(result);
    assert.deepEqual([isIn, facts?.resumed, facts?.client?.commonName], [true, RESUMES, "Bob"]);
  });

  test("a session whose certificate nobody has checked against this client CA is looked at anew", async (client) => {
    assert.ok((await client.connect(mutualSettings(), bob)).isIn);
    const { isIn, facts } = await client.connect(mutualSettings(), bob);
    assert.deepEqual([isIn, facts?.resumed, facts?.client?.commonName], [true, RESUMES, "Bob"]);
  });

  test("a client that was refused for its certificate cannot come back with its session", async (client) => {
    const settings = mutualSettings();
    assertOut(await client.connect(settings, foe), "unknown_ca");
    const again = await client.connect(settings);
    assert.ok("failure" in again.result, "it got in");
    assert.equal(again.isIn, false);
  });

  test("a session of a mutual listener goes on at a one-way one, which knows nothing of certificates", async (client) => {
    assert.ok((await client.connect(mutualSettings(), bob)).isIn);
    const { facts, isIn } = await client.connect(settingsOf());
    assert.deepEqual([isIn, facts?.client, facts?.resumed], [true, null, RESUMES]);
  });
}
