/** Edits of a configuration's text: the entry changes, and nothing else does. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { sameData } from "../../../src/config/diff.ts";
import { type ConfigEdit, editText, withEdit } from "../../../src/config/persist.ts";
import type { ConfigFormat } from "../../../src/config/source.ts";
import { WeirError } from "../../../src/errors.ts";
import { projectPath } from "../../support/program.ts";

const WWW = { certFile: "certificates/www.pem", keyFile: "certificates/www.key" };

const ENTRY = "www: { certFile: certificates/www.pem, keyFile: certificates/www.key }";

interface Example {
  readonly title: string;
  readonly before: string;
  readonly edit: ConfigEdit;
  readonly after: string;
  readonly format?: ConfigFormat;
}

const put = { path: ["certificates", "www"], value: WWW };
const remove = { path: ["certificates", "www"], value: undefined };

const EXAMPLES: readonly Example[] = [
  {
    title: "a new entry comes after the others, in their style",
    before:
      "certificates: # mine\n  # first\n  api: { certFile: a.pem, keyFile: '${DIR}/a.key' } # one\n\nlisteners: []\n",
    edit: put,
    after:
      `certificates: # mine\n  # first\n  api: { certFile: a.pem, keyFile: '\${DIR}/a.key' } # one\n  ${ENTRY}\n\nlisteners: []\n`,
  },
  {
    title: "a new entry over several lines, as the others are",
    before: "certificates:\n    api:\n        certFile: a.pem\n        keyFile: a.key\n",
    edit: put,
    after: "certificates:\n    api:\n        certFile: a.pem\n        keyFile: a.key\n    www:\n" +
      "        certFile: certificates/www.pem\n        keyFile: certificates/www.key\n",
  },
  {
    title: "a section that is missing is added at the end, with a gap where others have one",
    before: "# top\nlog: { level: info }\n\nlisteners:\n  - name: a # the one\n    port: 1\n    # more to come\n",
    edit: put,
    after: "# top\nlog: { level: info }\n\nlisteners:\n  - name: a # the one\n    port: 1\n    # more to come\n\n" +
      "certificates:\n  www:\n    certFile: certificates/www.pem\n    keyFile: certificates/www.key\n",
  },
  {
    title: "an empty section is filled",
    before: "certificates: {} # none yet\nlisteners: []\n",
    edit: put,
    after: `certificates: { ${ENTRY} } # none yet\nlisteners: []\n`,
  },
  {
    title: "the file does not end with a newline",
    before: "certificates:\n  api: { certFile: a, keyFile: b }",
    edit: put,
    after: `certificates:\n  api: { certFile: a, keyFile: b }\n  ${ENTRY}\n`,
  },
  {
    title: "lines end as they do on Windows",
    before: "certificates:\r\n  api: { certFile: a, keyFile: b }\r\nlisteners: []\r\n",
    edit: put,
    after: `certificates:\r\n  api: { certFile: a, keyFile: b }\r\n  ${ENTRY}\r\nlisteners: []\r\n`,
  },
  {
    title: "a mapping in braces gets one more",
    before: "certificates: { api: { certFile: a, keyFile: b } } # all\n",
    edit: put,
    after: `certificates: { api: { certFile: a, keyFile: b }, ${ENTRY} } # all\n`,
  },
  {
    title: "braces over several lines, with a comment behind the last entry",
    before: "certificates: {\n  api: { certFile: a, keyFile: b } # one\n}\n",
    edit: put,
    after: `certificates: {\n  api: { certFile: a, keyFile: b }, # one\n  ${ENTRY}\n}\n`,
  },
  {
    title: "an entry is deleted with its lines, and comments stay",
    before:
      "certificates:\n  # shop\n  www:\n    certFile: a # here\n    keyFile: b\n  # api\n  api: { certFile: a, keyFile: b }\n",
    edit: remove,
    after: "certificates:\n  # shop\n  # api\n  api: { certFile: a, keyFile: b }\n",
  },
  {
    title: "the last entry is deleted",
    before: "certificates:\n  www: { certFile: a, keyFile: b }\nlisteners: []\n",
    edit: remove,
    after: "certificates: {}\nlisteners: []\n",
  },
  {
    title: "the last entry is deleted, below a comment",
    before: "certificates:\n  # none any more\n  www: { certFile: a, keyFile: b }\nlisteners: []\n",
    edit: remove,
    after: "certificates:\n  # none any more\n  {}\nlisteners: []\n",
  },
  {
    title: "one of several in braces is deleted",
    before: "certificates: { api: { certFile: a, keyFile: b }, www: { certFile: a, keyFile: b } }\n",
    edit: remove,
    after: "certificates: { api: { certFile: a, keyFile: b } }\n",
  },
  {
    title: "what is not there is not deleted",
    before: "certificates:   {}\n",
    edit: remove,
    after: "certificates:   {}\n",
  },
  {
    title: "what is the same already stays as it is written",
    before: "certificates: { www: { keyFile: 'certificates/www.key',   certFile: certificates/www.pem } }\n",
    edit: put,
    after: "certificates: { www: { keyFile: 'certificates/www.key',   certFile: certificates/www.pem } }\n",
  },
  {
    title: "a key of a list's item, by the item's name",
    before: "listeners:\n  - name: a # one\n    port: 1 # low\n  - { name: b, port: 2 }\n",
    edit: { path: ["listeners", "a", "port"], value: 7 },
    after: "listeners:\n  - name: a # one\n    port: 7 # low\n  - { name: b, port: 2 }\n",
  },
  {
    title: "an item takes the place of another, key by key",
    before: "listeners:\n  - name: a # one\n    port: 1 # low\n    backlog: 3\n  - { name: b, port: 2 }\n",
    edit: { path: ["listeners", "a"], value: { name: "a", port: 1, tags: { env: "yes: no", "1": "2" } } },
    after: "listeners:\n  - name: a # one\n    port: 1 # low\n" +
      '    tags: { "1": "2", env: "yes: no" }\n  - { name: b, port: 2 }\n',
  },
  {
    title: "a new item at the end of a list",
    before: "listeners:\n  - name: a # one\n    port: 1\n# end\n",
    edit: { path: ["listeners", "b"], value: { name: "b", port: 2 } },
    after: "listeners:\n  - name: a # one\n    port: 1\n  - name: b\n    port: 2\n# end\n",
  },
  {
    title: "an item is deleted",
    before: "listeners:\n  - name: a # one\n    port: 1\n\n  # two\n  - { name: b, port: 2 } # x\n# end\n",
    edit: { path: ["listeners", "b"], value: undefined },
    after: "listeners:\n  - name: a # one\n    port: 1\n\n  # two\n# end\n",
  },
  {
    title: "the first key of a list's item is deleted",
    before: "listeners:\n  - tags: {}\n    name: a # one\n",
    edit: { path: ["listeners", "a", "tags"], value: undefined },
    after: "listeners:\n  - name: a # one\n",
  },
  {
    title: "an alias gives way to a copy",
    before: "one: &x { k: 1 } # first\ntwo: *x # same\n",
    edit: { path: ["two", "l"], value: 2 },
    after: "one: &x { k: 1 } # first\ntwo: { k: 1, l: 2 } # same\n",
  },
  {
    title: "JSON over several lines",
    format: "json",
    before:
      '{\n    "certificates": {\n        "api": { "certFile": "a", "keyFile": "b" }\n    },\n    "listeners": []\n}\n',
    edit: put,
    after: '{\n    "certificates": {\n        "api": { "certFile": "a", "keyFile": "b" },\n' +
      '        "www": { "certFile": "certificates/www.pem", "keyFile": "certificates/www.key" }\n    },\n' +
      '    "listeners": []\n}\n',
  },
  {
    title: "JSON with tabs, and a section that is new",
    format: "json",
    before: '{\n\t"listeners": []\n}\n',
    edit: { path: ["clientCAs", "ca"], value: { certFile: "c" } },
    after: '{\n\t"listeners": [],\n\t"clientCAs": {\n\t\t"ca": {\n\t\t\t"certFile": "c"\n\t\t}\n\t}\n}\n',
  },
  {
    title: "JSON without any blanks",
    format: "json",
    before: '{"listeners":[],"certificates":{"www":{"certFile":"a","keyFile":"b"},"z":{"certFile":"a","keyFile":"b"}}}',
    edit: remove,
    after: '{"listeners":[],"certificates":{"z":{"certFile":"a","keyFile":"b"}}}',
  },
  {
    title: "JSON in a YAML file stays JSON",
    before: '{\n  "certificates": {\n    "api": {\n      "certFile": "a"\n    }\n  }\n}\n',
    edit: { path: ["certificates", "b"], value: { certFile: "c" } },
    after: '{\n  "certificates": {\n    "api": {\n      "certFile": "a"\n    },\n    "b": {\n      "certFile": "c"\n' +
      "    }\n  }\n}\n",
  },
];

for (const { title, before, edit, after, format = "yaml" } of EXAMPLES) {
  Deno.test(`editText(): ${title}`, () => {
    assert.equal(editText(before, format, [edit]), after);
    assert.deepEqual(parse(after), withEdit(parse(before), edit.path, edit.value));
  });
}

Deno.test("editText() makes several edits, one after the other", () => {
  const text = "certificates:\n  a: { certFile: a, keyFile: a }\n";
  const result = editText(text, "yaml", [put, { path: ["certificates", "a"], value: undefined }, put]);
  assert.equal(result, `certificates:\n  ${ENTRY}\n`);
});

Deno.test("editText() refuses what would change something else", () => {
  const text = "certificates:\n  www: &one { certFile: a, keyFile: b }\n  api: *one\n";
  assert.throws(
    () => editText(text, "yaml", [remove]),
    (error) =>
      error instanceof WeirError && error.kind === "write_failed" &&
      /^Cannot change certificates\.www without changing something else in the file; edit it by hand$/.test(
        error.message,
      ),
  );
});

Deno.test("withEdit() leaves the data that it is given alone", () => {
  const data = { a: { b: 1 }, l: [{ name: "x" }] };
  const copy = structuredClone(data);
  assert.deepEqual(withEdit(data, ["a", "c"], 2), { a: { b: 1, c: 2 }, l: [{ name: "x" }] });
  assert.deepEqual(withEdit(data, ["l", "x"], undefined), { a: { b: 1 }, l: [] });
  assert.deepEqual(withEdit(data, ["n", "m"], {}), { ...copy, n: { m: {} } });
  assert.deepEqual(withEdit(data, ["n", "m"], undefined), data);
  assert.deepEqual(data, copy);
});

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,8}$/);
const scalar = fc.oneof(
  fc.integer(),
  fc.boolean(),
  fc.string(),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom(
    "${NAME}",
    "a: b",
    "# no",
    "- x",
    "1.2",
    "yes",
    "",
    " ",
    "a\nb",
    "'",
    '"',
    "{",
    "}, [",
    "*a",
    "&a",
    "!",
  ),
);
const entry = fc.oneof(
  fc.record({ certFile: scalar, keyFile: scalar }, { requiredKeys: ["certFile"] }),
  fc.array(scalar, { maxLength: 3 }),
  fc.record({
    servers: fc.array(fc.record({ address: scalar, ports: fc.array(fc.nat(), { maxLength: 2 }) }), { maxLength: 3 }),
  }),
);
const section = fc.dictionary(name, entry, { maxKeys: 4 });
const listeners = fc.uniqueArray(name, { maxLength: 4 }).chain((names) =>
  fc.tuple(...names.map((one) => entry.map((value) => ({ name: one, ...(Array.isArray(value) ? {} : value) }))))
);
const config = fc.record({ certificates: section, ipGroups: section, listeners, description: scalar }, {
  requiredKeys: [],
});

/** Ways to write the same data. */
const layout = fc.constantFrom<[ConfigFormat, (data: unknown) => string]>(
  ["yaml", (data) => stringify(data)],
  ["yaml", (data) => stringify(data, { indent: 4, lineWidth: 0 })],
  ["yaml", (data) => stringify(data, { collectionStyle: "flow" })],
  ["yaml", (data) => stringify(data, { indentSeq: false }).replace(/\n(?=\S)/g, "\n\n# about what follows\n")],
  ["yaml", (data) => JSON.stringify(data, null, 2)],
  ["json", (data) => JSON.stringify(data)],
  ["json", (data) => JSON.stringify(data, null, 2) + "\n"],
  ["json", (data) => JSON.stringify(data, null, "\t")],
);

