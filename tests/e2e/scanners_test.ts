/** What scanners find on TCP_SSL listeners, one-way and mutual. The commands and their summaries: docs/tls.md. @module */

import assert from "node:assert/strict";
import { issue, PURPOSES } from "../support/authority.ts";
import { overTls } from "../support/certificates.ts";
import { backends, listener } from "../support/configs.ts";
import { alike, shown } from "../support/documentation.ts";
import { daysFromNow, issueClients, MUTUAL_STORE, mutualFiles, overMutualTls } from "../support/mutual.ts";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { httpServer } from "../support/servers.ts";

/** Two listeners with a certificate for localhost whose root is in `root.pem`. */
async function startFronts(server: number) {
  const ports = { "one-way": freePort(), mutual: freePort() };
  const root = await issue({ name: "Weir test root", ca: true });
  const { certPem, keyPem } = await issue({
    ...{ name: "localhost", hosts: ["localhost"], issuer: root, purposes: [PURPOSES.server] },
    ...{ from: daysFromNow(-1), to: daysFromNow(90) },
  });
  const running = await RunningWeir.start({
    ...MUTUAL_STORE,
    listeners: [
      listener(ports["one-way"], backends([server]), { ...overTls(), name: "one-way" }),
      listener(ports.mutual, backends([server]), { ...overMutualTls(), name: "mutual" }),
    ],
  }, { files: { ...mutualFiles({ certPem, keyPem }, [(await issueClients()).root]), "root.pem": root.certPem } });
  return { ports: Object.entries(ports), running };
}

/** Both versions, and every suite with an AEAD. */
const SUITES = {
  "TLSv1.2": ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"],
  "TLSv1.3": ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"],
} as const;

peerTest("sslscan finds TLS 1.2 and 1.3 with AEAD suites only, and nothing to complain of", ["sslscan"], async ({
  sslscan,
}) => {
  await using server = httpServer("hello");
  const { ports, running } = await startFronts(server.port);
  await using _running = running;
  await Promise.all(ports.map(async ([name, port]) => {
    // It waits for more after the server's last word, in each of three checks.
    const { code, stdout } = await run(sslscan, ["--no-colour", "--timeout=3", `localhost:${port}`]);
    assert.equal(code, 0, stdout);
    const versions = [...stdout.matchAll(/^((?:SSL|TLS)v\S+) +(enabled|disabled)$/gm)].map(([, of, how]) => [of, how]);
    assert.deepEqual(Object.fromEntries(versions), {
      ...{ SSLv2: "disabled", SSLv3: "disabled", "TLSv1.0": "disabled", "TLSv1.1": "disabled" },
      ...{ "TLSv1.2": "enabled", "TLSv1.3": "enabled" },
    }, name);
    const suites = [...stdout.matchAll(/^(?:Preferred|Accepted) +(\S+) +\d+ bits +(\S+)/gm)];
    const found = (of: keyof typeof SUITES) => suites.filter((one) => one[1] === of).map(([, , suite]) => suite).sort();
    assert.deepEqual(found("TLSv1.3"), SUITES["TLSv1.3"], name);
    // It counts a TLS 1.2 suite only when it gets through the handshake, which takes a client certificate.
    assert.deepEqual(found("TLSv1.2"), name === "mutual" ? [] : SUITES["TLSv1.2"], name);
    assert.match(stdout, /Session renegotiation not supported/);
    assert.deepEqual(stdout.match(/^\S+ .*heartbleed$/gm), [
      "TLSv1.3 not vulnerable to heartbleed",
      "TLSv1.2 not vulnerable to heartbleed",
    ]);
    // The page leaves lines out, and the command's own.
    const lines = alike(stdout);
    const page = alike(shown("docs/tls.md", "$ sslscan")).slice(1);
    if (name === "one-way") assert.deepEqual(page.filter((line) => !lines.includes(line)), []);
  }));
});

peerTest("nmap gives every suite of both listeners an A", ["nmap"], async ({ nmap }) => {
  await using server = httpServer("hello");
  const { ports, running } = await startFronts(server.port);
  await using _running = running;
  const list = ports.map(([, port]) => port).join(",");
  const { stdout } = await run(nmap, ["-n", "-Pn", "-p", list, "--script", "ssl-enum-ciphers", "127.0.0.1"]);
  assert.deepEqual(stdout.match(/least strength: .*/g), ["least strength: A", "least strength: A"], stdout);
  assert.match(shown("docs/tls.md", "$ nmap"), /^\|_ {2}least strength: A +\(both listeners\)$/m);
  assert.deepEqual([...new Set(stdout.match(/(SSL|TLS)v[\d.]+/g))], ["TLSv1.2", "TLSv1.3"]);
  const suites = stdout.match(/TLS_\w+/g) ?? [];
  assert.equal(suites.length, 12, stdout);
  for (const suite of suites) assert.match(suite, /GCM|POLY1305/);
});

/** What testssl finds and why it stays. */
const EXPLAINED = new Map([
  ["cipher_order", "rustls leaves the choice to the client; there are strong suites only"],
  ["cert_revocation", "the test's authority publishes no revocation list"],
  ["security_headers", "HTTP headers are the servers' business"],
]);

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

// A minute: with everything else only where there is time.
if (Deno.env.get("WEIR_LONG") === "1") {
  peerTest("testssl finds nothing of MEDIUM or above but what is explained", ["testssl"], async ({ testssl }) => {
    await using server = httpServer("hello");
    const { ports, running } = await startFronts(server.port);
    await using _running = running;
    await Promise.all(ports.map(async ([name, port]) => {
      const report = `${running.folder}/${name}.json`;
      await run(testssl, [
        ...["--warnings", "batch", "--color", "0", "--nodns", "none", "--ip", "127.0.0.1", "--severity", "MEDIUM"],
        ...["--add-ca", `${running.folder}/root.pem`, "--jsonfile", report],
        // Protocols, suites, forward secrecy, preferences, defaults, headers, vulnerabilities; no client simulations.
        ...["-p", "-s", "-f", "-P", "-S", "-h", "-U", `localhost:${port}`],
      ]);
      const findings = JSON.parse(await Deno.readTextFile(report)) as readonly Finding[];
      const bad = findings.filter(({ severity }) => ["MEDIUM", "HIGH", "CRITICAL", "FATAL"].includes(severity));
      assert.deepEqual(bad.filter(({ id }) => !EXPLAINED.has(id)), [], name);
      assert.ok(bad.some(({ id }) => id === "cert_revocation"), "it has got as far as the certificate");
    }));
  });
}
