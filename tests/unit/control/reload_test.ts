/** The way of a change: all of it, or nothing; and what each kind of change makes of overrides and names. @module */

import assert from "node:assert/strict";
import type { ListenerChange } from "../../../src/config/diff.ts";
import type { Model } from "../../../src/config/model.ts";
import { type OverrideScope, type ServerOverride, withOverride } from "../../../src/config/runtime.ts";
import { Reloader } from "../../../src/control/reload.ts";
import { ConfigError, WeirError } from "../../../src/errors.ts";
import { loadText } from "../../config/load_text.ts";

const GROUP: OverrideScope = { kind: "group", name: "web" };

const config = (weight: number, server = "app.internal", settings = "") => `
${settings}
backendGroups:
  web: { servers: [{ address: ${server}, port: 80, weight: ${weight} }] }
listeners:
  - { name: front, protocol: TCP, port: 9000, backendGroup: web }
`;

type Step = "load" | "names" | "general" | "listeners";

/** A reloader whose surroundings write down what they are told, and fail where the test wants. */
class ReloadBench {
  text = config(10);
  addresses: Readonly<Record<string, readonly string[]>> = { "app.internal": ["10.0.0.1"] };
  failing: Step | undefined;
  /** What happened, in its order. */
  readonly steps: string[] = [];
  readonly logged: string[] = [];
  /** Held up at the look-up until it resolves. */
  gate: Promise<void> = Promise.resolve();
  changes: readonly ListenerChange[] = [];
  readonly reloader = new Reloader({
    origin: {
      file: "weir.yaml",
      load: () => {
        this.#step("load");
        return loadText(this.text);
      },
      renew: (valid) => ({ valid, refused: [] }),
      locate: (path) => path,
      validate: (text) => loadText(text),
      storage: undefined,
    },
    log: (level, message) => this.logged.push(`${level}: ${message}`),
    prepareNames: async (names, dnsServers) => {
      await this.gate;
      this.#step("names", [...names, ...dnsServers]);
      return {
        addresses: new Map([...names].map((name) => [name, this.addresses[name] ?? []])),
        commit: () => this.steps.push("commit names"),
      };
    },
    prepareGeneral: () => Promise.resolve(this.#prepared("general")),
    processors: 1,
    prepareListeners: async (changes) => {
      await Promise.resolve();
      const prepared = this.#prepared("listeners");
      this.changes = changes;
      return prepared;
    },
  });

  /** What serves: the listener's servers with their weights, `!` for those drained. */
  get serving(): string {
    const servers = this.reloader.serving?.listeners.get("front")?.pool.servers ?? [];
    return servers.map(({ key, weight, draining }) => `${key}=${weight}${draining ? "!" : ""}`).join(" ");
  }

  /** Changes a server of the group, as the admin API does. */
  async override(server: string, change: ServerOverride): Promise<void> {
    await this.reloader.adjust((overrides, serving) => withOverride(overrides, GROUP, server, change, serving));
  }

  /** The steps since the last call. */
  takeSteps(): string[] {
    return this.steps.splice(0);
  }

  #step(step: Step, details: readonly string[] = []): void {
    this.steps.push([step, ...details].join(" "));
    if (this.failing === step) throw new WeirError("bind_failed", `${step} failed`);
  }

  #prepared(step: Step) {
    this.#step(step);
    return {
      commit: () => Promise.resolve(void this.steps.push(`commit ${step}`)),
      abort: () => Promise.resolve(void this.steps.push(`abort ${step}`)),
    };
  }
}

async function started(): Promise<ReloadBench> {
  const bench = new ReloadBench();
  await bench.reloader.reload("start");
  bench.takeSteps();
  return bench;
}

Deno.test("reload() loads, looks names up, prepares everything, then commits", async () => {
  const bench = new ReloadBench();
  bench.text = config(10, "app.internal", "dns: { servers: [10.0.0.53] }");
  const report = await bench.reloader.reload("start");
  assert.deepEqual(bench.takeSteps(), [
    ...["load", "names app.internal 10.0.0.53", "general", "listeners"],
    ...["commit listeners", "commit names", "commit general"],
  ]);
  assert.deepEqual([report.changes, report.general], [[{ listener: "front", action: "start", settings: [] }], []]);
  assert.deepEqual([bench.serving, bench.logged], ["10.0.0.1:80=10", []]);
  assert.equal(bench.reloader.last?.ok, true);
});