const edit = fc.oneof(
  fc.record({
    path: fc.tuple(fc.constantFrom("certificates", "ipGroups"), name),
    value: fc.option(entry, { nil: undefined }),
  }),
  name.chain((one) =>
    fc.record({
      path: fc.constant(["listeners", one]),
      value: fc.option(entry.map((value) => ({ name: one, ...(Array.isArray(value) ? {} : value) })), {
        nil: undefined,
      }),
    })
  ),
);

/** An edit that often is of something that is there. */
const editOf = (data: { readonly [key: string]: unknown }) =>
  fc.tuple(edit, fc.nat()).map(([{ path: [key = "", one], value }, seed]): ConfigEdit => {
    const there = data[key];
    const names = Array.isArray(there)
      ? there.map((item: { readonly name: string }) => item.name)
      : Object.keys(there ?? {});
    const chosen = seed % 2 === 0 ? names[seed % Math.max(names.length, 1)] : undefined;
    const named = chosen !== undefined && key === "listeners" && value !== undefined
      ? { ...value, name: chosen }
      : value;
    return { path: [key, chosen ?? one ?? ""], value: named };
  });

const cases = fc.tuple(config, layout).chain(([data, style]) =>
  fc.record({
    data: fc.constant(data),
    style: fc.constant(style),
    edits: fc.array(editOf(data), { minLength: 1, maxLength: 3 }),
  })
);

