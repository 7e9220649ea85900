/** File -> API -> file, over generated configurations: nothing is lost, nothing is added, nobody's text is touched. */

import fc from "fast-check";
import assert from "node:assert/strict";
import { parse } from "yaml";
import { sameData } from "../../../src/config/diff.ts";
import { withEdit } from "../../../src/config/persist.ts";
import { configs, groups, ipGroups, listeners, type PlainConfig, written } from "./generated_configs.ts";
import { type Answer, StoreBench } from "./store_bench.ts";

const files = configs.chain((config) => written(config).map((file) => ({ config, ...file })));

const AUTHORIZED = { authorization: "Bearer secret" };

function start({ text, format }: { readonly text: string; readonly format: string }): Promise<StoreBench> {
  return StoreBench.start({ [`weir.${format}`]: text, "list.txt": "192.0.2.0/24\n" }, `weir.${format}`);
}

/** Every entry of a configuration, by its path in the API. */
function paths(config: PlainConfig): string[] {
  const names = (key: string) => Object.keys(config[key] ?? {});
  const list = Array.isArray(config["listeners"]) ? config["listeners"] as readonly { name: string }[] : [];
  return [
    ...list.map(({ name }) => `/v1/listeners/${name}`),
    ...names("backendGroups").map((name) => `/v1/backend-groups/${name}`),
    ...names("ipGroups").map((name) => `/v1/ip-groups/${name}`),
  ];
}

Deno.test("what GET shows, PUT takes back: nothing changes, to the last byte of the file", async () => {
  await fc.assert(
    fc.asyncProperty(files, async ({ config, text, format }) => {
      await using bench = await start({ text, format });
      const put = async (path: string, settings: unknown, etag: string | null) => {
        const answer = await bench.call("PUT", `${path}?persist=true`, settings, {
          ...AUTHORIZED,
          "if-match": etag ?? "",
        });
        assert.equal(answer.status, 200, JSON.stringify(answer.body));
        assert.deepEqual(bench.steps.splice(0), ["prepare", "commit"], "no listener changes");
        assert.equal(bench.files()[`weir.${format}`], text);
      };
      for (const path of paths(config)) {
        const { body, etag } = await bench.call("GET", path, undefined, AUTHORIZED);
        await put(path, body.settings, etag);
        if (path.startsWith("/v1/ip-groups")) continue;
        const { status, body: bound } = await bench.call("GET", `${path}/servers`, undefined, AUTHORIZED);
        // A listener that uses a named group has none of its own.
        if (status === 409) continue;
        for (const { name, settings } of bound.servers) {
          const one = await bench.call("GET", `${path}/servers/${name}`, undefined, AUTHORIZED);
          assert.deepEqual(one.body.settings, settings);
          await put(`${path}/servers/${name}`, settings, one.etag);
        }
      }
      const whole = await bench.call("GET", "/v1/config", undefined, AUTHORIZED);
      assert.doesNotMatch(JSON.stringify(whole.body), /secret/);
      await put("/v1/config", whole.body, whole.etag);
    }),
    { numRuns: 40 },
  );
});

Deno.test("a whole configuration that is put and saved is what the file says then, and a reload changes nothing", async () => {
  await fc.assert(
    fc.asyncProperty(files, configs, async (from, to) => {
      await using bench = await start(from);
      const { status, body } = await bench.call("PUT", "/v1/config?persist=true", to, AUTHORIZED);
      assert.equal(status, 200, JSON.stringify(body));
      const text = bench.files()[`weir.${from.format}`] ?? "";
      await assertSaved(bench, from.format, parse(text));
      // Defaults that the file did not say need not be said now.
      await using other = await start({ text: JSON.stringify(to), format: "json" });
      assertSame(await shown(bench), await shown(other));
    }),
    { numRuns: 40 },
  );
});

