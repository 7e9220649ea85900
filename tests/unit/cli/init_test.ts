/** The questions of `weir init`, and what is written from their answers. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { askForAnswers } from "../../../src/cli/init/dialogue.ts";
import { DEFAULT_ANSWERS, type StarterAnswers, starterConfig } from "../../../src/cli/init/starter_config.ts";
import { makeCaseFiles } from "../../config/cases.ts";
import { errorsIn, loadText } from "../../config/load_text.ts";

const caseFiles = await makeCaseFiles();
const files = {
  "certs/www.pem": caseFiles["certs/good.pem"] ?? "",
  "certs/www.key": caseFiles["certs/good.key"] ?? "",
  "my certs/it's #1.pem": caseFiles["certs/good.pem"] ?? "",
};

/** A conversation: what is typed, in order; `null` is the end of input. */
function converse(typed: readonly (string | null)[]) {
  const queue = [...typed];
  const said: string[] = [];
  const answers = askForAnswers({
    ask: (question, fallback) => {
      said.push(`${question}?`);
      const next = queue.shift();
      assert.notEqual(next, undefined, `asked more than expected: ${said.join("\n")}`);
      return next === "" || next === undefined ? fallback : next;
    },
    say: (text) => said.push(text),
    problemsIn: (answers) => errorsIn(starterConfig(answers), { files }).map((line) => line.replace(/^\S+ \S+ /, "")),
  });
  assert.deepEqual(queue, [], "everything typed was asked for");
  return { answers, said };
}

const CONVERSATIONS: readonly (readonly [title: string, typed: readonly (string | null)[], answers: unknown])[] = [
  ["Enter alone gives the defaults", ["", "", ""], { ...DEFAULT_ANSWERS, tls: undefined }],
  [
    "servers with blanks and commas, of both families and by name",
    ["10.0.0.1:80,  [2001:db8::1]:81 app.internal:82 ", "443", "no"],
    {
      servers: [
        { address: "10.0.0.1", port: 80 },
        { address: "2001:db8::1", port: 81 },
        { address: "app.internal", port: 82 },
      ],
      port: 443,
      tls: undefined,
    },
  ],
  [
    "TLS with the usual files",
    ["", "", "y", "", ""],
    { ...DEFAULT_ANSWERS, tls: { certFile: "certs/www.pem", keyFile: "certs/www.key" } },
  ],
  [
    "TLS with files whose names want quotes",
    ["", "", "YES", " my certs/it's #1.pem ", "certs/www.key"],
    { ...DEFAULT_ANSWERS, tls: { certFile: "my certs/it's #1.pem", keyFile: "certs/www.key" } },
  ],
];

for (const [title, typed, wanted] of CONVERSATIONS) {
  Deno.test(`askForAnswers(): ${title}, and the file is valid`, () => {
    const { answers } = converse(typed);
    assert.deepEqual({ tls: undefined, ...answers }, wanted);
    assert.ok(answers);
    assert.deepEqual(loadText(starterConfig(answers), { files }).warnings, []);
  });
}

const ASKED_AGAIN: readonly (readonly [title: string, typed: readonly string[], said: RegExp])[] = [
  ["a server without a port", ["10.0.0.1", "", "", ""], /an address and a port such as .*, got "10\.0\.0\.1"/],
  ["an IPv6 server without brackets", ["2001:db8::1:80", "", "", ""], /\[2001:db8::11\]:80, got "2001:db8::1:80"/],
  ["a server that is no address", ["10.0.0.300:80", "", "", ""], /address or a host name, got "10\.0\.0\.300"/],
  ["a server's port out of range", ["10.0.0.1:70000", "", "", ""], /between 1 and 65535, got 70000/],
  ["the same server twice", ["10.0.0.1:80 10.0.0.1:80", "", "", ""], /10\.0\.0\.1/],
  ["a comma and nothing else", [",", "", "", ""], /at least one address and port/],
  ["a port out of range", ["", "0", "8443", ""], /between 1 and 65535, got 0/],
  ["a port that is a word", ["", "https", "443", ""], /between 1 and 65535, got "https"/],
  ["neither yes nor no", ["", "", "maybe", ""], /must be y or n, got "maybe"/],
  ["a certificate that is not there", ["", "", "y", "nowhere.pem", "", "n"], /nowhere\.pem/],
  ["certificate and key swapped", ["", "", "y", "certs/www.key", "certs/www.pem", "n"], /certificate|key/],
];

for (const [title, typed, wanted] of ASKED_AGAIN) {
  Deno.test(`askForAnswers() says what is wrong and asks again: ${title}`, () => {
    const { answers, said } = converse(typed);
    assert.ok(answers);
    assert.match(said.filter((line) => !line.endsWith("?")).join("\n"), wanted);
  });
}

Deno.test("askForAnswers() gives up wherever input ends", () => {
  for (const typed of [[null], ["", null], ["", "", null], ["", "", "y", null], ["", "", "y", "", null]]) {
    assert.equal(converse(typed).answers, undefined, JSON.stringify(typed));
  }
});

Deno.test("starterConfig() means what it was given, whatever the names of files and hosts", () => {
  const host = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.constantFrom("true", "null", "no", "app", "1e3", "0x1f.example", "x-1.internal", "-"),
  );
  const servers = fc.uniqueArray(fc.record({ address: host, port: fc.integer({ min: 1, max: 65535 }) }), {
    minLength: 1,
    selector: ({ port }) => port,
  });
  const name = fc.string({ minLength: 1, unit: "binary" }).filter((text) =>
    !/[\0\ufffe\uffff\ud800-\udfff]/.test(text)
  );
  fc.assert(fc.property(servers, fc.integer({ min: 1, max: 65535 }), name, (servers, port, file) => {
    const answers: StarterAnswers = { servers, port, tls: { certFile: file, keyFile: file } };
    const pem = `${files["certs/www.pem"]}${files["certs/www.key"]}`;
    const problems = errorsIn(starterConfig(answers), { files: { [file]: pem } });
    // "-" is no host; nothing else may go wrong.
    const isWrong = servers.some(({ address }) => address === "-");
    assert.deepEqual(problems.filter((line) => !isWrong || !line.includes("address")), []);
    if (isWrong) return;
    const { config } = loadText(starterConfig(answers), { files: { [file]: pem } });
    assert.deepEqual(
      config.backendGroups["web"]?.servers.map(({ address, port }) => [address, port]),
      servers.map(({ address, port }) => [address, port]),
    );
    assert.equal(config.listeners[0]?.port, port);
    assert.deepEqual(config.certificates["www"], { certFile: file, keyFile: file });
  }));
});
