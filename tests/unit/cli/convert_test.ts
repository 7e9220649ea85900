/** `weir convert`: HAProxy's words, whole configurations, and that whatever comes out is a configuration of Weir. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Remarks } from "../../../src/cli/convert/remarks.ts";
import { readServers, scaleWeights } from "../../../src/cli/convert/server_lines.ts";
import { readProxy } from "../../../src/cli/convert/proxy.ts";
import { readSections } from "../../../src/cli/convert/sections.ts";
import { tokenize } from "../../../src/cli/convert/tokenize.ts";
import { translate } from "../../../src/cli/convert/translate.ts";
import { readPlace, readTime, toSeconds } from "../../../src/cli/convert/values.ts";
import { toConfig, toYaml } from "../../../src/cli/convert/write.ts";
import { WeirError } from "../../../src/errors.ts";
import { errorsIn, loadText } from "../../config/load_text.ts";
import { CASE_FILE, readConvertCases } from "../../convert/cases.ts";
import { filesNamedIn, haproxyConfigs, pick, problemsOf } from "../../convert/generated.ts";
import { shown } from "../../support/documentation.ts";

for (const { name, text, yaml, lines } of readConvertCases()) {
  Deno.test(`convert ${name}`, () => {
    if (yaml === undefined) {
      assert.throws(() => translate(CASE_FILE, text), (error) => {
        assert.ok(error instanceof Error);
        assert.deepEqual([error.message], lines);
        return true;
      });
      return;
    }
    const translation = translate(CASE_FILE, text);
    assert.equal(toYaml(CASE_FILE, translation), yaml);
    assert.deepEqual(translation.remarks.map(({ line, message }) => `${line}: ${message}`), lines);
    assert.deepEqual(problemsOf(yaml), []);
    for (const { line, message } of translation.remarks) {
      const comment = `# line ${line}: ${message}`;
      assert.equal(yaml.split("\n").filter((one) => one.trim() === comment).length, 1, comment);
    }
  });
}

Deno.test("the comments take nothing away: YAML and --json say the same", () => {
  for (const { text, yaml } of readConvertCases()) {
    if (yaml === undefined || yaml.includes("${")) continue;
    const files = { files: filesNamedIn(yaml) };
    const json = JSON.stringify(toConfig(translate(CASE_FILE, text)));
    assert.deepEqual(loadText(yaml, files).config, loadText(json, { ...files, file: "weir.json" }).config);
  }
});

Deno.test("the page for those who come from HAProxy shows a case that is tested", () => {
  const tested = readConvertCases().find(({ name }) => name === "102-side-by-side");
  assert.equal(shown("docs/coming-from.md", "global\n"), tested?.text);
  assert.equal(shown("docs/coming-from.md", "# Translated from"), tested?.yaml);
});

const WORDS: readonly (readonly [line: string, words: readonly string[] | string])[] = [
  ["  server a  10.0.0.1:80\tcheck ", ["server", "a", "10.0.0.1:80", "check"]],
  ["# nothing", []],
  ["a # b", ["a"]],
  ["a\\#b", ["a#b"]],
  ["a#b", ["a"]],
  ["a\\ b", ["a b"]],
  ["'a b'c", ["a bc"]],
  [`"it's"`, ["it's"]],
  [`'say "x"\\n'`, [`say "x"\\n`]],
  [`"a\\"b"`, [`a"b`]],
  ["\\x41\\t\\\\", ["A\t\\"]],
  ["\\d+", ["\\d+"]],
  [`""`, [""]],
  [`"$HOME/x" "\${A}" "\${B-c}" "\\$D" '$E' $F`, ["${HOME}/x", "${A}", "${B:-c}", "$D", "$E", "$F"]],
  [`"a`, 'a quote (") is opened and never closed'],
  ["'a", "a quote (') is opened and never closed"],
];

for (const [line, expected] of WORDS) {
  Deno.test(`tokenize(${line})`, () => {
    const tokens = tokenize(line);
    assert.deepEqual(typeof tokens === "string" ? tokens : tokens.words, expected);
  });
}

Deno.test("readTime() takes HAProxy's units, milliseconds without one", () => {
  for (
    const [text, expected] of [
      ["1500", 1500],
      ["1500us", 1.5],
      ["20ms", 20],
      ["5s", 5000],
      ["2m", 120_000],
      ["3h", 10_800_000],
      ["1d", 86_400_000],
      ["5 s", undefined],
      ["1.5s", undefined],
      ["", undefined],
    ] as const
  ) assert.equal(readTime(text), expected, text);
});

Deno.test("toSeconds() rounds up and keeps within the range, and says so", () => {
  assert.deepEqual(toSeconds(5000, [1, 60]), { seconds: 5, note: undefined });
  assert.equal(toSeconds(1001, [1, 60]).seconds, 2);
  assert.match(toSeconds(1001, [1, 60]).note ?? "", /1\.001 s/);
  assert.equal(toSeconds(90_000, [1, 60]).seconds, 60);
  assert.equal(toSeconds(1, [10, 4000]).seconds, 10);
});

Deno.test("readPlace() takes every form of an address with a port", () => {
  for (
    const [text, expected] of [
      [":80", ["", "80"]],
      ["*:80", ["*", "80"]],
      ["10.0.0.1:80", ["10.0.0.1", "80"]],
      [":::80", ["::", "80"]],
      ["[::1]:80", ["::1", "80"]],
      ["::1:80", ["::1", "80"]],
      ["[::1]", ["::1", ""]],
      ["app", ["app", ""]],
      ["ipv6@:80", ["", "80"]],
      ["ipv4@10.0.0.1:+5", ["10.0.0.1", "+5"]],
      ["${HOST:-a}", ["${HOST:-a}", ""]],
      ["${HOST:-a}:80", ["${HOST:-a}", "80"]],
      ["/run/x.sock", undefined],
      ["unix@/run/x.sock", undefined],
      ["abns@x", undefined],
      ["fd@3", undefined],
    ] as const
  ) {
    const place = readPlace(text);
    assert.deepEqual(place === undefined ? undefined : [place.address, place.port], expected, text);
  }
});

Deno.test("clients are still asked for certificates where the CAs are no file, and it is said", () => {
  const text = "listen x\nbind :1 ssl crt a.pem ca-file @system-ca verify required\nserver a 10.0.0.1:80\n";
  const { remarks, listeners } = translate(CASE_FILE, text);
  assert.ok(remarks.some(({ line, message }) => line === 2 && message.includes("name that of the CAs in clientCAs")));
  assert.deepEqual(listeners.map(({ value }) => value["tls"]), [
    { certificate: "a", authentication: "mutual", clientCA: "system-ca" },
  ]);
});

/** The servers of one section with these `server` lines. */
function serversOf(lines: readonly string[]) {
  const remarks = new Remarks();
  const [section] = readSections(CASE_FILE, ["backend x", ...lines].join("\n"), remarks);
  assert.ok(section !== undefined);
  return readServers(readProxy(section, remarks), remarks);
}

