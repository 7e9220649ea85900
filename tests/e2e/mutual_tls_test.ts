/** Mutual authentication: who gets in, who does not, and what they and the operator are told. IPv4 and IPv6. @module */

import assert from "node:assert/strict";
import { issue, type Issued, type KeyKind } from "../support/authority.ts";
import { testCertificate } from "../support/certificates.ts";
import { backends, listener } from "../support/configs.ts";
import { LOOPBACKS } from "../support/families.ts";
import {
  CLIENT_KINDS,
  type ClientKind,
  issueClients,
  MUTUAL_STORE,
  mutualFiles,
  overMutualTls,
  writeClient,
} from "../support/mutual.ts";
import { askWithOpenssl, TLS_VERSIONS, type TlsVersion } from "../support/openssl.ts";
import { peerTest } from "../support/peers.ts";
import { freePorts } from "../support/proxy_peers.ts";
import { hasNewTls, RunningWeir } from "../support/program.ts";
import { httpServer } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** What a client meets that does not get in. */
interface Refusal {
  /** Its reason in `handshakeFailures`. */
  readonly reason: string;
  /**
   * The alert that a TLS 1.2 client gets. A TLS 1.3 client gets one only when it has shown nothing, from the TLS library
   * itself: any other would have to be encrypted with keys that only the library has, so its connection just ends.
   */
  readonly alert: number;
}

const REFUSALS = {
  none: { reason: "no_certificate", alert: 116 },
  otherCA: { reason: "unknown_ca", alert: 48 },
  selfSigned: { reason: "unknown_ca", alert: 48 },
  expired: { reason: "expired", alert: 45 },
  notYetValid: { reason: "not_yet_valid", alert: 46 },
  serverOnly: { reason: "wrong_purpose", alert: 43 },
} satisfies Partial<Record<ClientKind | "none", Refusal>>;

function refusalOf(kind: ClientKind | "none", key: KeyKind, version: TlsVersion): Refusal | undefined {
  // Deno 2.7.14 takes no signature of a P-256 key over SHA-384, which is what openssl prefers over TLS 1.2.
  if (!hasNewTls && key === "P-256" && version === "1.2" && kind !== "none") {
    return { reason: "bad_certificate", alert: 46 };
  }
  return kind in REFUSALS ? REFUSALS[kind as keyof typeof REFUSALS] : undefined;
}

const NAMES = { "127.0.0.1": "four", "::1": "six" } as const;

/** A mutual listener on each family. */
async function startMutual(server: number, roots: readonly Issued[]) {
  const { IPv4, IPv6 } = freePorts();
  const ports = { "127.0.0.1": IPv4, "::1": IPv6 };
  const running = await RunningWeir.start({
    ...MUTUAL_STORE,
    listeners: LOOPBACKS.map((address) =>
      listener(ports[address], backends([server]), {
        ...overMutualTls(),
        name: NAMES[address],
        address,
        ipTranslation: true,
      })
    ),
  }, { files: mutualFiles(await testCertificate(), roots) });
  return { ports, running };
}

async function failuresOf(running: RunningWeir, name: string): Promise<Record<string, number>> {
  const { handshakeFailures } = await running.listener(name);
  return Object.fromEntries(Object.entries(handshakeFailures ?? {}).filter(([, count]) => count > 0));
}

const REQUEST = "GET / HTTP/1.0\r\n\r\n";

for (const key of ["P-256", "P-384", "RSA"] as const) {
  peerTest(
    `only clients with a valid ${key} certificate reach a server, over TLS 1.2 and 1.3, IPv4 and IPv6`,
    ["openssl"],
    async ({ openssl }) => {
      await using server = httpServer("hello");
      const clients = await issueClients(key);
      const { ports, running } = await startMutual(server.port, [clients.root]);
      await using _running = running;
      let passed = 0;
      const failures: Record<string, number> = {};
      for (const kind of ["none", ...CLIENT_KINDS] as const) {
        const args = kind === "none" ? [] : await writeClient(running.folder, clients.of[kind]);
        for (const version of TLS_VERSIONS) {
          const refusal = refusalOf(kind, key, version);
          if (refusal === undefined) passed += LOOPBACKS.length;
          else failures[refusal.reason] = (failures[refusal.reason] ?? 0) + 1;
          for (const hostname of LOOPBACKS) {
            const what = `${kind}, TLS ${version}, ${hostname}`;
            const options = { hostname, port: ports[hostname], version, args, request: REQUEST };
            const { code, text, alert } = await askWithOpenssl(openssl, options);
            assert.equal(code, refusal === undefined ? 0 : 1, `${what}: ${text}`);
            assert.equal(text.includes("hello"), refusal === undefined, what);
            assert.equal(alert, version === "1.2" || kind === "none" ? refusal?.alert : undefined, `${what}: ${text}`);
          }
          for (const hostname of LOOPBACKS) {
            await until(`${kind} is counted`, async () => {
              const { connectionsEnded } = await running.listener(NAMES[hostname]);
              const refused = Object.values(failures).reduce((sum, count) => sum + count, 0);
              return (connectionsEnded["handshake_failed"] ?? 0) === refused;
            });
            assert.deepEqual(await failuresOf(running, NAMES[hostname]), failures, kind);
          }
          assert.equal(server.accepted, passed, `${kind} and the servers`);
        }
      }
    },
  );
}

