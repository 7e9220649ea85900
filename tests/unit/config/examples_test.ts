/** What people copy is valid, draws no warning, and leaves nothing out. @module */

import assert from "node:assert/strict";
import { parse } from "yaml";
import { DEFAULT_ANSWERS, starterConfig } from "../../../src/cli/init/starter_config.ts";
import { configJsonSchema } from "../../../src/config/json_schema.ts";
import { resolveModel } from "../../../src/config/resolve.ts";
import { makeCaseFiles } from "../../config/cases.ts";
import { loadText } from "../../config/load_text.ts";
import { projectPath } from "../../support/program.ts";

const EXAMPLES = [
  "weir.example.yaml",
  "minimal.yaml",
  "minimal.json",
  "tcp-ssl.yaml",
  "mutual-tls.yaml",
  "sni.yaml",
  "backend-tls.yaml",
  "weighted-least-connections.yaml",
  "backup-and-health.yaml",
  "dual-stack.yaml",
  "dns-servers.yaml",
  "access-and-limits.yaml",
  "proxy-protocol.yaml",
  "port-range.yaml",
  "access-log.yaml",
];

const STARTER_CONFIG = starterConfig(DEFAULT_ANSWERS);

const caseFiles = await makeCaseFiles();
const files = {
  "certs/www.pem": caseFiles["certs/good.pem"] ?? "",
  "certs/www.key": caseFiles["certs/good.key"] ?? "",
  "certs/api.pem": caseFiles["certs/good.pem"] ?? "",
  "certs/api.key": caseFiles["certs/good.key"] ?? "",
  "certs/partners.pem": caseFiles["certs/ca.pem"] ?? "",
  "logs/access.log": "",
  "certs/internal.pem": caseFiles["certs/ca.pem"] ?? "",
  "blocklist.txt": "203.0.113.0/24 # abusers\n",
};

const read = (name: string) => Deno.readTextFileSync(projectPath(`config/${name}`));

for (const name of EXAMPLES) {
  Deno.test(`config/${name} is valid and draws no warning`, () => {
    const valid = loadText(read(name), { file: name, files });
    assert.deepEqual(valid.warnings, []);
    assert.ok(resolveModel(valid).listeners.size > 0);
  });
}

Deno.test("every configuration in config/ is tested here", () => {
  const found = [...Deno.readDirSync(projectPath("config"))].map((entry) => entry.name)
    .filter((name) => /\.(yaml|yml|json)$/.test(name) && name !== "weir.schema.json");
  assert.deepEqual(found.toSorted(), EXAMPLES.toSorted());
});

Deno.test("config/minimal.json means the same as config/minimal.yaml", () => {
  const [json, yaml] = [loadText(read("minimal.json"), { file: "minimal.json" }), loadText(read("minimal.yaml"))];
  assert.deepEqual({ ...json, source: null }, { ...yaml, source: null });
});

Deno.test("STARTER_CONFIG is valid and draws no warning", () => {
  const valid = loadText(STARTER_CONFIG);
  assert.deepEqual(valid.warnings, []);
  assert.equal(resolveModel(valid).listeners.size, 1);
});

Deno.test("STARTER_CONFIG stays valid with its comments taken away", () => {
  const bare = STARTER_CONFIG
    .replaceAll(/^# (certificates:)$/gm, "$1")
    .replaceAll(/^# ( {2}www: .*)$/gm, "$1")
    .replaceAll(/^( {2})# (- name| {2}\S)/gm, "$1$2");
  const valid = loadText(bare, { files });
  assert.equal(resolveModel(valid).listeners.size, 2);
});

/** The keys that mappings in a JSON Schema have, at any depth. */
function schemaKeys(schema: unknown): string[] {
  if (schema === null || typeof schema !== "object") return [];
  return Object.entries(schema).flatMap(([key, inner]: [string, unknown]) => [
    ...(key === "properties" && inner !== null && typeof inner === "object" ? Object.keys(inner) : []),
    ...schemaKeys(inner),
  ]);
}

function keysOf(data: unknown): string[] {
  if (data === null || typeof data !== "object") return [];
  const own = Array.isArray(data) ? [] : Object.keys(data);
  return [...own, ...Object.values(data).flatMap(keysOf)];
}

Deno.test("config/weir.example.yaml shows every key that is supported", () => {
  const shown = new Set(keysOf(parse(read("weir.example.yaml"))));
  // Beside "access: off", which is the default, they draw a warning.
  for (const key of keysOf(parse(read("access-log.yaml")))) shown.add(key);
  const missing = [...new Set(schemaKeys(configJsonSchema()))].filter((key) => !shown.has(key));
  assert.deepEqual(missing, []);
});

Deno.test("config/weir.example.yaml shows the defaults where it does not say that it shows an example", () => {
  const { config } = loadText(read("weir.example.yaml"), { file: "weir.example.yaml", files, environment: {} });
  const { config: defaults } = loadText(
    "backendGroups: { web: { servers: [{ address: 10.0.0.11, port: 8080 }] } }\n" +
      "listeners: [{ name: front, protocol: TCP, port: 8000, backendGroup: web }]\n",
  );
  const [group, defaultGroup] = [config.backendGroups["web"], defaults.backendGroups["web"]];
  assert.ok(group && defaultGroup);
  assert.deepEqual([config.admin, config.log, config.shutdown, config.dns, config.maxWorkers], [
    defaults.admin,
    defaults.log,
    defaults.shutdown,
    defaults.dns,
    defaults.maxWorkers,
  ]);
  assert.deepEqual(group.servers[0], defaultGroup.servers[0]);
  assert.deepEqual({ ...group.healthCheck, port: undefined }, { ...defaultGroup.healthCheck, port: undefined });
  assert.deepEqual([group.algorithm, group.whenAllUnhealthy], [defaultGroup.algorithm, defaultGroup.whenAllUnhealthy]);
  assert.deepEqual({ ...config.listeners[0], tags: {}, description: "" }, defaults.listeners[0]);
});
