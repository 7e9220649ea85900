/** When certificates are renewed by themselves, how often that is tried, and what is said. @module */

import assert from "node:assert/strict";
import { contentHash } from "../../../src/config/read_file.ts";
import { CertificateWatch } from "../../../src/control/certificate_watch.ts";
import type { RenewalResult } from "../../../src/control/change_reports.ts";
import { settled } from "../fake_clock.ts";
import { FakeWatchSystem } from "./fake_watch_system.ts";

const OK: RenewalResult = { at: "", refused: [], error: null };

/** A program that serves `/certs/www.pem` and `/certs/api.pem`; "bad" in a file makes a certificate that is refused. */
class Bench {
  readonly system = new FakeWatchSystem();
  readonly files = new Map([["/certs/www.pem", "www 1"], ["/certs/api.pem", "api 1"]]);
  readonly serving = new Map(this.files);
  renewals = 0;
  /** Why nothing can be carried out. */
  failure: string | null = null;
  readonly watch: CertificateWatch;

  constructor() {
    this.system.directories.set("/certs", "1");
    this.watch = new CertificateWatch({
      system: this.system,
      log: this.system.log,
      read: (path) => {
        const text = this.files.get(path);
        return text === undefined ? Promise.reject(new Deno.errors.NotFound(path)) : Promise.resolve(text);
      },
      renew: () => Promise.resolve(this.#renew()),
    });
    this.follow();
  }

  get logged(): readonly string[] {
    return this.system.logged;
  }

  /** What happens after every change of configuration. */
  follow(): void {
    this.watch.follow(new Map([...this.serving].map(([path, text]) => [path, contentHash(text)])));
  }

  /** Files change, with an event, and time goes on. */
  async change(files: Record<string, string | undefined>, seconds = 0.3): Promise<void> {
    await settled();
    for (const [name, text] of Object.entries(files)) {
      if (text === undefined) this.files.delete(`/certs/${name}.pem`);
      else this.files.set(`/certs/${name}.pem`, text);
    }
    this.system.touch("/certs");
    await this.pass(seconds);
  }

  async pass(seconds: number): Promise<void> {
    await this.system.clock.run(seconds * 1000);
    await settled();
  }

  #renew(): RenewalResult {
    this.renewals++;
    if (this.failure !== null) return { ...OK, error: this.failure };
    const refused = [];
    for (const name of ["www", "api"]) {
      const text = this.files.get(`/certs/${name}.pem`);
      if (text === undefined || text.includes("bad")) {
        refused.push({ name, kind: "certificate" as const, reason: `certFile ${text ?? "is not there"}` });
      } else this.serving.set(`/certs/${name}.pem`, text);
    }
    this.follow();
    return { ...OK, refused };
  }
}

Deno.test("CertificateWatch renews once when a file has changed", async () => {
  const bench = new Bench();
  await bench.change({ www: "www 2" });
  assert.deepEqual([bench.renewals, bench.serving.get("/certs/www.pem")], [1, "www 2"]);
  await bench.pass(60);
  assert.deepEqual([bench.renewals, bench.logged], [1, []]);
});

Deno.test("CertificateWatch does nothing when something else happens beside the files", async () => {
  const bench = new Bench();
  for (let index = 0; index < 20; index++) await bench.change({});
  assert.equal(bench.renewals, 0);
});

Deno.test("CertificateWatch takes up what has changed before it began to watch", async () => {
  const bench = new Bench();
  bench.files.set("/certs/www.pem", "www 2");
  bench.follow();
  await settled();
  assert.equal(bench.renewals, 1);
});

Deno.test("CertificateWatch says nothing of a pair that is caught half-written", async () => {
  const bench = new Bench();
  await bench.change({ www: "bad: new certificate, old key" });
  assert.equal(bench.renewals, 1);
  await bench.change({ www: "www 2" });
  assert.deepEqual([bench.serving.get("/certs/www.pem"), bench.logged], ["www 2", []]);
  await bench.pass(60);
  assert.equal(bench.renewals, 2);
});