Deno.test("reload() tells what changed, and nothing when nothing did", async () => {
  const bench = await started();
  assert.deepEqual((await bench.reloader.reload("api")).changes, []);
  bench.text = config(20, "app.internal", "maxWorkers: 3\ndns: { servers: [10.0.0.53] }");
  const { changes, general } = await bench.reloader.reload("signal");
  assert.deepEqual(changes, [{ listener: "front", action: "update", settings: ["pool"] }]);
  assert.deepEqual(general, ["dnsServers", "maxWorkers"]);
  assert.match(bench.logged.at(-1) ?? "", /^info: Reloaded weir\.yaml: .*front/);
});

for (const failing of ["load", "names", "general", "listeners"] as const) {
  Deno.test(`reload() leaves everything as it was when it fails at: ${failing}`, async () => {
    const bench = await started();
    await bench.override("10.0.0.1:80", { weight: 50, draining: true });
    const before = bench.reloader.serving;
    bench.takeSteps();
    bench.text = config(20, "10.0.0.9");
    bench.failing = failing;
    await assert.rejects(bench.reloader.reload("api"), WeirError);
    assert.ok(!bench.steps.some((step) => step.startsWith("commit")), bench.steps.join());
    assert.equal(bench.steps.includes("abort general"), failing === "listeners");
    assert.equal(bench.reloader.serving, before);
    assert.equal(bench.serving, "10.0.0.1:80=50!");
    assert.deepEqual({ ...bench.reloader.last, at: "" }, {
      ok: false,
      at: "",
      trigger: "api",
      error: `${failing} failed`,
    });

    bench.failing = undefined;
    bench.addresses = { "app.internal": ["10.0.0.2", "10.0.0.1"] };
    await bench.reloader.adjust();
    assert.equal(bench.serving, "10.0.0.2:80=10 10.0.0.1:80=50!", "the old configuration, and what was changed on it");
  });
}

Deno.test("reload() of a configuration with errors tells all of them and changes nothing", async () => {
  const bench = await started();
  bench.text = config(101, "not a name");
  await assert.rejects(bench.reloader.reload("api"), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.problems.length, 2);
    return true;
  });
  assert.equal(bench.serving, "10.0.0.1:80=10");
});

Deno.test("adjust() takes up other addresses without reading the file, and does not count as a reload", async () => {
  const bench = await started();
  const last = bench.reloader.last;
  bench.text = "this is: not [ a configuration";
  bench.addresses = { "app.internal": ["10.0.0.2", "10.0.0.3"] };
  await bench.reloader.adjust();
  assert.equal(bench.serving, "10.0.0.2:80=10 10.0.0.3:80=10");
  assert.deepEqual(bench.changes.map(({ kind }) => kind), ["update"]);
  assert.ok(!bench.steps.includes("load"));
  assert.equal(bench.reloader.last, last);
  await bench.reloader.adjust();
  assert.deepEqual(bench.changes, [], "the same again is no change");
});

Deno.test("adjust() before anything serves does nothing", async () => {
  const bench = new ReloadBench();
  await bench.reloader.adjust(() => assert.fail("there is nothing to change"));
  assert.deepEqual([bench.steps, bench.reloader.serving], [[], undefined]);
});

Deno.test("adjust() leaves everything as it was when it fails, or when the change refuses", async () => {
  const bench = await started();
  await bench.override("10.0.0.1:80", { weight: 50 });
  const before = bench.reloader.serving;
  for (const failing of ["names", "general", "listeners"] as const) {
    bench.takeSteps();
    bench.failing = failing;
    await assert.rejects(bench.override("10.0.0.1:80", { weight: 60, draining: true }), /failed/);
    assert.ok(!bench.steps.some((step) => step.startsWith("commit")), bench.steps.join());
  }
  bench.failing = undefined;
  bench.takeSteps();
  await assert.rejects(
    bench.reloader.adjust(() => {
      throw new RangeError("no");
    }),
    /^RangeError: no$/,
  );
  assert.deepEqual(bench.takeSteps(), []);
  assert.equal(bench.reloader.serving, before);
  await bench.reloader.adjust();
  assert.equal(bench.serving, "10.0.0.1:80=50", "what failed is not made up for later");
});

