/** Renewing certificates beside reloading: what each of the two touches, and what it leaves alone. @module */

import assert from "node:assert/strict";
import type { ConfigOrigin } from "../../../src/config/load.ts";
import { renewCertificates } from "../../../src/config/renew.ts";
import { Reloader } from "../../../src/control/reload.ts";
import { issue, type Issued } from "../../support/authority.ts";
import { CASE_NOW } from "../../config/cases.ts";
import { loadText } from "../../config/load_text.ts";

const [first, second] = await Promise.all([issue({ name: "first" }), issue({ name: "second" })]);

const TEXT = `
maxWorkers: 3
certificates: { www: { certFile: www.pem, keyFile: www.key } }
listeners:
  - { name: safe, protocol: TCP_SSL, port: 9000, backends: {}, tls: { certificate: www } }
  - { name: plain, protocol: TCP, port: 9001, backends: {} }
`;

/** A configuration in memory, and what becomes of it. */
class Bench {
  text = TEXT;
  readonly files: Record<string, string> = {};
  readonly logged: string[] = [];
  /** What was changed, one line for each commit. */
  readonly committed: string[] = [];
  /** Thrown by the next change instead of doing it. */
  failure: Error | undefined;
  readonly reloader: Reloader;

  constructor() {
    this.give(first, first);
    const files = { readFile: (path: string) => this.files[path] ?? "", fileMode: () => 0o600, kindOf: () => null };
    const origin: ConfigOrigin = {
      file: "weir.yaml",
      load: () => loadText(this.text, { files: this.files }),
      renew: (valid) => renewCertificates(valid, files, CASE_NOW),
      locate: (path) => path,
      validate: () => assert.fail("a renewal is no change of the configuration"),
      storage: undefined,
    };
    this.reloader = new Reloader({
      origin,
      log: (level, message) => this.logged.push(`${level} ${message}`),
      prepareNames: () => Promise.resolve({ addresses: new Map(), commit: () => {} }),
      processors: 1,
      prepareListeners: (changes) => {
        if (this.failure !== undefined) return Promise.reject(this.failure);
        const words = changes.map((one) =>
          one.kind === "stop"
            ? `stop ${one.name}`
            : `${one.kind} ${one.plan.name} ${one.plan.tls?.certificates[0].certPem.length ?? ""}`
        );
        return Promise.resolve({
          commit: () => Promise.resolve(void this.committed.push(words.join(", "))),
          abort: () => Promise.resolve(),
        });
      },
      prepareGeneral: () => Promise.resolve({ commit: () => Promise.resolve(), abort: () => Promise.resolve() }),
    });
  }

  /** Puts a certificate and a key into place. */
  give(cert: Issued, key: Issued): void {
    this.files["www.pem"] = cert.certPem;
    this.files["www.key"] = key.keyPem;
  }

  /** The subject of the certificate that serves. */
  get subject(): string | undefined {
    return this.reloader.serving?.certificates.get("www")?.chain[0].subject;
  }
}

async function started(): Promise<Bench> {
  const bench = new Bench();
  await bench.reloader.reload("start");
  bench.committed.length = bench.logged.length = 0;
  return bench;
}

Deno.test("Reloader.renewCertificates() updates the listeners concerned and says so", async () => {
  const bench = await started();
  bench.give(second, second);
  const { refused, error } = await bench.reloader.renewCertificates();
  assert.deepEqual([refused, error, bench.subject], [[], null, "CN=second"]);
  assert.deepEqual(bench.committed, [`update safe ${second.certPem.length}`]);
  assert.deepEqual(bench.logged, ['info Certificate "www" was renewed, valid until 2089-01-01T00:00:00.000Z']);
});

Deno.test("Reloader.renewCertificates() changes nothing when no file has", async () => {
  const bench = await started();
  const model = bench.reloader.serving;
  await bench.reloader.renewCertificates();
  assert.deepEqual([bench.reloader.serving === model, bench.committed, bench.logged], [true, [], []]);
});

Deno.test("Reloader.renewCertificates() does not pick up an edit of the configuration, good or bad", async () => {
  const bench = await started();
  for (const text of [TEXT.replace("maxWorkers: 3", "maxWorkers: 7"), "listeners: [unfinished"]) {
    bench.text = text;
    bench.give(bench.subject === "CN=first" ? second : first, bench.subject === "CN=first" ? second : first);
    assert.equal((await bench.reloader.renewCertificates()).error, null);
    assert.equal(bench.reloader.serving?.maxWorkers, 3);
  }
  assert.deepEqual([bench.subject, bench.committed.length], ["CN=first", 2]);
});

Deno.test("Reloader.renewCertificates() after a reload stands on what that has accepted", async () => {
  const bench = await started();
  bench.text = TEXT.replace("maxWorkers: 3", "maxWorkers: 7");
  await bench.reloader.reload("api");
  bench.text = "nonsense: true";
  await assert.rejects(bench.reloader.reload("api"));
  bench.give(second, second);
  await bench.reloader.renewCertificates();
  assert.deepEqual([bench.subject, bench.reloader.serving?.maxWorkers], ["CN=second", 7]);
});

Deno.test("Reloader.renewCertificates() leaves alone what is said of the last reload, and the reverse", async () => {
  const bench = await started();
  const start = bench.reloader.last;
  bench.give(second, first);
  await bench.reloader.renewCertificates();
  assert.equal(bench.reloader.last, start, "a refused certificate is no failed reload");
  assert.deepEqual(bench.reloader.lastRenewal?.refused.map((one) => one.name), ["www"]);
  assert.equal(bench.subject, "CN=first");

  await assert.rejects(bench.reloader.reload("api"), /private key/);
  assert.equal(bench.reloader.last?.ok, false);
  assert.notEqual(bench.reloader.lastRenewal, undefined, "what was refused is not forgotten");

  bench.give(second, second);
  await bench.reloader.renewCertificates();
  assert.equal(bench.reloader.last?.ok, false, "a renewed certificate does not hide a failed reload");
  assert.deepEqual(bench.reloader.lastRenewal?.refused, []);

  await bench.reloader.reload("api");
  assert.equal(bench.reloader.lastRenewal, undefined);
});

Deno.test("Reloader.renewCertificates() tells what could not be carried out, and the old serves on", async () => {
  const bench = await started();
  bench.give(second, second);
  bench.failure = new Error("the worker died");
  assert.equal((await bench.reloader.renewCertificates()).error, "the worker died");
  assert.deepEqual([bench.subject, bench.committed], ["CN=first", []]);
  bench.failure = undefined;
  await bench.reloader.renewCertificates();
  assert.equal(bench.subject, "CN=second");
});

Deno.test("Reloader takes renewals and reloads one after the other, and none after its end", async () => {
  const bench = await started();
  bench.give(second, second);
  const all = [bench.reloader.renewCertificates(), bench.reloader.reload("api"), bench.reloader.renewCertificates()];
  await Promise.all(all);
  assert.equal(bench.committed[0], `update safe ${second.certPem.length}`);
  await bench.reloader.close();
  bench.give(first, first);
  await bench.reloader.renewCertificates();
  assert.equal(bench.subject, "CN=second");
});
