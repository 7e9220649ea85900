/** The program refuses every golden configuration case, at `weir check` and on every kind of reload. @module */

import assert from "node:assert/strict";
import { type ConfigProblem, formatProblem } from "../../src/errors.ts";
import { CASE_ENVIRONMENT, type ConfigCase, makeCaseFiles, readCases } from "../config/cases.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir, weir } from "../support/program.ts";
import { nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const AT_ONCE = 4;

const cases = readCases();
const yamlCases = cases.filter((one) => one.format === "yaml");
const files = await makeCaseFiles();

/** A folder of its own, deleted in the end, with the files that cases name. */
async function caseFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "weir-cases-" });
  await writeCaseFiles(path);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

async function writeCaseFiles(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/certs`);
  for (const [name, content] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, content);
}

/** Runs `work` on everything, a few at a time; the failures come together. */
async function forEachCase(all: readonly ConfigCase[], work: (one: ConfigCase) => Promise<void>): Promise<void> {
  const waiting = [...all];
  const failures: string[] = [];
  const takeTurns = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      try {
        await work(one);
      } catch (error) {
        failures.push(`${one.name}: ${error instanceof Error ? error.message : error}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, takeTurns));
  assert.deepEqual(failures, []);
}

/**
 * Of the YAML cases, one in so many is given to `weir check`: each is a program that starts. Their texts are compared
 * within one process by the unit tests, and by a running Weir below; JSON ones come here only.
 */
const CHECKED = Deno.env.get("WEIR_LONG") === "1" ? 1 : 8;

Deno.test("weir check names every error of golden cases and exits 3", async () => {
  await using certificates = await caseFolder();
  const checked = cases.filter(({ format }, index) => format !== "yaml" || index % CHECKED === 0);
  await forEachCase(checked, async ({ name, file, text, expected }) => {
    const folder = `${certificates.path}/${name}`;
    await Deno.mkdir(folder);
    await Deno.symlink("../certs", `${folder}/certs`);
    await Deno.writeTextFile(`${folder}/${file}`, text);
    const { code, stdout, stderr } = await weir(["check", "-c", file], { cwd: folder, env: { ...CASE_ENVIRONMENT } });
    assert.deepEqual({ code, stdout, stderr }, { code: 3, stdout: "", stderr: `${expected.join("\n")}\n` });
  });
});

Deno.test("weir check --json lists the errors of a configuration with their places", async () => {
  await using folder = await caseFolder();
  const several = yamlCases.find((one) => one.name === "901-every-level");
  assert.ok(several);
  await Deno.writeTextFile(`${folder.path}/weir.yaml`, several.text);
  const { code, stdout } = await weir(["check", "--json"], { cwd: folder.path });
  assert.equal(code, 3);
  const report = JSON.parse(stdout) as { valid: boolean; errors: ConfigProblem[] };
  assert.equal(report.valid, false);
  assert.deepEqual(report.errors.map(formatProblem), several.expected);
});

/** A program that serves one listener, and says when a refused configuration has changed anything. */
class Served implements AsyncDisposable {
  readonly weir: RunningWeir;
  readonly #port: number;
  readonly #server: AsyncDisposable;
  #connections = 0;

  private constructor(weir: RunningWeir, port: number, server: AsyncDisposable) {
    this.weir = weir;
    this.#port = port;
    this.#server = server;
  }

  static async start(): Promise<Served> {
    const server = nameServer("old");
    const port = freePort();
    const config = {
      listeners: [{
        name: "front",
        protocol: "TCP",
        address: "127.0.0.1",
        port,
        backends: { servers: [{ address: "127.0.0.1", port: server.port }], healthCheck: { enabled: false } },
      }],
    };
    const running = await RunningWeir.start(config, { env: { ...CASE_ENVIRONMENT } });
    await writeCaseFiles(running.folder);
    return new Served(running, port, server);
  }

  /** One more connection goes through, and is counted onto all those before. */
  async assertServes(): Promise<void> {
    assert.equal(await readName(this.#port), "old");
    const expected = ++this.#connections;
    const total = await until("the connection is counted", async () => {
      const { connectionsTotal } = await this.weir.listener("front");
      return connectionsTotal >= expected && connectionsTotal;
    });
    assert.equal(total, expected);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.weir[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}

Deno.test("POST /v1/reload refuses every golden case with its errors while the old listener serves on", async () => {
  await using served = await Served.start();
  await served.assertServes();
  const failures: string[] = [];
  for (const { name, text, expected } of yamlCases) {
    try {
      await served.weir.write(text);
      const response = await fetch(`http://127.0.0.1:${served.weir.adminPort}/v1/reload`, { method: "POST" });
      const body = await response.json() as { type: string; status: number; errors: ConfigProblem[] };
      assert.equal(response.status, 422);
      assert.equal(response.headers.get("content-type"), "application/problem+json");
      assert.deepEqual([body.type, body.status], ["urn:weir:problem:config_invalid", 422]);
      const lines = body.errors.map((one) => formatProblem({ ...one, file: "weir.yaml" }));
      assert.deepEqual(lines, expected);
      assert.ok(body.errors.every((one) => one.file === served.weir.file && one.line > 0 && one.column > 0));
      await served.assertServes();
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  assert.deepEqual(failures, []);
});

Deno.test("SIGHUP logs the errors of a golden case while the old listener serves on", async () => {
  await using served = await Served.start();
  await served.assertServes();
  for (const name of ["102-tab-indentation", "311-certificate-expired", "901-every-level"]) {
    const one = yamlCases.find((other) => other.name === name);
    assert.ok(one, name);
    await served.weir.write(one.text);
    const before = served.weir.log.length;
    served.weir.signal("SIGHUP");
    await until(`the errors of ${name} are logged`, () => {
      const logged = served.weir.log.slice(before);
      // The log is JSON here, so its messages have their quotes escaped.
      return one.expected.every((line) => logged.includes(JSON.stringify(line.replace("weir.yaml", "")).slice(1, -1)));
    });
    await served.assertServes();
  }
});
