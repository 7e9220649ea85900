/** `weir convert`: HAProxy's configuration, as a configuration of Weir. @module */

import assert from "node:assert/strict";
import { translate } from "../../../src/cli/convert/translate.ts";
import { toConfig, toYaml } from "../../../src/cli/convert/write.ts";
import { parseSource } from "../../../src/config/source.ts";
import { WeirError } from "../../../src/errors.ts";
import { errorsIn } from "../../config/load_text.ts";
import { CASE_FILE, readConvertCases } from "../../convert/cases.ts";
import { filesNamedIn, haproxyConfigs } from "../../convert/generated.ts";
import { type FuzzTarget, inputOf, shapeOf, textOf } from "../target.ts";

/** What a remark asks for before the result can serve. */
const ASKS = /clientCAs/;

function check(input: Uint8Array): string {
  const text = textOf(input);
  let translation;
  try {
    translation = translate(CASE_FILE, text);
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    assert.match(error.message, /^haproxy\.cfg:[1-9]\d*: [^\n]+$/);
    return shapeOf(error.message);
  }
  const { remarks } = translation;
  const lines = text.split("\n").length;
  for (const { line, message } of remarks) {
    assert.ok(line >= 1 && line <= lines && message !== "", `${line}: ${message}`);
  }
  const yaml = toYaml(CASE_FILE, translation);
  assert.deepEqual(parseSource("weir.yaml", yaml, "yaml").data, JSON.parse(JSON.stringify(toConfig(translation))));
  const commented = new Set([...yaml.matchAll(/^ *# line (\d+): /gm)].map(([, line]) => Number(line)));
  for (const { line } of remarks) assert.ok(commented.has(line), `no comment for line ${line}`);
  // A variable has its value where Weir runs, and a remark may ask for something.
  if (!yaml.includes("${") && !remarks.some(({ message }) => ASKS.test(message))) {
    const problems = errorsIn(yaml, { files: { "list.txt": "10.0.0.0/8\n", ...filesNamedIn(yaml) } });
    assert.deepEqual(problems.filter((problem) => !/cannot read|at most 4096 characters/.test(problem)), [], yaml);
  }
  return shapeOf(remarks.map(({ message }) => shapeOf(message).slice(0, 30)).join("|"));
}

/** The target. */
export const convertTarget: FuzzTarget = {
  name: "convert",
  holds: "translated, with a comment for every remark and a result that Weir takes, or refused with the line",
  isText: true,
  seeds: () => readConvertCases().map(({ text }) => inputOf(text)),
  words: [
    ...[
      "listen ",
      "frontend ",
      "backend ",
      "defaults ",
      "global\n",
      "\nbind ",
      "\nserver ",
      "default_backend ",
      "mode tcp\n",
    ],
    ...[
      "acl ",
      "tcp-request connection ",
      "reject",
      "accept",
      " if ",
      " unless ",
      "{ src ",
      " }",
      "! ",
      " or ",
      " from ",
    ],
    ...[
      "ssl crt ",
      "ca-file ",
      "verify ",
      "required",
      "sni str(",
      "send-proxy",
      "check",
      "weight ",
      "inter ",
      "disabled",
    ],
    ...["timeout ", "client ", "5s", "1d", "option ", "no ", "balance ", "maxconn ", "${A}", '"$A"', "\\x41", "'", '"'],
    ...["[::1]:80", ":80-90", "*:", "ipv6@", "unix@/x", "1-65535", "+1000", "resolvers", "server-template s 1-5 a:80"],
  ],
  generated: haproxyConfigs.map(inputOf),
  longest: 60_000,
  check,
};