Deno.test("editText() makes the text mean what was wanted, whatever it looks like", () => {
  fc.assert(
    fc.property(cases, ({ data, style: [format, write], edits }) => {
      const text = write(data);
      // Numbers such as -0 and keys such as "1" come out of a text as the parser has them.
      const wanted = edits.reduce<unknown>((now, { path, value }) => withEdit(now, path, value), parse(text));
      const result = editText(text, format, edits);
      assert.ok(sameData(parse(result), wanted), result);
      if (format === "json") JSON.parse(result);
    }),
    { numRuns: 500 },
  );
});

Deno.test("editText() leaves every line as it was that is not the entry's own", () => {
  const text = Deno.readTextFileSync(projectPath("config/weir.example.yaml"));
  const lines = text.split("\n");
  const data = parse(text);
  const sections = ["certificates", "ipGroups", "backendGroups"].filter((key) => key in data);
  assert.ok(sections.length > 1, "the example has something to edit");
  fc.assert(
    fc.property(fc.constantFrom(...sections), name, entry, (key, one, value) => {
      fc.pre(!(one in data[key]));
      const added = editText(text, "yaml", [{ path: [key, one], value }]);
      const rest = added.split("\n");
      let at = 0;
      for (const line of rest) if (line === lines[at]) at++;
      assert.equal(at, lines.length, "every line is still there, in its order");
      assert.equal(editText(added, "yaml", [{ path: [key, one], value: undefined }]), text, "and back again");
    }),
    { numRuns: 100 },
  );
  for (const key of sections) {
    for (const one of Object.keys(data[key])) {
      const without = editText(text, "yaml", [{ path: [key, one], value: undefined }]).split("\n");
      let at = 0;
      for (const line of lines) if (line === without[at]) at++;
      const onlyOne = Object.keys(data[key]).length === 1;
      if (!onlyOne) assert.equal(at, without.length, `without ${one} there is nothing but lines of before`);
      const comments = (all: string[]) => all.filter((line) => /^\s*#/.test(line)).length;
      assert.equal(comments(without), comments(lines));
    }
  }
});