Deno.test("CertificateWatch tries a broken pair again with growing pauses, then says so once", async () => {
  const bench = new Bench();
  await bench.change({ www: "bad" });
  const tries: number[] = [];
  for (let tenths = 0; tenths < 1000; tenths++) {
    const before = bench.renewals;
    await bench.pass(0.1);
    if (bench.renewals > before) tries.push((tenths + 1) / 10);
  }
  assert.deepEqual(tries, [1, 3, 7]);
  assert.deepEqual(bench.logged, ['error Certificate "www" was not renewed: certFile bad; the old one serves on']);
  assert.equal(bench.serving.get("/certs/www.pem"), "www 1");
});

Deno.test("CertificateWatch does not spend its tries on noise beside the files", async () => {
  const bench = new Bench();
  await bench.change({ www: "bad" });
  for (let index = 0; index < 3; index++) await bench.change({}, 0.3);
  assert.deepEqual([bench.renewals, bench.logged], [1, []]);
});

Deno.test("CertificateWatch tries at once when a broken pair changes, and counts anew", async () => {
  const bench = new Bench();
  await bench.change({ www: "bad" }, 60);
  assert.deepEqual([bench.renewals, bench.logged.length], [4, 1]);
  await bench.change({}, 60);
  assert.equal(bench.renewals, 4, "given up");
  await bench.change({ www: "bad in another way" });
  assert.equal(bench.renewals, 5);
  await bench.pass(60);
  assert.deepEqual([bench.renewals, bench.logged.length], [8, 2]);
  await bench.change({ www: "www 2" });
  assert.equal(bench.serving.get("/certs/www.pem"), "www 2");
});

Deno.test("CertificateWatch renews others while one is broken, and does not repeat itself", async () => {
  const bench = new Bench();
  await bench.change({ www: "bad" }, 60);
  await bench.change({ api: "api 2" }, 60);
  assert.equal(bench.serving.get("/certs/api.pem"), "api 2");
  assert.equal(bench.logged.length, 1);
});

Deno.test("CertificateWatch says the same again after all was in order", async () => {
  const bench = new Bench();
  await bench.change({ www: "bad" }, 60);
  await bench.change({ www: "www 1" }, 60);
  await bench.change({ www: "bad" }, 60);
  assert.equal(bench.logged.length, 2);
});

Deno.test("CertificateWatch has the refusal forgotten when the old file comes back", async () => {
  const bench = new Bench();
  await bench.change({ www: "bad" }, 60);
  assert.equal(bench.renewals, 4);
  await bench.change({ www: "www 1" }, 60);
  assert.equal(bench.renewals, 5, "which finds nothing to refuse");
});

Deno.test("CertificateWatch counts a file that has gone as a change", async () => {
  const bench = new Bench();
  await bench.change({ www: undefined }, 60);
  assert.deepEqual(bench.logged, [
    'error Certificate "www" was not renewed: certFile is not there; the old one serves on',
  ]);
});

Deno.test("CertificateWatch tries again what could not be carried out", async () => {
  const bench = new Bench();
  bench.failure = "the worker died";
  await bench.change({ www: "www 2" });
  bench.failure = null;
  await bench.pass(1);
  assert.deepEqual([bench.serving.get("/certs/www.pem"), bench.logged], ["www 2", []]);
  bench.failure = "the worker died";
  await bench.change({ www: "www 3" }, 60);
  assert.deepEqual(bench.logged, [
    "error The certificates were not renewed: the worker died; the old ones serve on",
  ]);
});

Deno.test("CertificateWatch leaves nothing behind when it is closed or has nothing to watch", async () => {
  const bench = new Bench();
  await bench.change({ www: "bad" });
  bench.watch.follow(new Map());
  await bench.pass(0);
  assert.deepEqual([bench.system.watchers.size, bench.system.clock.timers], [0, 0]);
  bench.follow();
  await bench.pass(0);
  assert.equal(bench.renewals, 2);
  await bench.watch.close();
  assert.deepEqual([bench.system.watchers.size, bench.system.clock.timers], [0, 0]);
  await bench.change({ www: "www 2" }, 60);
  assert.equal(bench.renewals, 2);
});
