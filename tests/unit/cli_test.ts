/** Reading command lines and printing for people. @module */

import assert from "node:assert/strict";
import { type Command, CONFIG_FLAG, helpText, JSON_FLAG, readCommandLine } from "../../src/cli/command.ts";
import { formatBytes, formatDuration, table } from "../../src/cli/output.ts";
import { WeirError } from "../../src/errors.ts";

const COMMAND: Command = {
  name: "show",
  summary: "Show something",
  usage: "[THING] [-c FILE] [--json]",
  flags: [CONFIG_FLAG, JSON_FLAG, { name: "admin", value: "URL", help: "where to ask" }],
  maxRest: 1,
  run: () => 0,
};

interface Accepted {
  readonly words: readonly string[];
  readonly values?: Readonly<Record<string, string>>;
  readonly switches?: readonly string[];
  readonly rest?: readonly string[];
}

const ACCEPTED: readonly Accepted[] = [
  { words: [] },
  { words: ["--config", "a.yaml"], values: { config: "a.yaml" } },
  { words: ["--config=a.yaml"], values: { config: "a.yaml" } },
  { words: ["--config=a=b.yaml"], values: { config: "a=b.yaml" } },
  { words: ["-c", "a.yaml"], values: { config: "a.yaml" } },
  { words: ["-c", "a.yaml", "-c", "b.yaml"], values: { config: "b.yaml" } },
  { words: ["--json"], switches: ["json"] },
  {
    words: ["--json", "thing", "--admin", "http://x"],
    values: { admin: "http://x" },
    switches: ["json"],
    rest: ["thing"],
  },
  { words: ["thing", "--json"], switches: ["json"], rest: ["thing"] },
  { words: ["-"], rest: ["-"] },
  { words: ["--", "--json"], rest: ["--json"] },
  { words: ["--config", "-strange.yaml"], values: { config: "-strange.yaml" } },
];

for (const { words, values = {}, switches = [], rest = [] } of ACCEPTED) {
  Deno.test(`readCommandLine() takes "${words.join(" ")}"`, () => {
    const given = readCommandLine(COMMAND, words);
    assert.deepEqual(Object.fromEntries(given.values), values);
    assert.deepEqual([...given.switches], switches);
    assert.deepEqual(given.rest, rest);
  });
}

const REFUSED: readonly (readonly [words: readonly string[], message: string])[] = [
  [["--confg", "a"], 'Unknown flag "--confg" for "weir show" (did you mean "--config"?)'],
  [["--jsno"], 'Unknown flag "--jsno" for "weir show" (did you mean "--json"?)'],
  [["--jsno=1"], 'Unknown flag "--jsno" for "weir show" (did you mean "--json"?)'],
  [["--something-else"], 'Unknown flag "--something-else" for "weir show"; "weir help show" lists its flags'],
  [["--undefined"], 'Unknown flag "--undefined" for "weir show"; "weir help show" lists its flags'],
  [["-undefined"], 'Unknown flag "-undefined" for "weir show"; "weir help show" lists its flags'],
  [["--config"], "--config needs a value: --config FILE"],
  [["-c"], "--config needs a value: --config FILE"],
  [["--config="], "--config needs a value: --config FILE"],
  [["--config", ""], "--config needs a value: --config FILE"],
  [["--json=yes"], '--json takes no value, got "yes"'],
  [["one", "two"], '"weir show" does not take "two"'],
  [["--", "one", "--json"], '"weir show" does not take "--json"'],
];

for (const [words, message] of REFUSED) {
  Deno.test(`readCommandLine() refuses "${words.join(" ")}" in one line`, () => {
    assert.throws(() => readCommandLine(COMMAND, words), (error) => {
      assert.ok(error instanceof WeirError);
      assert.equal(error.kind, "usage");
      assert.equal(error.message, message);
      return true;
    });
  });
}

Deno.test("helpText() shows every flag in one column, --help as well", () => {
  assert.equal(
    helpText(COMMAND),
    `Show something

Usage: weir show [THING] [-c FILE] [--json]

Flags:
  -c, --config FILE  ${CONFIG_FLAG.help}
      --json         print JSON, for programs
      --admin URL    where to ask
  -h, --help         show this help
`,
  );
});

Deno.test("table() aligns texts to the left and numbers to the right, without blanks at the end", () => {
  const rows = [
    ["LISTENER", "ACTIVE", "BYTES", "STATE"],
    ["web", "7", "1.5 MB", "accepting"],
    ["a-long-name", "12,345", "12 B", "ok"],
  ];
  assert.equal(
    table(rows),
    [
      "LISTENER     ACTIVE   BYTES  STATE",
      "web               7  1.5 MB  accepting",
      "a-long-name  12,345    12 B  ok",
    ].join("\n"),
  );
});

Deno.test("table() takes no rows, a heading alone, and rows of different lengths", () => {
  assert.equal(table([]), "");
  assert.equal(table([["NAME", "STATE"]]), "NAME  STATE");
  assert.equal(table([["A", "B"], ["x"]]), "A  B\nx");
  assert.equal(table([["A"], ["x", "more"]]), "A\nx  more");
});

const BYTES: readonly (readonly [number, string])[] = [
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [1500, "1.5 kB"],
  [1_000_000, "1.0 MB"],
  [2_340_000_000, "2.3 GB"],
  [5e12, "5.0 TB"],
  [7e15, "7000.0 TB"],
  [999_960, "1.0 MB"],
];

for (const [bytes, expected] of BYTES) {
  Deno.test(`formatBytes(${bytes}) is ${expected}`, () => assert.equal(formatBytes(bytes), expected));
}

const DURATIONS: readonly (readonly [number, string])[] = [
  [0, "0s"],
  [0.9, "0s"],
  [59, "59s"],
  [60, "1m 0s"],
  [245, "4m 5s"],
  [3600, "1h 0m"],
  [3 * 3600 + 59 * 60 + 59, "3h 59m"],
  [86_400 * 2 + 3 * 3600, "2d 3h"],
  [86_400 * 400, "400d 0h"],
];

for (const [seconds, expected] of DURATIONS) {
  Deno.test(`formatDuration(${seconds}) is ${expected}`, () => assert.equal(formatDuration(seconds), expected));
}
