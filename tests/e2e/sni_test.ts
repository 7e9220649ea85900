/** Certificates by name, application protocols, versions and resumed sessions, with OpenSSL as the client. @module */

import assert from "node:assert/strict";
import { issue } from "../support/authority.ts";
import { backends, listener, type Settings } from "../support/configs.ts";
import { LOOPBACKS } from "../support/families.ts";
import { issueClients, overMutualTls, writeClient } from "../support/mutual.ts";
import { askWithOpenssl, type OpensslOptions, TLS_VERSIONS } from "../support/openssl.ts";
import { peerTest } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { hasNewTls, RunningWeir } from "../support/program.ts";
import { httpServer } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const REQUEST = "GET / HTTP/1.0\r\n\r\n";

/** Certificates by name: the hosts that each is for. */
const HOSTS = {
  first: ["first.test"],
  exact: ["www.example.test"],
  wildcard: ["*.example.test", "example.test"],
} as const;

/** A listener for both families with these settings, and these client CAs. */
async function startFront(server: number, tls: Settings, roots: Readonly<Record<string, string>> = {}) {
  const port = freePort("::");
  const files: Record<string, string> = {};
  for (const [name, hosts] of Object.entries(HOSTS)) {
    const { certPem, keyPem } = await issue({ name, hosts });
    Object.assign(files, { [`${name}.pem`]: certPem, [`${name}.key`]: keyPem });
  }
  for (const [name, pem] of Object.entries(roots)) files[`${name}.pem`] = pem;
  const names = Object.keys(HOSTS);
  const running = await RunningWeir.start({
    certificates: Object.fromEntries(
      names.map((name) => [name, { certFile: `${name}.pem`, keyFile: `${name}.key` }]),
    ),
    clientCAs: Object.fromEntries(Object.keys(roots).map((name) => [name, { certFile: `${name}.pem` }])),
    listeners: [
      listener(port, backends([server]), {
        protocol: "TCP_SSL",
        tls,
        address: "::",
        ipTranslation: true,
      }),
    ],
  }, { files });
  return { port, running };
}

async function failuresOf(running: RunningWeir, name = "web"): Promise<Record<string, number>> {
  const { handshakeFailures } = await running.listener(name);
  return Object.fromEntries(Object.entries(handshakeFailures ?? {}).filter(([, count]) => count > 0));
}

const ASKED: readonly [serverName: string | null, certificate: keyof typeof HOSTS][] = [
  ["first.test", "first"],
  ["www.example.test", "exact"],
  ["WWW.Example.TEST", "exact"],
  ["api.example.test", "wildcard"],
  ["example.test", "wildcard"],
  // A wildcard stands for one label.
  ["a.b.example.test", "first"],
  ["unknown.test", "first"],
  [null, "first"],
];

peerTest("a client gets the certificate for the name that it asks for, or else the first", ["openssl"], async ({
  openssl,
}) => {
  await using server = httpServer("hello");
  const { port, running } = await startFront(server.port, { certificates: ["first", "exact", "wildcard"] });
  await using _running = running;
  for (const [serverName, certificate] of ASKED) {
    const args = serverName === null ? ["-noservername"] : ["-servername", serverName];
    for (const version of TLS_VERSIONS) {
      for (const hostname of LOOPBACKS) {
        const { text } = await askWithOpenssl(openssl, { hostname, port, version, args, request: REQUEST });
        assert.match(text, new RegExp(`^subject=CN = ${certificate}$`, "m"), `${serverName}, TLS ${version}`);
        assert.match(text, /hello/);
      }
    }
  }
  assert.deepEqual(await failuresOf(running), {});
});

peerTest("the best application protocol of the list that the client knows is agreed on", ["openssl"], async ({
  openssl,
}) => {
  await using server = httpServer("hello");
  const { port, running } = await startFront(server.port, { certificate: "first", alpn: ["h2", "http/1.1"] });
  await using _running = running;
  for (const version of TLS_VERSIONS) {
    const agreed = async (alpn: string) => {
      const { text } = await askWithOpenssl(openssl, { port, version, args: ["-alpn", alpn], request: REQUEST });
      return /^ALPN protocol: (.*)$/m.exec(text)?.[1];
    };
    assert.equal(await agreed("http/1.1,h2"), "h2", "the listener's order counts");
    assert.equal(await agreed("spdy/3,http/1.1"), "http/1.1");
    const without = await askWithOpenssl(openssl, { port, version, request: REQUEST });
    assert.match(without.text, /No ALPN negotiated/);
    assert.match(without.text, /hello/);
    const none = await askWithOpenssl(openssl, { port, version, args: ["-alpn", "imap"], request: REQUEST });
    assert.deepEqual([none.code, none.alert], [1, 120], none.text);
  }
  await until("both are counted", async () => (await failuresOf(running))["no_shared_alpn"] === 2);
  assert.equal(server.accepted, 6);
});

peerTest("without a list no application protocol is agreed on, whatever the client offers", ["openssl"], async ({
  openssl,
}) => {
  await using server = httpServer("hello");
  const { port, running } = await startFront(server.port, { certificate: "first" });
  await using _running = running;
  const { text } = await askWithOpenssl(openssl, { port, args: ["-alpn", "h2,http/1.1"], request: REQUEST });
  assert.match(text, /No ALPN negotiated/);
  assert.match(text, /hello/);
});

