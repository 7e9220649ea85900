/** The JSON Schema for editors takes what Weir takes and marks what it can of the rest. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "yaml";
import { DEFAULT_ANSWERS, starterConfig } from "../../../src/cli/init/starter_config.ts";
import { configJsonSchema } from "../../../src/config/json_schema.ts";
import { readCases } from "../../config/cases.ts";
import { violations } from "../../config/json_schema_validator.ts";
import { errorsIn } from "../../config/load_text.ts";
import { projectPath } from "../../support/program.ts";

const schema = configJsonSchema();
const cases = readCases();

Deno.test("configJsonSchema() takes every example configuration", () => {
  // Folders hold what is not Weir's own configuration.
  const names = [...Deno.readDirSync(projectPath("config"))].filter((entry) => entry.isFile).map(({ name }) => name)
    .filter((name) => name !== "weir.schema.json");
  for (const name of names) {
    const data: unknown = parse(Deno.readTextFileSync(projectPath(`config/${name}`)));
    assert.deepEqual(violations(data, schema), [], name);
  }
  assert.deepEqual(violations(parse(starterConfig(DEFAULT_ANSWERS)), schema), []);
});

Deno.test("configJsonSchema() marks faults of shape", () => {
  const marked = [
    "201-unknown-key",
    "203-admin-list",
    "215-log-level",
    "219-shutdown-drain-timeout-low",
    "220-shutdown-drain-timeout-high",
    "303-certificate-key-file-missing",
    "403-group-name",
    "412-server-unknown-key",
    "413-server-address-missing",
    "419-server-port-high",
    "425-server-ports-empty",
    "428-server-weight-high",
    "442-health-check-timeout-high",
    "503-listener-name-missing",
    "509-listener-protocol-udp",
    "545-listener-max-new-connections-high",
    "551-listener-workers-word",
    "554-listener-tag-too-long",
    "556-listener-description-too-long",
    "567-listener-access-control-groups-empty",
    "612-tls-min-version-old",
  ];
  for (const name of marked) {
    const one = cases.find((other) => other.name === name);
    assert.ok(one, name);
    assert.notDeepEqual(violations(parse(one.text), schema), [], name);
  }
});

Deno.test("configJsonSchema() refuses nothing that Weir takes", () => {
  const value = fc.constantFrom<unknown>(0, 1, 2, 100, 255, 65535, "", "off", "auto", "TCP", "::", true, null, [], {});
  const listener = fc.dictionary(
    fc.constantFrom("port", "address", "idleTimeout", "workers", "tags", "description", "ipTranslation", "backends"),
    value,
    { noNullPrototype: true },
  ).map((change) => ({ name: "front", protocol: "TCP", port: 9000, backends: {}, ...change }));
  const config = fc.record({
    admin: value,
    log: value,
    shutdown: fc.oneof(value, fc.record({ drainTimeout: value })),
    maxWorkers: value,
    backendGroups: fc.oneof(value, fc.record({ web: fc.record({ servers: value, defaultPort: value }) })),
    listeners: fc.oneof(value, fc.array(listener, { maxLength: 1 })),
  }, { requiredKeys: [], noNullPrototype: true });
  fc.assert(
    fc.property(config, (data) => {
      if (errorsIn(JSON.stringify(data)).length === 0) assert.deepEqual(violations(data, schema), []);
    }),
    { numRuns: 500 },
  );
});

Deno.test("configJsonSchema() describes every key", () => {
  const undescribed: string[] = [];
  const walk = (node: unknown, path: string) => {
    if (node === null || typeof node !== "object") return;
    for (const [key, inner] of Object.entries(node)) {
      if (key === "properties") {
        for (const [name, property] of Object.entries(inner as object)) {
          if (!("description" in property)) undescribed.push(`${path}.${name}`);
        }
      }
      walk(inner, key === "properties" ? path : `${path}.${key}`);
    }
  };
  walk(schema, "");
  assert.deepEqual(undescribed, []);
});
