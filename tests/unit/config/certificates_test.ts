/** The certificate store: what is taken in which form, what it says of itself, and what draws a warning. @module */

import assert from "node:assert/strict";
import tls from "node:tls";
import { loadCertificate } from "../../../src/config/certificates.ts";
import { loadClientCA } from "../../../src/config/client_cas.ts";
import { Findings } from "../../../src/config/findings.ts";
import { resolveModel } from "../../../src/config/resolve.ts";
import { issue, issueChain, traditionalKey } from "../../support/authority.ts";
import { CASE_NOW } from "../../config/cases.ts";
import { loadText } from "../../config/load_text.ts";

const { root, intermediate, leaf } = await issueChain("weir.test");
const rsa = await issueChain("weir.test", "RSA");
const big = await issueChain("weir.test", "P-384");
const soon = await issue({ name: "Soon", ca: true, to: "2026-06-20T00:00:00Z" });

const join = (...all: readonly { readonly certPem: string }[]) => all.map((one) => one.certPem).join("");

/** Loads `www` from two files with these contents. */
function load(certPem: string, keyPem: string, mode: number | null = 0o600) {
  const findings = new Findings();
  const files = {
    readFile: (path: string) => path === "www.pem" ? certPem : keyPem,
    fileMode: () => mode,
    kindOf: () => null,
  };
  const loaded = loadCertificate("www", { certFile: "www.pem", keyFile: "www.key" }, files, CASE_NOW, findings);
  return { loaded, findings };
}

function loadCA(pem: string) {
  const findings = new Findings();
  const files = { readFile: () => pem, fileMode: () => 0o644, kindOf: () => null };
  const loaded = loadClientCA("partners", { certFile: "ca.pem" }, files, CASE_NOW, findings);
  return { loaded, findings };
}

const chain = join(leaf, intermediate);

const FORMS: readonly (readonly [what: string, certPem: string, keyPem: string])[] = [
  ["a chain with its root and a PKCS #8 key", join(leaf, intermediate, root), leaf.keyPem],
  ["a certificate without its chain", join(leaf), leaf.keyPem],
  ["a self-signed certificate", join(root), root.keyPem],
  ["a SEC1 key", chain, traditionalKey(leaf)],
  [
    "a SEC1 key behind its parameters",
    chain,
    `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${traditionalKey(leaf)}`,
  ],
  ["an RSA chain and a PKCS #8 key", join(rsa.leaf, rsa.intermediate, rsa.root), rsa.leaf.keyPem],
  ["an RSA chain and a PKCS #1 key", join(rsa.leaf, rsa.intermediate), traditionalKey(rsa.leaf)],
  ["a P-384 chain", join(big.leaf, big.intermediate, big.root), big.leaf.keyPem],
  ["CRLF", chain.replaceAll("\n", "\r\n"), leaf.keyPem.replaceAll("\n", "\r\n")],
  ["text around", `subject=CN = weir.test\n${chain}\nthe end`, `Bag Attributes\n${leaf.keyPem}`],
  ["certificate and key in one file, the key last", chain + leaf.keyPem, chain + leaf.keyPem],
  ["certificate and key in one file, the key first", leaf.keyPem + chain, leaf.keyPem + chain],
  ["a byte order mark and indentation", `\ufeff${chain.replaceAll(/^/gm, "  ")}`, `\ufeff${leaf.keyPem}`],
];

for (const [what, certPem, keyPem] of FORMS) {
  Deno.test(`loadCertificate() takes ${what}, and both TLS libraries take what it gives`, () => {
    const { loaded, findings } = load(certPem, keyPem);
    assert.deepEqual([findings.errors, findings.warnings], [[], []]);
    assert.ok(loaded !== undefined);
    assert.doesNotMatch(loaded.pair.certPem, /PRIVATE KEY|\r/);
    assert.doesNotMatch(loaded.pair.keyPem, /BEGIN CERTIFICATE|PARAMETERS|\r/);
    const { certPem: cert, keyPem: key } = loaded.pair;
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }).close();
    tls.createSecureContext({ cert, key });
  });
}

