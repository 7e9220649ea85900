/** Certificates and keys as openssl writes them are taken, whatever their algorithm. @module */

import assert from "node:assert/strict";
import { loadCertificate } from "../../src/config/certificates.ts";
import { Findings } from "../../src/config/findings.ts";
import { certificatesIn } from "../../src/net/tls/certificate_list.ts";
import { hasSigned } from "../../src/net/tls/signature.ts";
import { peerTest, run } from "../support/peers.ts";

const CA_KEYS: readonly (readonly [what: string, newKey: string, signing: readonly string[]])[] = [
  ["RSA with SHA-256", "rsa:2048", ["-sha256"]],
  ["RSA with SHA-512", "rsa:3072", ["-sha512"]],
  ["RSASSA-PSS", "rsa:2048", ["-sha256", "-sigopt", "rsa_padding_mode:pss"]],
  ["ECDSA P-256 with SHA-384", "ec:P-256", ["-sha384"]],
  ["ECDSA P-384 with SHA-256", "ec:P-384", ["-sha256"]],
  ["ECDSA P-521", "ec:P-521", ["-sha512"]],
  ["Ed25519", "ed25519", []],
];

/** openssl in a folder of its own. */
class OpenSsl implements AsyncDisposable {
  readonly #program: string;
  readonly #folder = Deno.makeTempDirSync({ prefix: "weir-openssl-" });

  constructor(program: string) {
    this.#program = program;
  }

  /** Runs a command in the folder. */
  async run(...args: readonly string[]): Promise<void> {
    const { code, stderr } = await run(this.#program, args, { cwd: this.#folder });
    assert.equal(code, 0, stderr);
  }

  read(file: string): string {
    return Deno.readTextFileSync(`${this.#folder}/${file}`);
  }

  /** A certificate `leaf.pem` with `leaf.key`, signed by a new CA `ca.pem`. */
  async issue(caKey: string, signing: readonly string[]): Promise<void> {
    const [kind = "", curve] = caKey.startsWith("ec:") ? caKey.split(":") : [caKey];
    const key = ["-newkey", kind, ...(curve === undefined ? [] : ["-pkeyopt", `ec_paramgen_curve:${curve}`])];
    await this.run("req", "-x509", "-nodes", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=CA");
    await this.run("ecparam", "-name", "prime256v1", "-genkey", "-out", "leaf.key");
    await this.run("req", "-new", "-key", "leaf.key", "-subj", "/C=DE/O=Acme\\, Inc./CN=weir.test", "-out", "leaf.csr");
    Deno.writeTextFileSync(`${this.#folder}/ext`, "subjectAltName=DNS:weir.test,IP:192.0.2.1,IP:2001:db8::1\n");
    const ca = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "ext", "-days", "90"];
    await this.run("x509", "-req", "-in", "leaf.csr", ...ca, ...signing, "-out", "leaf.pem");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function load(certPem: string, keyPem: string) {
  const findings = new Findings();
  const files = {
    readFile: (path: string) => path === "www.pem" ? certPem : keyPem,
    fileMode: () => 0o600,
    kindOf: () => null,
  };
  const loaded = loadCertificate("www", { certFile: "www.pem", keyFile: "www.key" }, files, new Date(), findings);
  return { loaded, errors: findings.errors.map((one) => one.message) };
}

for (const [what, caKey, signing] of CA_KEYS) {
  peerTest(`a chain that openssl signs with ${what} is taken`, ["openssl"], async ({ openssl: program }) => {
    await using openssl = new OpenSsl(program);
    await openssl.issue(caKey, signing);
    // The key file begins with its parameters, as openssl ecparam writes it.
    const { loaded, errors } = load(openssl.read("leaf.pem") + openssl.read("ca.pem"), openssl.read("leaf.key"));
    assert.deepEqual(errors, []);
    assert.deepEqual(loaded?.stored.chain[0].sans, ["DNS:weir.test", "IP:192.0.2.1", "IP:2001:db8::1"]);
    assert.equal(loaded?.stored.chain[0].subject, "C=DE, O=Acme\\, Inc., CN=weir.test");
    assert.equal(loaded?.stored.chain.length, 2);
  });
}

for (const [what, caKey, signing] of CA_KEYS) {
  peerTest(`a signature that openssl makes with ${what} is known from a changed one`, ["openssl"], async (paths) => {
    await using openssl = new OpenSsl(paths.openssl);
    // The one length of salt that TLS allows; openssl takes the longest by itself.
    await openssl.issue(caKey, what === "RSASSA-PSS" ? [...signing, "-sigopt", "rsa_pss_saltlen:digest"] : signing);
    const [ca, leaf] = ["ca.pem", "leaf.pem"].map((file) => certificatesIn(openssl.read(file))[0]);
    assert.ok(ca && leaf);
    assert.equal(await hasSigned(ca, leaf), true);
    assert.equal(await hasSigned(leaf, leaf), false);
    const signature = leaf.signature.slice();
    signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1;
    assert.equal(await hasSigned(ca, { ...leaf, signature }), false);
    const signed = leaf.signed.slice();
    signed[100] = (signed[100] ?? 0) ^ 1;
    assert.equal(await hasSigned(ca, { ...leaf, signed }), false);
  });
}

peerTest(
  "keys that openssl has encrypted are refused by name, and decrypted ones taken",
  ["openssl"],
  async (paths) => {
    await using openssl = new OpenSsl(paths.openssl);
    await openssl.issue("rsa:2048", ["-sha256"]);
    await openssl.run("pkcs8", "-topk8", "-in", "leaf.key", "-passout", "pass:x", "-out", "new.key");
    await openssl.run("ec", "-in", "leaf.key", "-aes128", "-passout", "pass:x", "-out", "old.key");
    for (const file of ["new.key", "old.key"]) {
      const { loaded, errors } = load(openssl.read("leaf.pem"), openssl.read(file));
      assert.equal(loaded, undefined);
      assert.match(errors[0] ?? "", /^must hold a private key that is not encrypted, got "www\.key"; "openssl pkey /);
      await openssl.run("pkey", "-in", file, "-passin", "pass:x", "-out", "plain.key");
      assert.deepEqual(load(openssl.read("leaf.pem"), openssl.read("plain.key")).errors, []);
    }
  },
);

peerTest("RSA keys of both forms are taken, and kinds that TLS cannot use are refused", ["openssl"], async (paths) => {
  await using openssl = new OpenSsl(paths.openssl);
  const selfSigned = ["-keyout", "leaf.key", "-out", "leaf.pem", "-subj", "/CN=x"];
  await openssl.run("req", "-x509", "-nodes", "-newkey", "rsa:2048", ...selfSigned);
  await openssl.run("rsa", "-in", "leaf.key", "-traditional", "-out", "pkcs1.key");
  assert.match(openssl.read("pkcs1.key"), /BEGIN RSA PRIVATE KEY/);
  assert.deepEqual(load(openssl.read("leaf.pem"), openssl.read("pkcs1.key")).errors, []);
  for (const key of [["rsa:1024"], ["ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], ["rsa-pss"], ["ed448"]]) {
    await openssl.run("req", "-x509", "-nodes", "-newkey", ...key, ...selfSigned);
    const { loaded, errors } = load(openssl.read("leaf.pem"), openssl.read("leaf.key"));
    assert.equal(loaded, undefined);
    assert.match(errors[0] ?? "", /^must hold (an RSA key of 2048|an unencrypted PEM)/, key.join(" "));
  }
});
