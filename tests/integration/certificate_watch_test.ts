/** Certificate files that change as the programs of this world change them, on a real file system. @module */

import assert from "node:assert/strict";
import { fileOrigin } from "../../src/config/load.ts";
import type { Model } from "../../src/config/model.ts";
import { CertificateWatch } from "../../src/control/certificate_watch.ts";
import { Reloader } from "../../src/control/reload.ts";
import { watchSystem } from "../../src/control/watch_system.ts";
import { issue } from "../support/authority.ts";
import { until } from "../support/wait.ts";

const [first, second, third] = await Promise.all(["first", "second", "third"].map((name) => issue({ name })));
assert.ok(first && second && third);

/** A watch over the certificate `www` of a configuration file; nothing serves. */
class Bench implements AsyncDisposable {
  readonly logged: string[] = [];
  readonly folder: string;
  readonly #reloader: Reloader;
  readonly #watch: CertificateWatch;
  renewals = 0;

  /** @param folder where weir.yaml is */
  constructor(folder: string) {
    this.folder = folder;
    const log = (level: string, message: string) => void this.logged.push(`${level} ${message}`);
    const origin = fileOrigin(`${folder}/weir.yaml`);
    const follow = ({ certificates }: Model) =>
      this.#watch.follow(
        new Map(
          [...certificates.values()].flatMap(({ files }) =>
            files.map(({ path, hash }) => [origin.locate(path), hash] as const)
          ),
        ),
      );
    const nothing = () => Promise.resolve();
    this.#reloader = new Reloader({
      origin,
      log,
      prepareNames: () => Promise.resolve({ addresses: new Map(), commit: () => {} }),
      processors: 1,
      prepareListeners: () => Promise.resolve({ commit: nothing, abort: nothing }),
      prepareGeneral: (_, next) => Promise.resolve({ commit: () => Promise.resolve(follow(next)), abort: nothing }),
    });
    this.#watch = new CertificateWatch({
      system: watchSystem,
      log,
      read: (path) => Deno.readTextFile(path),
      renew: () => {
        this.renewals++;
        return this.#reloader.renewCertificates();
      },
    });
  }

  /** Loads a configuration with one certificate, and watches. */
  static async start(
    certFile: string,
    keyFile: string,
    prepare: (folder: string) => Promise<void>,
  ): Promise<Bench> {
    const folder = await Deno.makeTempDir({ prefix: "weir-watch-" });
    await prepare(folder);
    await Deno.writeTextFile(
      `${folder}/weir.yaml`,
      JSON.stringify({ certificates: { www: { certFile, keyFile } } }),
    );
    const bench = new Bench(folder);
    await bench.#reloader.reload("start");
    bench.logged.length = 0; // it has no listeners, and that is said
    return bench;
  }

  get subject(): string | undefined {
    return this.#reloader.serving?.certificates.get("www")?.chain[0].subject;
  }

  /** Resolves when a certificate serves. */
  async serves(name: string): Promise<void> {
    await until(`${name} serves`, () => this.subject === `CN=${name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch.close();
    await this.#reloader.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

const write = (path: string, text: string) => Deno.writeTextFile(path, text, { mode: 0o600 });

/** Kubernetes: files are links to `..data/…`, and `..data` is a link to a folder that is swapped as a whole. */
async function mountSecret(folder: string, version: string, one: typeof first): Promise<void> {
  const data = `..${version}`;
  await Deno.mkdir(`${folder}/tls/${data}`, { recursive: true });
  await write(`${folder}/tls/${data}/tls.crt`, one?.certPem ?? "");
  await write(`${folder}/tls/${data}/tls.key`, one?.keyPem ?? "");
  await Deno.symlink(data, `${folder}/tls/..data_tmp`);
  await Deno.rename(`${folder}/tls/..data_tmp`, `${folder}/tls/..data`);
}

Deno.test("a Kubernetes secret that is swapped is taken up, again and again", async () => {
  await using bench = await Bench.start("tls/tls.crt", "tls/tls.key", async (folder) => {
    await mountSecret(folder, "v1", first);
    for (const file of ["tls.crt", "tls.key"]) await Deno.symlink(`..data/${file}`, `${folder}/tls/${file}`);
  });
  for (
    const [version, one, name] of [["v2", second, "second"], ["v3", third, "third"], ["v4", first, "first"]] as const
  ) {
    const before = await Deno.readLink(`${bench.folder}/tls/..data`);
    await mountSecret(bench.folder, version, one);
    await Deno.remove(`${bench.folder}/tls/${before}`, { recursive: true });
    await bench.serves(name);
  }
  assert.deepEqual(bench.logged.filter((line) => !/^info .* was renewed/.test(line)), []);
});

Deno.test("a certbot renewal, which replaces links one after the other, is taken up", async () => {
  const archive = async (folder: string, number: number, one: typeof first) => {
    await write(`${folder}/archive/fullchain${number}.pem`, one?.certPem ?? "");
    await write(`${folder}/archive/privkey${number}.pem`, one?.keyPem ?? "");
    for (const file of ["fullchain", "privkey"]) {
      await Deno.remove(`${folder}/live/${file}.pem`).catch(() => {});
      await Deno.symlink(`../archive/${file}${number}.pem`, `${folder}/live/${file}.pem`);
    }
  };
  await using bench = await Bench.start("live/fullchain.pem", "live/privkey.pem", async (folder) => {
    await Deno.mkdir(`${folder}/archive`);
    await Deno.mkdir(`${folder}/live`);
    await archive(folder, 1, first);
  });
  await archive(bench.folder, 2, second);
  await bench.serves("second");
});

Deno.test("files written in place, key first or certificate first, are taken up without a complaint", async () => {
  await using bench = await Bench.start("www.pem", "www.key", async (folder) => {
    await write(`${folder}/www.pem`, first.certPem);
    await write(`${folder}/www.key`, first.keyPem);
  });
  await write(`${bench.folder}/www.key`, second.keyPem);
  await until("half of the pair is seen", () => bench.renewals > 0);
  await write(`${bench.folder}/www.pem`, second.certPem);
  await bench.serves("second");
  await write(`${bench.folder}/www.pem`, third.certPem);
  await write(`${bench.folder}/www.key`, third.keyPem);
  await bench.serves("third");
  assert.deepEqual(bench.logged.filter((line) => line.startsWith("error")), []);
});

Deno.test("files renamed over the old ones, and a combined file, are taken up", async () => {
  await using bench = await Bench.start("www.pem", "www.pem", async (folder) => {
    await write(`${folder}/www.pem`, first.certPem + first.keyPem);
  });
  await write(`${bench.folder}/new`, second.certPem + second.keyPem);
  await Deno.rename(`${bench.folder}/new`, `${bench.folder}/www.pem`);
  await bench.serves("second");
});

Deno.test("a folder that is removed and made anew is found again", async () => {
  const fill = async (folder: string, one: typeof first) => {
    await Deno.mkdir(`${folder}/certs`);
    await write(`${folder}/certs/www.pem`, one?.certPem ?? "");
    await write(`${folder}/certs/www.key`, one?.keyPem ?? "");
  };
  await using bench = await Bench.start("certs/www.pem", "certs/www.key", (folder) => fill(folder, first));
  await Deno.remove(`${bench.folder}/certs`, { recursive: true });
  await until("it is missed", () => bench.logged.some((line) => line.includes("is not there")));
  await fill(bench.folder, second);
  await bench.serves("second");
  await write(`${bench.folder}/certs/www.pem`, third.certPem);
  await write(`${bench.folder}/certs/www.key`, third.keyPem);
  await bench.serves("third");
  assert.equal(bench.logged.filter((line) => line.startsWith("warn")).length, 1);
});

Deno.test("files beside the certificates, and reading them, change nothing", async () => {
  await using bench = await Bench.start("www.pem", "www.key", async (folder) => {
    await write(`${folder}/www.pem`, first.certPem);
    await write(`${folder}/www.key`, first.keyPem);
  });
  await write(`${bench.folder}/noise`, "noise");
  await Deno.readTextFile(`${bench.folder}/www.key`);
  await write(`${bench.folder}/www.pem`, first.certPem); // written anew with what it held
  await write(`${bench.folder}/other.pem`, second.certPem);
  await Deno.rename(`${bench.folder}/other.pem`, `${bench.folder}/www.pem`);
  await write(`${bench.folder}/www.key`, second.keyPem);
  await bench.serves("second"); // what came before has been looked at by now
  assert.deepEqual(bench.logged.length, 1);
});