peerTest("a client that shows the client CA's own certificate does not get in", ["openssl"], async ({ openssl }) => {
  await using server = httpServer("hello");
  const { root } = await issueClients("P-384");
  const { ports, running } = await startMutual(server.port, [root]);
  await using _running = running;
  const args = await writeClient(running.folder, { ...root, chainPem: "" });
  for (const version of TLS_VERSIONS) {
    const { code, alert, text } = await askWithOpenssl(openssl, {
      port: ports["127.0.0.1"],
      version,
      args,
      request: REQUEST,
    });
    assert.deepEqual([code, alert], [1, version === "1.2" ? 42 : undefined], text);
  }
  await until("both are counted", async () => (await failuresOf(running, "four"))["bad_certificate"] === 2);
  assert.equal(server.accepted, 0);
});

peerTest("certificates of version 1 do not get in, whoever has signed them", ["openssl"], async ({ openssl }) => {
  await using server = httpServer("hello");
  const { root } = await issueClients("P-384");
  const { ports, running } = await startMutual(server.port, [root]);
  await using _running = running;
  // A stranger of the same name, and one that signs a client of the CA's name.
  const stranger = await issue({ name: "Clients P-384", ca: true, key: "P-384" });
  for (
    const client of [
      await issue({ name: "old", version: 1, key: "P-384", issuer: root }),
      await issue({ name: "old", version: 1, key: "P-384", issuer: stranger }),
      await issue({ name: "old", version: 1, key: "P-384" }),
      await issue({ name: "Clients P-384", version: 1, key: "P-384" }),
      await issue({ name: "Clients P-384", version: 1, key: "P-384", issuer: stranger }),
    ]
  ) {
    const args = await writeClient(running.folder, { ...client, chainPem: "" });
    for (const version of TLS_VERSIONS) {
      const options = { port: ports["127.0.0.1"], version, args, request: REQUEST };
      const { code, text } = await askWithOpenssl(openssl, options);
      assert.equal(code, 1, text);
    }
  }
  assert.equal(server.accepted, 0);
});

peerTest("several client CAs in one file: clients of each get in", ["openssl"], async ({ openssl }) => {
  await using server = httpServer("hello");
  const all = [await issueClients("P-384"), await issueClients("RSA")];
  const { ports, running } = await startMutual(server.port, all.map(({ root }) => root));
  await using _running = running;
  for (const { of } of all) {
    const args = await writeClient(running.folder, of.viaIntermediate);
    for (const version of TLS_VERSIONS) {
      const { text } = await askWithOpenssl(openssl, { port: ports["127.0.0.1"], version, args, request: REQUEST });
      assert.match(text, /hello/);
    }
  }
  assert.equal(server.accepted, 4);
});

peerTest("who was refused and why is logged for people, once a second at most", ["openssl"], async ({ openssl }) => {
  await using server = httpServer("hello");
  const { root, of } = await issueClients("P-384");
  const { ports, running } = await startMutual(server.port, [root]);
  await using _running = running;
  const args = await writeClient(running.folder, of.expired);
  const startedAt = performance.now();
  for (let count = 0; count < 10; count++) await askWithOpenssl(openssl, { port: ports["127.0.0.1"], args });
  await running.untilLogged("turned client");
  const lines = running.log.split("\n").filter((line) => line.includes("turned client"));
  const seconds = (performance.now() - startedAt) / 1000;
  assert.match(lines[0] ?? "", /the client's certificate \\"CN=expired\\" was refused: it has expired/);
  assert.match(lines[0] ?? "", /"failure":"expired"/);
  assert.ok(lines.length <= 1 + seconds, `${lines.length} lines in ${seconds} s`);
});