peerTest("minVersion 1.3 refuses TLS 1.2 with an alert that says so; the default takes both", ["openssl"], async ({
  openssl,
}) => {
  await using server = httpServer("hello");
  for (const minVersion of ["1.3", "1.2"] as const) {
    const { port, running } = await startFront(server.port, {
      certificate: "first",
      ...(minVersion === "1.2" ? {} : { minVersion }),
    });
    await using _running = running;
    for (const hostname of LOOPBACKS) {
      const old = await askWithOpenssl(openssl, { hostname, port, version: "1.2", request: REQUEST });
      assert.deepEqual([old.code, old.alert], minVersion === "1.3" ? [1, 70] : [0, undefined], old.text);
      const { text } = await askWithOpenssl(openssl, { hostname, port, version: "1.3", request: REQUEST });
      assert.match(text, /New, TLSv1.3/);
      assert.match(text, /hello/);
    }
    await until("they are counted", async () => {
      return (await failuresOf(running))["old_version"] === (minVersion === "1.3" ? 2 : undefined);
    });
  }
});

/** Connects once and keeps the session, then once more with it. @returns whether it was resumed, and the second answer */
async function resume(openssl: string, session: string, first: OpensslOptions, second: OpensslOptions) {
  const { text } = await askWithOpenssl(openssl, { ...first, args: [...first.args ?? [], "-sess_out", session] });
  assert.match(text, /hello/);
  const again = await askWithOpenssl(openssl, { ...second, args: [...second.args ?? [], "-sess_in", session] });
  return { resumed: /^Reused, TLS/m.test(again.text), ...again };
}

peerTest(
  hasNewTls ? "sessions are resumed" : "sessions are not resumed (Deno 2.7.14 cannot)",
  ["openssl"],
  async ({ openssl }) => {
    await using server = httpServer("hello");
    const { port, running } = await startFront(server.port, { certificate: "first" });
    await using _running = running;
    for (const version of TLS_VERSIONS) {
      const options = { port, version, request: REQUEST };
      const { resumed, text } = await resume(openssl, `${running.folder}/session`, options, options);
      assert.match(text, /hello/);
      assert.equal(resumed, hasNewTls, text);
    }
  },
);

peerTest(
  "a session of another listener, or of before a change of the client CA, lets nobody in who shows no certificate",
  ["openssl"],
  async ({ openssl }) => {
    await using server = httpServer("hello");
    const [ours, theirs] = [await issueClients("P-384"), await issueClients("P-384")];
    const group = backends([server.port]);
    const ports = { open: freePort(), ours: freePort(), theirs: freePort(), both: freePort() };
    const settings = { ...overMutualTls(), address: "127.0.0.1" };
    const { certPem, keyPem } = await issue({ name: "first" });
    const mutual = (name: keyof typeof ports) =>
      listener(ports[name], group, { ...settings, name, ...overMutualTls({ clientCA: name }) });
    // One thread for all, as the library's ticket keys belong to a thread.
    const config = {
      maxWorkers: 1,
      watchCertificates: false,
      certificates: { www: { certFile: "www.pem", keyFile: "www.key" } },
      clientCAs: {
        ours: { certFile: "ours.pem" },
        theirs: { certFile: "theirs.pem" },
        both: { certFile: "both.pem" },
      },
      listeners: [
        listener(ports.open, group, { protocol: "TCP_SSL", tls: { certificate: "www" }, name: "open" }),
        ...(["ours", "theirs", "both"] as const).map(mutual),
      ],
    };
    await using running = await RunningWeir.start(config, {
      files: {
        "www.pem": certPem,
        "www.key": keyPem,
        "ours.pem": ours.root.certPem,
        "theirs.pem": theirs.root.certPem,
        "both.pem": ours.root.certPem + theirs.root.certPem,
      },
    });
    const session = `${running.folder}/session`;
    const own = await writeClient(running.folder, ours.of.valid);
    for (const version of TLS_VERSIONS) {
      const at = (name: keyof typeof ports, args: readonly string[] = []) => ({
        port: ports[name],
        version,
        args,
        request: REQUEST,
      });
      // Clients that show what they have shown before, whether or not it is asked for again.
      const good = await resume(openssl, session, at("ours", own), at("ours", own));
      assert.match(good.text, /hello/);
      assert.equal(good.resumed, hasNewTls, good.text);
      for (
        const [from, to, args] of [
          ["open", "ours", []],
          ["open", "both", []],
          ["ours", "theirs", own],
        ] as const
      ) {
        const before = server.accepted;
        const stranger = await resume(openssl, session, at(from, args), at(to, args));
        assert.doesNotMatch(stranger.text, /hello/, `from ${from} to ${to}, TLS ${version}`);
        assert.equal(server.accepted, before + 1, "only the first of them");
        assert.equal(stranger.resumed, hasNewTls, "the library would have taken it");
      }
    }
    // The same certificate file, with another content: whoever was let in by the old one is a stranger now.
    for (const version of TLS_VERSIONS) {
      await Deno.writeTextFile(`${running.folder}/ours.pem`, ours.root.certPem);
      assert.equal((await running.reload()).status, 200);
      const options = { port: ports.ours, version, args: own, request: REQUEST };
      const { text } = await askWithOpenssl(openssl, { ...options, args: [...own, "-sess_out", session] });
      assert.match(text, /hello/);
      await Deno.writeTextFile(`${running.folder}/ours.pem`, theirs.root.certPem);
      assert.equal((await running.reload()).status, 200);
      const before = server.accepted;
      const late = await askWithOpenssl(openssl, { ...options, args: [...own, "-sess_in", session] });
      assert.doesNotMatch(late.text, /hello/);
      assert.equal(server.accepted, before);
    }
  },
);