Deno.test("scaleWeights() keeps proportions, exactly where whole numbers up to 100 can", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 256 }), { minLength: 1, maxLength: 8 }), (weights) => {
    const servers = serversOf(weights.map((weight, index) => `server s${index} 10.0.0.${index}:80 weight ${weight}`));
    const scaled = scaleWeights(servers, new Remarks()).map((weight) => weight ?? Number.NaN);
    const most = Math.max(...weights);
    for (const [index, weight] of weights.entries()) {
      const now = scaled[index] ?? Number.NaN;
      assert.ok(now >= 0 && now <= 100, `${weight} became ${now}`);
      assert.equal(now === 0, weight === 0);
      const expected = most === 0 ? 0 : weight / most;
      const is = most === 0 ? 0 : now / Math.max(...scaled);
      assert.ok(Math.abs(is - expected) <= 0.01, `${weight} of ${most} became ${now}`);
    }
  }));
});

Deno.test("no file makes the translator fail in another way than with one line that names the place", () => {
  const word = fc.oneof(
    fc.string(),
    pick(
      "listen",
      "defaults",
      "frontend",
      "global",
      "bind",
      "server",
      "a",
      "from",
      ":80",
      "acl",
      "src",
      "if",
      "!",
      "{",
    ),
    pick("tcp-request", "connection", "reject", "use_backend", "timeout", "option", "no", "ssl", "crt", "constructor"),
  );
  const line = fc.array(word, { maxLength: 6 }).map((words) => words.join(" "));
  fc.assert(fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
    const text = ["listen first", ...lines].join("\n");
    try {
      const yaml = toYaml(CASE_FILE, translate(CASE_FILE, text));
      assert.ok(yaml.startsWith("# Translated"));
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      assert.match(error.message, /^haproxy\.cfg:\d+: [^\n]+$/);
    }
  }));
});

Deno.test("whatever is translated is a configuration that Weir takes", () => {
  let translated = 0;
  fc.assert(
    fc.property(haproxyConfigs, (text) => {
      const translation = translate(CASE_FILE, text);
      const yaml = toYaml(CASE_FILE, translation);
      translated += translation.listeners.length;
      const problems = errorsIn(yaml, { files: { "list.txt": "10.0.0.0/8\n", ...filesNamedIn(yaml) } });
      assert.deepEqual(problems, [], `${text}\n\n${yaml}`);
    }),
    { numRuns: 300 },
  );
  assert.ok(translated > 100, `only ${translated} listeners came of it`);
});
