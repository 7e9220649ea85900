/** Everything in a configuration has a line and a column. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ConfigError } from "../../../src/errors.ts";
import { type ConfigFormat, type ConfigPath, formatPath, parseSource } from "../../../src/config/source.ts";

const YAML = `# a comment
admin:
  listen: 127.0.0.1:9900

shared: &checks
  timeout: 5

backendGroups:
  web:
    servers:
      - address: 10.0.0.11
        port: 80
      - { address: "10.0.0.12", port: 81 }
    healthCheck: *checks
  "odd name": {}
8080: number
empty:
`;

const JSON_TEXT = `{
  "admin": { "listen": "off" },
  "listeners": [
    { "name": "front", "port": 9000 }
  ]
}`;

/** Path, format, place of the value, place of the key. */
const PLACES: readonly (readonly [ConfigPath, ConfigFormat, string, string])[] = [
  [[], "yaml", "2:1", "2:1"],
  [["admin"], "yaml", "3:3", "2:1"],
  [["admin", "listen"], "yaml", "3:11", "3:3"],
  [["backendGroups", "web", "servers"], "yaml", "11:7", "10:5"],
  [["backendGroups", "web", "servers", 0], "yaml", "11:9", "11:9"],
  [["backendGroups", "web", "servers", 0, "port"], "yaml", "12:15", "12:9"],
  [["backendGroups", "web", "servers", 1], "yaml", "13:9", "13:9"],
  [["backendGroups", "web", "servers", 1, "address"], "yaml", "13:20", "13:11"],
  [["backendGroups", "odd name"], "yaml", "15:15", "15:3"],
  [["8080"], "yaml", "16:7", "16:1"],
  // An alias: the key stands where it is used, the value where it was written.
  [["backendGroups", "web", "healthCheck"], "yaml", "6:3", "14:5"],
  [["backendGroups", "web", "healthCheck", "timeout"], "yaml", "6:12", "6:3"],
  // What is not there stands at the nearest thing around it.
  [["admin", "token"], "yaml", "3:3", "2:1"],
  [["backendGroups", "web", "servers", 7, "port"], "yaml", "11:7", "10:5"],
  [["log", "level"], "yaml", "2:1", "2:1"],
  [["listeners", 0, "name"], "json", "4:15", "4:7"],
  [["listeners", 0, "port"], "json", "4:32", "4:24"],
  [["admin", "listen"], "json", "2:24", "2:14"],
];

Deno.test("ConfigSource.placeOf() and placeOfKey() point at values and keys", () => {
  const sources = {
    yaml: parseSource("weir.yaml", YAML, "yaml"),
    json: parseSource("weir.json", JSON_TEXT, "json"),
  };
  for (const [path, format, value, key] of PLACES) {
    const [at, keyAt] = [sources[format].placeOf(path), sources[format].placeOfKey(path)];
    assert.equal(`${at.line}:${at.column}`, value, `value at ${formatPath(path)}`);
    assert.equal(`${keyAt.line}:${keyAt.column}`, key, `key at ${formatPath(path)}`);
  }
});

Deno.test("parseSource() reads YAML 1.2, in which yes, no, on and off are words", () => {
  const { data } = parseSource("weir.yaml", "a: [yes, no, on, off, true, 0o17, 0x1f, 1_000, 12:30]", "yaml");
  assert.deepEqual(data, { a: ["yes", "no", "on", "off", true, 15, 31, "1_000", "12:30"] });
});

Deno.test("parseSource() reads an alias as what it stands for", () => {
  const { data } = parseSource("weir.yaml", YAML, "yaml");
  const { backendGroups } = data as { backendGroups: { web: { healthCheck: unknown } } };
  assert.deepEqual(backendGroups.web.healthCheck, { timeout: 5 });
});

Deno.test("parseSource() reads Windows line ends and a byte order mark", () => {
  const source = parseSource("weir.yaml", "\ufeffa: 1\r\nb:\r\n  c: 2\r\n", "yaml");
  assert.deepEqual(source.data, { a: 1, b: { c: 2 } });
  assert.deepEqual(source.placeOf(["b", "c"]), { line: 3, column: 6 });
});

Deno.test("parseSource() reads the same data from YAML as JSON.parse() from JSON, whatever it is", () => {
  const key = fc.stringMatching(/^[a-z][A-Za-z0-9 ._-]{0,8}$/);
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    ),
  })).value;
  fc.assert(fc.property(value, (data) => {
    const text = JSON.stringify(data, null, 2);
    for (const format of ["json", "yaml"] as const) {
      assert.deepEqual(parseSource(`weir.${format}`, text, format).data, JSON.parse(text));
    }
  }));
});

Deno.test("parseSource() refuses what is nested deeper than anybody can follow, at whatever depth", () => {
  for (const depth of [65, 500, 5000, 100_000]) {
    for (const format of ["yaml", "json"] as const) {
      const texts = ["[".repeat(depth) + "]".repeat(depth), `{"a":`.repeat(depth) + "1" + "}".repeat(depth)];
      for (const text of texts) {
        assert.throws(() => parseSource(`weir.${format}`, text, format), (error) => {
          assert.ok(error instanceof ConfigError, `${depth} levels of ${format}: ${error}`);
          assert.match(error.message, /^weir\.\w+:1:\d+: not valid \w+: nothing may be nested deeper than 64 levels$/);
          return true;
        });
      }
    }
  }
  const { data } = parseSource("weir.json", "[".repeat(64) + "]".repeat(64), "json");
  assert.ok(Array.isArray(data));
});

Deno.test("formatPath() writes a path as in a program", () => {
  const vectors: readonly (readonly [ConfigPath, string])[] = [
    [[], ""],
    [["admin"], "admin"],
    [["listeners", 0, "tls", "certificate"], "listeners[0].tls.certificate"],
    [["backendGroups", "odd name"], 'backendGroups["odd name"]'],
    [["ipGroups", "a.b", 1], 'ipGroups["a.b"][1]'],
    [["tags", ""], 'tags[""]'],
  ];
  for (const [path, text] of vectors) assert.equal(formatPath(path), text);
});
