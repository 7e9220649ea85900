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
import { makeCaseFiles } from "../../config/cases.ts";
import { errorsIn, loadText } from "../../config/load_text.ts";
import { CASE_FILE, readConvertCases } from "../../convert/cases.ts";
import { shown } from "../../support/documentation.ts";

const caseFiles = await makeCaseFiles();
const both = `${caseFiles["certs/good.pem"]}${caseFiles["certs/good.key"]}`;
const ca = caseFiles["certs/ca.pem"] ?? "";

/** The files that a configuration names: a CA, or a certificate with its key. */
function filesNamedIn(yaml: string): Record<string, string> {
  const isCa = (path: string) => /ca\//.test(path) || path.endsWith("ca.pem");
  const names = [...yaml.matchAll(/certFile: "?([^\s",}]+)/g)].map(([, path = ""]) => path);
  return Object.fromEntries(names.map((path) => [path, isCa(path) ? ca : both]));
}

const problemsOf = (yaml: string) => {
  const resolved = yaml.replaceAll("${CERTS:-/etc/ssl}", "/etc/ssl");
  return errorsIn(resolved, { files: filesNamedIn(resolved) });
};

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

const pick = <const Words extends readonly string[]>(...words: Words) => fc.constantFrom(...words);
const some = (values: readonly string[]) => fc.subarray([...values]).map((words) => words.join(" "));
const port = fc.oneof(fc.integer({ min: 1, max: 65535 }).map(String), pick("80", "443", "8080"));

const bind = fc.tuple(
  pick("", "*", "127.0.0.1", "::", "[::1]", "10.0.0.9", "localhost"),
  fc.oneof(port, pick("9900", "7000-7003", "7002-7005")),
  pick("", "ssl crt www.pem", "ssl crt www.pem crt b.pem ca-file ca.pem verify required ssl-min-ver TLSv1.3", "ssl"),
  some(["accept-proxy", "backlog 70000", "maxconn 0", "alpn h2,http/1.1", "v6only", "name n", "tfo", "what ever"]),
).map(([address, ports, tls, more]) => `bind ${address}:${ports} ${tls} ${more}`);

const server = fc.tuple(
  pick("10.0.0.1", "10.0.0.2", "[2001:db8::1]", "app.internal", "App.internal", "unix@/x", "0.0.0.0"),
  fc.oneof(port.map((text) => `:${text}`), pick("", ":+1000", ":-1", ":0", ":http")),
  pick("", "weight 0", "weight 1", "weight 256", "weight 77"),
  some([
    ...["check inter 200ms rise 1 fall 50", "check port 99999", "backup", "disabled", "send-proxy", "slowstart 1h"],
    ...["send-proxy-v2 proxy-v2-options crc32c", "ssl verify none", "ssl ca-file ca.pem sni str(a.b)", "maxconn 3"],
    ...["ssl sni str(http://x)", "no-check", "resolvers x", "nonsense 1 2"],
  ]),
).map(([address, text, weight, more]) => `server s ${address}${text} ${weight} ${more}`);

const rule = pick(
  "acl a src 10.0.0.0/8 ::1",
  "acl a src -f list.txt 10.0.0.1",
  "acl b hdr(host) x",
  "tcp-request connection reject if a",
  "tcp-request connection accept if a or b",
  "tcp-request connection reject unless { src 192.0.2.0/255.255.255.0 }",
  "tcp-request connection reject",
  "tcp-request connection expect-proxy layer4 if { src 10.0.0.1 }",
);

const setting = pick(
  ...["balance leastconn", "balance source", "balance hdr(x)", "maxconn 5", "maxconn 0", "maxconn 99999999"],
  ...["backlog 1", "rate-limit sessions 9", "timeout client 1", "timeout server 9d", "timeout connect 1us"],
  ...["timeout tunnel 0", "timeout check 1h", "option tcplog", "no option tcplog", "option httpchk", "description ü"],
  ...["default_backend b0", "default_backend gone", "use_backend b1", "use_backend b1 if a", "mode tcp", "disabled"],
);

const section = fc.tuple(
  pick("listen l", "listen l:l", "frontend f", "backend b"),
  fc.array(fc.oneof(bind, server, rule, setting, server, bind), { maxLength: 12 }),
);

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
    fc.property(
      fc.array(section, { minLength: 1, maxLength: 4 }),
      fc.array(setting, { maxLength: 3 }),
      (all, common) => {
        const text = [
          "global",
          "defaults",
          ...common.filter((one) => one !== "disabled"),
          ...all.flatMap(([head, lines], index) => [`${head}${index}`, ...lines]),
          "backend b1",
          "server a 10.0.0.7:80",
        ].join("\n");
        const translation = translate(CASE_FILE, text);
        const yaml = toYaml(CASE_FILE, translation);
        translated += translation.listeners.length;
        const problems = errorsIn(yaml, { files: { "list.txt": "10.0.0.0/8\n", ...filesNamedIn(yaml) } });
        assert.deepEqual(problems, [], `${text}\n\n${yaml}`);
      },
    ),
    { numRuns: 300 },
  );
  assert.ok(translated > 100, `only ${translated} listeners came of it`);
});
