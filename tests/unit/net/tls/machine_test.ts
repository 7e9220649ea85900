/** The TLS session in memory: settings that it takes, and what it says of itself. @module */

import assert from "node:assert/strict";
import { type MachineOptions, machineSettings, TlsMachine } from "../../../../src/net/tls/machine.ts";
import { issue, issueChain, type KeyKind, traditionalKey } from "../../../support/authority.ts";
import { readAll } from "../../../support/servers.ts";
import {
  accepted,
  ALICE,
  assertRefused,
  gotIn,
  handshakeWith,
  LOCALHOST,
  mutualSettings,
  NodeClient,
  ROOT,
  settingsOf,
} from "./bench.ts";
import { hello } from "./hello.ts";

const OPTIONS: MachineOptions = {
  certPem: LOCALHOST.certPem,
  keyPem: LOCALHOST.keyPem,
  clientCaPem: null,
  minVersion: "1.2",
  alpn: [],
};

Deno.test("machineSettings() throws when certificate and key cannot be used together", async () => {
  const other = await issue({ name: "other", issuer: ROOT });
  for (
    const change of [{ keyPem: other.keyPem }, { keyPem: "no key" }, { certPem: "no certificate" }, { certPem: "" }]
  ) {
    assert.throws(() => machineSettings({ ...OPTIONS, ...change }), Error, JSON.stringify(Object.keys(change)));
  }
});

Deno.test("TlsMachine has nothing to say before it is fed, and answers a hello with its own", () => {
  const machine = new TlsMachine(machineSettings(OPTIONS));
  assert.deepEqual([machine.drain().length, machine.handshakeDone, machine.ended, machine.error], [
    0,
    false,
    false,
    undefined,
  ]);
  assert.equal(machine.read(new Uint8Array(10)), 0);
  machine.feed(hello({ names: ["localhost"] }).subarray(0, 20));
  assert.deepEqual([machine.drain().length, machine.error], [0, undefined], "it waits for the rest");
  machine.destroy();
});

Deno.test("TlsMachine answers nonsense with an alert and an error", () => {
  const machine = new TlsMachine(machineSettings(OPTIONS));
  machine.feed(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  assert.ok(machine.error !== undefined);
  assert.equal(machine.drain()[0], 21, "an alert record");
  assert.equal(machine.handshakeDone, false);
  machine.destroy();
});

Deno.test("TlsMachine can be made and destroyed at any moment, and more than once", () => {
  const settings = machineSettings(OPTIONS);
  for (let round = 0; round < 100; round++) {
    const machine = new TlsMachine(settings);
    if (round % 2 === 0) machine.feed(hello().subarray(0, 50 * (round % 4)));
    machine.destroy();
    if (round % 5 === 0) machine.destroy();
  }
});

for (const kind of ["P-256", "P-384", "RSA"] as const satisfies readonly KeyKind[]) {
  Deno.test(`TlsMachine serves a chain with a key of kind ${kind}, in either form, over both versions`, async () => {
    const { root, intermediate, leaf } = await issueChain("localhost", kind);
    const certPem = leaf.certPem + intermediate.certPem;
    for (const keyPem of [leaf.keyPem, traditionalKey(leaf)]) {
      for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
        const settings = settingsOf({ certificates: [{ certPem, keyPem, serverNames: [] }] });
        const { result } = await handshakeWith(settings, { maxVersion, ca: root.certPem });
        gotIn(result);
        assert.equal(result.facts().version, maxVersion);
        result.stream.close();
      }
    }
  });
}

Deno.test("TlsMachine shows clients its chain, and with client CAs still one that they take", async () => {
  const { root, intermediate, leaf } = await issueChain("localhost");
  const certificates = [{ certPem: leaf.certPem + intermediate.certPem, keyPem: leaf.keyPem, serverNames: [] }];
  const { result } = await handshakeWith(mutualSettings({ certificates }), {
    ca: root.certPem,
    cert: ALICE.certPem,
    key: ALICE.keyPem,
  });
  gotIn(result);
  result.stream.close();
});

const VERSIONS: readonly [minVersion: "1.2" | "1.3", maxVersion: "TLSv1.2" | "TLSv1.3", cipher: RegExp | null][] = [
  ["1.2", "TLSv1.2", /^ECDHE-ECDSA-[A-Z0-9-]+$/],
  ["1.2", "TLSv1.3", /^TLS_(AES|CHACHA20)_[A-Z0-9_]+$/],
  ["1.3", "TLSv1.2", null],
  ["1.3", "TLSv1.3", /^TLS_(AES|CHACHA20)_[A-Z0-9_]+$/],
];

for (const [minVersion, maxVersion, cipher] of VERSIONS) {
  const outcome = cipher === null ? "refuses" : "takes";
  Deno.test(`TlsMachine with minVersion ${minVersion} ${outcome} a client with ${maxVersion}`, async () => {
    const { result, client } = await handshakeWith(settingsOf({ minVersion }), { maxVersion });
    if (cipher === null) {
      assert.equal(assertRefused(result, "old_version"), "the client speaks TLS 1.2 at most");
      assert.match(client.error, /version/i, "it is told why");
      return;
    }
    gotIn(result);
    const { version, cipher: found, resumed, client: identity } = result.facts();
    result.stream.close();
    assert.deepEqual([version, resumed, identity], [maxVersion, false, null]);
    assert.match(found, cipher);
  });
}

const ALPN: readonly [server: string[], client: string[], expected: string | null | undefined][] = [
  [[], [], null],
  [[], ["h2"], null],
  [["h2", "http/1.1"], [], null],
  [["h2", "http/1.1"], ["http/1.1", "h2"], "h2"],
  [["h2", "http/1.1"], ["http/1.1"], "http/1.1"],
  [["x".repeat(255)], ["x".repeat(255)], "x".repeat(255)],
  [["h2"], ["http/1.1"], undefined],
];

for (const [server, wanted, expected] of ALPN) {
  const short = (names: string[]) => names.map((name) => name.slice(0, 10)).join(", ");
  Deno.test(`TlsMachine with ALPN [${short(server)}] and a client with [${short(wanted)}]`, async () => {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const options = wanted.length === 0 ? { maxVersion } : { maxVersion, ALPNProtocols: wanted };
      const { result } = await handshakeWith(settingsOf({ alpn: server }), options);
      if (expected === undefined) {
        assertRefused(result, "no_shared_alpn");
      } else {
        gotIn(result);
        assert.equal(result.facts().alpn, expected, maxVersion);
        result.stream.close();
      }
    }
  });
}

Deno.test("TlsMachine knows who a client is by its certificate, over both versions", async () => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const { result } = await handshakeWith(mutualSettings(), { maxVersion, cert: ALICE.certPem, key: ALICE.keyPem });
    gotIn(result);
    assert.deepEqual(result.facts().client, { commonName: "Alice", subject: "CN=Alice" });
    result.stream.close();
  }
});

Deno.test("TlsMachine gives facts for as long as its stream is open", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using client = new NodeClient(listener.addr.port);
  const result = await accepted(await listener.accept(), settingsOf());
  gotIn(result);
  const before = result.facts();
  client.socket.end("x");
  assert.equal((await readAll(result.stream)).length, 1);
  assert.deepEqual(result.facts(), before);
  result.stream.close();
});