Deno.test("a reload undoes weights and keeps drains; a failed one undoes nothing", async () => {
  const bench = await started();
  await bench.override("10.0.0.1:80", { weight: 0, draining: true });
  assert.equal(bench.serving, "10.0.0.1:80=0!");
  bench.text = "listeners: 7";
  await assert.rejects(bench.reloader.reload("api"), ConfigError);
  assert.equal(bench.serving, "10.0.0.1:80=0!");
  bench.text = config(10);
  const { changes } = await bench.reloader.reload("api");
  assert.equal(bench.serving, "10.0.0.1:80=10!");
  assert.deepEqual(changes, [{ listener: "front", action: "update", settings: ["pool"] }]);
  await bench.override("10.0.0.1:80", { draining: false });
  assert.equal(bench.serving, "10.0.0.1:80=10");
});

Deno.test("a drain is forgotten when its server leaves: the configuration, or the DNS", async () => {
  const bench = await started();
  await bench.override("10.0.0.1:80", { draining: true });
  bench.addresses = { "app.internal": ["10.0.0.2"] };
  await bench.reloader.adjust();
  bench.addresses = { "app.internal": ["10.0.0.1"] };
  await bench.reloader.adjust();
  assert.equal(bench.serving, "10.0.0.1:80=10");

  await bench.override("app.internal:80", { draining: true });
  bench.addresses = {};
  await bench.reloader.adjust();
  bench.addresses = { "app.internal": ["10.0.0.7"] };
  await bench.reloader.adjust();
  assert.equal(bench.serving, "10.0.0.7:80=10!", "the name is there all the time");
  bench.text = config(10, "10.0.0.9");
  await bench.reloader.reload("api");
  bench.text = config(10);
  await bench.reloader.reload("api");
  assert.equal(bench.serving, "10.0.0.7:80=10");
});

Deno.test("changes take turns: each sees what the one before has left", async () => {
  const bench = await started();
  const gate = Promise.withResolvers<void>();
  bench.gate = gate.promise;
  bench.text = config(20);
  const seen: (Model | undefined)[] = [];
  const all = [
    bench.reloader.reload("api"),
    bench.override("10.0.0.1:80", { weight: 30 }),
    bench.reloader.adjust((overrides, serving) => {
      seen.push(serving);
      return overrides;
    }),
  ];
  gate.resolve();
  await Promise.all(all);
  assert.equal(bench.serving, "10.0.0.1:80=30", "a reload that began before the change does not undo it");
  assert.equal(seen[0]?.listeners.get("front")?.pool.servers[0]?.weight, 30);
});

Deno.test("one that fails does not stop those behind it", async () => {
  const bench = await started();
  bench.text = "listeners: 7";
  const [failed, changed] = await Promise.allSettled([
    bench.reloader.reload("api"),
    bench.override("10.0.0.1:80", { weight: 30 }),
  ]);
  assert.deepEqual([failed.status, changed.status, bench.serving], ["rejected", "fulfilled", "10.0.0.1:80=30"]);
});

Deno.test("close() waits for the change that is under way and refuses those that come later", async () => {
  const bench = await started();
  const gate = Promise.withResolvers<void>();
  bench.gate = gate.promise;
  const underWay = bench.override("10.0.0.1:80", { weight: 30 });
  const closing = bench.reloader.close();
  const isStopping = (error: unknown) => error instanceof WeirError && error.kind === "stopping";
  await assert.rejects(bench.reloader.reload("signal"), isStopping);
  await assert.rejects(bench.reloader.adjust(), isStopping);
  gate.resolve();
  await Promise.all([underWay, closing]);
  assert.equal(bench.serving, "10.0.0.1:80=30");
});
