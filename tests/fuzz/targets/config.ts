/** The configuration, from its text to the plan of every listener. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { stringify } from "yaml";
import { diffListeners } from "../../../src/config/diff.ts";
import { resolveModel } from "../../../src/config/resolve.ts";
import { serverNames } from "../../../src/config/resolve_pools.ts";
import { configSchema, listenerSchema } from "../../../src/config/schema.ts";
import { type ConfigFormat, formatPath, parsePath } from "../../../src/config/source.ts";
import type { ValidConfig } from "../../../src/config/validate.ts";
import { ConfigError } from "../../../src/errors.ts";
import { assertRefused } from "../../config/assert_refused.ts";
import { CASE_ENVIRONMENT, makeCaseFiles, readCases } from "../../config/cases.ts";
import { loadText } from "../../config/load_text.ts";
import { projectPath } from "../../support/program.ts";
import { configs, written } from "../../unit/admin/generated_configs.ts";
import { type FuzzTarget, inputOf, shapeOf, textOf } from "../target.ts";

const FILES = {
  ...await makeCaseFiles(),
  "list.txt": "192.0.2.0/24\n# nobody\n2001:db8::/32\n",
  "list-bad.txt": "192.0.2.0/24\n1.2.3\n",
};

const WORDS = [
  ...Object.keys(configSchema.shape),
  ...Object.keys(listenerSchema.shape),
  ...["TCP", "TCP_SSL", "servers", "weight", "healthCheck", "backendTls", "serverName", "certFile", "keyFile", "file"],
  ...Object.keys(FILES),
  ...Object.keys(CASE_ENVIRONMENT).map((name) => `\${${name}}`),
  ...["${A:-1}", "${", "}", "$$", "&a ", "*a", "<<: ", "!!set ", "!!binary ", "? ", "--- ", "...\n", "|\n", ">-\n"],
  ...["\n  - ", "\n    ", ": ", "{}", "[]", "__proto__", "constructor", "null", "~", "true", ".inf", "1-65535", "::"],
  ...[
    "0.0.0.0/0",
    "::/0",
    "::ffff:1.2.3.4",
    "app.internal",
    "*.example.com",
    "auto",
    "unlimited",
    "\\u0000",
    "\\ud800",
  ],
];

function facts(valid: ValidConfig) {
  const names = [...serverNames(valid)];
  const addresses = new Map(names.map((name, index) => [name, [`10.9.${index % 256}.1`, `2001:db8::${index % 4096}`]]));
  return { addresses, overrides: new Map(), processors: 4 };
}

function check(text: string, format: ConfigFormat): string {
  const file = `weir.${format}`;
  let valid: ValidConfig;
  try {
    valid = loadText(text, { file, files: FILES });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assertRefused(error, text);
    if (format === "json") assertJsonFault(error, text);
    for (const { path } of error.problems) assert.equal(formatPath(parsePath(path)), path);
    return shapeOf(error.problems.map(({ path, message }) => `${path} ${message}`).join("|"));
  }
  const { config, source: { data }, warnings } = valid;
  for (const { line, column } of warnings) assert.ok(line >= 1 && column >= 1);
  const model = resolveModel(valid, facts(valid));
  assert.deepEqual(diffListeners(model.listeners, resolveModel(valid, facts(valid)).listeners), []);
  // What was read means the same when it is written anew, in either language.
  for (const [name, again] of [["weir.json", JSON.stringify(data)], ["weir.yaml", stringify(data)]] as const) {
    assert.deepEqual(loadText(again, { file: name, files: FILES }).config, config, name);
  }
  return `taken: ${shapeOf(warnings.map(({ message }) => message).join("|"))} ${Object.keys(config).length}`;
}

/** What is no JSON is said to be none, and nothing else is. */
function assertJsonFault({ problems }: ConfigError, text: string): void {
  const isFault = problems.some(({ message }) => message.startsWith("not valid JSON: expected"));
  let isJson = true;
  try {
    JSON.parse(text);
  } catch {
    isJson = false;
  }
  assert.equal(isFault, !isJson, "jsonFault() and JSON.parse() do not agree");
}

const examples = () =>
  [...Deno.readDirSync(projectPath("config"))].filter(({ name }) => name.endsWith(".yaml"))
    .map(({ name }) => Deno.readTextFileSync(projectPath(`config/${name}`)));

const generated = (format: ConfigFormat) =>
  configs.chain(written).filter((one) => one.format === format).map(({ text }) => inputOf(text));

function target(format: ConfigFormat, longest: number): FuzzTarget {
  return {
    name: `config-${format}`,
    holds: "taken, or refused with a place for every error in the order of the file; what is taken means the same " +
      "when it is written anew, and a reload of it changes nothing",
    isText: true,
    seeds: () =>
      [
        ...readCases().filter((one) => one.format === format).map(({ text }) => text),
        ...(format === "yaml" ? examples() : examples().map(toJson)),
      ].map(inputOf),
    words: WORDS,
    generated: fc.noShrink(generated(format)),
    longest,
    check: (input) => check(textOf(input), format),
  };
}

function toJson(yaml: string): string {
  return JSON.stringify(loadData(yaml), null, 2);
}

function loadData(yaml: string): unknown {
  try {
    return loadText(yaml, { files: FILES }).source.data;
  } catch {
    // It names files that are not there; what it looks like is enough.
    return {};
  }
}

/** Both languages. */
export const configTargets = [target("yaml", 100_000), target("json", 200_000)];