Deno.test("entries that are created one by one and saved are what the file says then, and a reload changes nothing", async () => {
  await fc.assert(
    fc.asyncProperty(configs, fc.constantFrom("yaml", "json"), async (config, format) => {
      await using bench = await start({ text: format === "json" ? "{}\n" : "# nothing yet\n{}\n", format });
      const create = async (path: string, sent: unknown) => {
        const { status, body } = await bench.call("POST", `${path}?persist=true`, sent);
        assert.equal(status, 201, JSON.stringify(body));
      };
      const { ipGroups: lists = {}, backendGroups = {}, listeners: items = [] } = config;
      for (const [name, list] of Object.entries(lists as object)) {
        await create("/v1/ip-groups", Array.isArray(list) ? { name, addresses: list } : { name, ...list });
      }
      for (const [name, { servers, ...group }] of Object.entries(backendGroups as Record<string, { servers: [] }>)) {
        await create("/v1/backend-groups", { name, ...group });
        if (servers.length > 0) await create(`/v1/backend-groups/${name}/servers`, servers);
      }
      for (const listener of items as readonly unknown[]) await create("/v1/listeners", listener);
      const full = Object.fromEntries(
        ["ipGroups", "backendGroups", "listeners"].map((key) => [key, config[key]] as const)
          .filter(([, section]) => Object.keys(section ?? {}).length > 0),
      );
      const groupsWithout = Object.entries(backendGroups as Record<string, { servers: [] }>).map(([name, group]) => {
        const { servers, ...rest } = group;
        return [name, servers.length === 0 ? rest : group];
      });
      const expected = groupsWithout.length === 0
        ? full
        : { ...full, backendGroups: Object.fromEntries(groupsWithout) };
      await assertSaved(bench, format, expected);
    }),
    { numRuns: 25 },
  );
});

async function assertSaved(bench: StoreBench, format: string, expected: PlainConfig): Promise<void> {
  const text = bench.files()[`weir.${format}`] ?? "";
  assertSame(format === "json" ? JSON.parse(text) : parse(text), expected);
  const before = await shown(bench);
  bench.steps.length = 0;
  const { status, body } = await bench.call("POST", "/v1/reload", undefined, AUTHORIZED);
  assert.deepEqual([status, body.changes, body.general], [200, [], []], JSON.stringify(body));
  assert.deepEqual(bench.steps, ["prepare", "commit"]);
  assert.deepEqual(await shown(bench), before);
  const unsaved = (await bench.call("GET", "/v1/status", undefined, AUTHORIZED)).body.unsaved;
  assert.deepEqual(unsaved, []);
}

/** Generated mappings have no prototype, and the order of keys does not count. */
function assertSame(actual: unknown, expected: unknown): void {
  assert.ok(sameData(actual, expected), `${JSON.stringify(actual)}\nis not\n${JSON.stringify(expected)}`);
}

async function shown(bench: StoreBench): Promise<unknown> {
  return (await bench.call("GET", "/v1/config", undefined, AUTHORIZED)).body;
}

/** One call, and what it does to a configuration. */
interface Operation {
  readonly method: string;
  readonly path: string;
  readonly sent: unknown;
  readonly persist: boolean;
  /** The entry in the configuration. */
  readonly entry: readonly [section: string, name: string];
}

const operation: fc.Arbitrary<Operation> = fc.tuple(fc.constantFrom("a", "c.d"), fc.boolean()).chain(
  ([name, persist]) => {
    const on = (path: string, section: string, settings: fc.Arbitrary<unknown>) =>
      fc.tuple(fc.constantFrom("PUT", "DELETE"), settings).map(([method, value]): Operation => ({
        method,
        path: `${path}/${name}`,
        sent: method === "PUT" ? value : undefined,
        persist,
        entry: [section, name],
      }));
    return fc.oneof(
      on("/v1/listeners", "listeners", listeners(name === "a" ? "a" : "c.d", ["a", "c.d"], ["a"])),
      on("/v1/backend-groups", "backendGroups", groups),
      on("/v1/ip-groups", "ipGroups", ipGroups),
    );
  },
);

Deno.test("changes that are saved and changes that are not: what serves and what the file says, each as it should be", async () => {
  await fc.assert(
    fc.asyncProperty(files, fc.array(operation, { maxLength: 12 }), async (file, operations) => {
      await using bench = await start(file);
      let [inFile, serving]: [unknown, unknown] = [file.config, file.config];
      for (const { method, path, sent, persist, entry } of operations) {
        const answer: Answer = await bench.call(method, `${path}?persist=${persist}`, sent, AUTHORIZED);
        if (answer.status < 300) {
          serving = withEdit(serving, entry, sent);
          if (persist) inFile = withEdit(inFile, entry, sent);
        } else assert.ok([404, 409, 422].includes(answer.status), JSON.stringify(answer.body));
        const text = bench.files()[`weir.${file.format}`] ?? "";
        assertSame(parse(text), inFile);
        assertSame(bench.reloader.accepted?.valid.source.data, serving);
        const { unsaved } = (await bench.call("GET", "/v1/status", undefined, AUTHORIZED)).body;
        assert.equal(unsaved.length === 0, sameData(inFile, serving), `unsaved: ${unsaved}`);
      }
      await bench.call("POST", "/v1/reload", undefined, AUTHORIZED);
      assertSame(bench.reloader.accepted?.valid.source.data, inFile);
    }),
    { numRuns: 40 },
  );
});