Deno.test("loadCertificate() tells what people want to know, and keeps the key to itself", async () => {
  const named = await issue({
    name: "Acme, Inc.",
    hosts: ["weir.test", "*.weir.test"],
    issuer: intermediate,
    from: "2026-01-01T00:00:00Z",
    to: "2026-12-31T23:59:59Z",
  });
  const { loaded } = load(join(named, intermediate), named.keyPem);
  assert.ok(loaded !== undefined);
  const { stored } = loaded;
  const [own, next] = stored.chain;
  assert.deepEqual({ ...own, serial: "", fingerprint256: "" }, {
    subject: "CN=Acme\\, Inc.",
    sans: ["DNS:weir.test", "DNS:*.weir.test"],
    issuer: "CN=Intermediate",
    validFrom: "2026-01-01T00:00:00.000Z",
    validTo: "2026-12-31T23:59:59.000Z",
    serial: "",
    fingerprint256: "",
    keyType: "EC P-256",
  });
  assert.match(own.serial, /^([0-9A-F]{2})+$/);
  assert.match(own.fingerprint256, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  assert.deepEqual([next?.subject, stored.chain.length], ["CN=Intermediate", 2]);
  assert.deepEqual(stored.files.map((file) => file.path), ["www.pem", "www.key"]);
  assert.doesNotMatch(JSON.stringify(stored), /PRIVATE|BEGIN/);
});

Deno.test("loadCertificate() takes a certificate with alternative names and an empty subject", async () => {
  const nameless = await issue({ name: "", hosts: ["weir.test"], issuer: intermediate });
  const { loaded, findings } = load(join(nameless, intermediate), nameless.keyPem);
  assert.deepEqual(findings.errors, []);
  const [own] = loaded?.stored.chain ?? [];
  assert.deepEqual([own?.subject, own?.sans, own?.issuer], ["", ["DNS:weir.test"], "CN=Intermediate"]);
});

Deno.test("loadCertificate() names the kinds of key", () => {
  const kinds = [[leaf, "EC P-256"], [rsa.leaf, "RSA 2048"], [big.leaf, "EC P-384"]] as const;
  for (const [one, kind] of kinds) {
    assert.equal(load(one.certPem, one.keyPem).loaded?.stored.chain[0].keyType, kind);
  }
});

Deno.test("loadCertificate() refuses a chain whose names fit and whose signature does not", async () => {
  for (const kind of ["P-256", "RSA"] as const) {
    const real = await issue({ name: "Root", ca: true, key: kind });
    const impostor = await issue({ name: "Root", ca: true, key: kind });
    const one = await issue({ name: "weir.test", issuer: real });
    const { loaded, findings } = load(join(one, impostor), one.keyPem);
    assert.equal(loaded, undefined);
    assert.match(findings.errors[0]?.message ?? "", /certificate 2 \(CN=Root\) did not sign certificate 1/);
  }
});

Deno.test("loadCertificate() refuses keys that no TLS library takes, before one is asked", async () => {
  const { privateKey } = await crypto.subtle.generateKey(
    { name: "RSASSA-PKCS1-v1_5", modulusLength: 1024, publicExponent: Uint8Array.of(1, 0, 1), hash: "SHA-256" },
    true,
    ["sign"],
  );
  const bytes = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${btoa(String.fromCharCode(...bytes))}\n-----END PRIVATE KEY-----\n`;
  const { findings } = load(leaf.certPem, keyPem);
  assert.match(findings.errors[0]?.message ?? "", /^must hold an RSA key of 2048 to 8192 bits,.* with RSA 1024$/);
});

Deno.test("loadCertificate() warns of a key file that others can read", () => {
  const vectors = [
    [0o600, []],
    [0o400, []],
    [0o100600, []],
    [null, []],
    [0o640, ['"www.key" can be read by others (mode 0640); chmod 600 it']],
    [0o100644, ['"www.key" can be read by others (mode 0644); chmod 600 it']],
    [0o604, ['"www.key" can be read by others (mode 0604); chmod 600 it']],
  ] as const;
  for (const [mode, expected] of vectors) {
    const { loaded, findings } = load(leaf.certPem, leaf.keyPem, mode);
    assert.ok(loaded !== undefined);
    assert.deepEqual(findings.warnings.map((one) => one.message), expected, String(mode));
  }
});

Deno.test("loadCertificate() warns of an intermediate in its last 30 days", async () => {
  const one = await issue({ name: "weir.test", issuer: soon });
  const { loaded, findings } = load(join(one, soon), one.keyPem);
  assert.ok(loaded !== undefined);
  assert.deepEqual(findings.warnings, [{
    path: ["certificates", "www", "certFile"],
    message: 'certificate 2 (CN=Soon) of "www.pem" expires on 2026-06-20T00:00:00.000Z',
  }]);
});

Deno.test("loadClientCA() takes one or several CAs that need not belong together, and passes over the rest", () => {
  for (const [pem, count] of [[join(root), 1], [join(root, big.root, rsa.root), 3], [join(root) + root.keyPem, 1]]) {
    const { loaded, findings } = loadCA(String(pem));
    assert.deepEqual([findings.errors, findings.warnings], [[], []]);
    assert.equal(loaded?.stored.chain.length, count);
    assert.equal(loaded?.stored.kind, "clientCA");
    assert.doesNotMatch(loaded?.pem ?? "", /PRIVATE KEY/);
    Deno.createHttpClient({ caCerts: [loaded?.pem ?? ""] }).close();
    tls.createSecureContext({ ca: loaded?.pem ?? "" });
  }
});

Deno.test("loadClientCA() warns of a CA in its last 30 days", () => {
  const { loaded, findings } = loadCA(join(soon));
  assert.ok(loaded !== undefined);
  assert.deepEqual(findings.warnings.map((one) => one.message), ['"ca.pem" expires on 2026-06-20T00:00:00.000Z']);
});

Deno.test("resolveModel() says who uses a certificate, also when nobody does", () => {
  const text = `
certificates:
  www: { certFile: www.pem, keyFile: www.key }
  spare: { certFile: www.pem, keyFile: www.key }
listeners:
  - { name: a, protocol: TCP_SSL, port: 9000, backends: {}, tls: { certificate: www } }
  - { name: b, protocol: TCP_SSL, port: 9001, backends: {}, tls: { certificate: www } }
  - { name: c, protocol: TCP, port: 9002, backends: {} }
`;
  const { certificates } = resolveModel(loadText(text, { files: { "www.pem": chain, "www.key": leaf.keyPem } }));
  assert.deepEqual([...certificates].map(([name, entry]) => [name, entry.users]), [["www", ["a", "b"]], ["spare", []]]);
});
