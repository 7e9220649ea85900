/** What the documentation shows is right: configurations, command lines, links. @module */

import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { readCommandLine } from "../../src/cli/command.ts";
import { COMMANDS, HELP } from "../../src/cli/commands.ts";
import { makeCaseFiles } from "../config/cases.ts";
import { errorsIn } from "../config/load_text.ts";
import { projectPath } from "../support/program.ts";

const PAGES = [
  "README.md",
  ...[...Deno.readDirSync(projectPath("docs"))].filter(({ name }) => name.endsWith(".md")).map(({ name }) =>
    `docs/${name}`
  ),
].sort();

const read = (page: string) => Deno.readTextFileSync(projectPath(page));

interface Block {
  readonly place: string;
  readonly language: string;
  readonly text: string;
}

/** The code blocks of a page, with what they are indented by taken away. */
function blocksOf(page: string): Block[] {
  const text = read(page);
  return [...text.matchAll(/^( *)```(\w+)\n([\s\S]*?)^ *```$/gm)].map((
    [, indent = "", language = "", body = ""],
    index,
  ) => ({
    place: `${page}, block ${index + 1}`,
    language,
    text: body.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  }));
}

const blocks = PAGES.flatMap(blocksOf);

const caseFiles = await makeCaseFiles();
const [certificate = "", key = "", ca = ""] = ["good.pem", "good.key", "ca.pem"].map((name) =>
  caseFiles[`certs/${name}`]
);

/** Whatever a page calls its files: a key, a CA, a list of addresses, or a certificate. */
function filesNamedIn(text: string): Record<string, string> {
  const named = [...text.matchAll(/(certFile|keyFile|file|accessFile): *"?([^\s",}]+)/g)];
  const files: Record<string, string> = {};
  for (const [, kind = "", path = ""] of named) {
    const isCa = new RegExp(`clientCAs:[\\s\\S]*${RegExp.escape(path)}`).test(text);
    const content = kind === "keyFile" ? key : kind === "file" ? "203.0.113.0/24\n" : isCa ? ca : certificate;
    // A file may be named as both the certificate's and the key's.
    files[path] = `${files[path] ?? ""}${content}`;
  }
  return files;
}

for (const { place, text } of blocks.filter(({ language }) => language === "yaml")) {
  Deno.test(`${place}: the configuration is valid`, () => {
    const errors = errorsIn(text, { files: filesNamedIn(text), environment: { WEIR_ADMIN_TOKEN: "secret" } });
    // A page may leave out what it is not about, as a whole.
    assert.deepEqual(errors.filter((line) => !/must be the name of a defined .*; none is defined$/.test(line)), []);
  });
}

for (const { place, text } of blocks.filter(({ language }) => language === "json")) {
  Deno.test(`${place}: the JSON is JSON`, () => {
    for (const line of text.includes("\n{") ? text.trim().split("\n") : [text]) JSON.parse(line);
  });
}

Deno.test("every command line of Weir that is shown is one that Weir takes", () => {
  const shown = blocks.filter(({ language }) => language === "sh").flatMap(({ place, text }) =>
    text.replaceAll("\\\n", " ").split("\n").flatMap((line) => {
      const match = /(?:^|[|(] *|npx )(?:dist\/)?weir(?:-lb)? ([a-z-].*)$/.exec(line.trim());
      const command = match?.[1]?.split(/ *(?: #|&&|[|&>)]| \d>)/)[0]?.trim();
      return command === undefined || command === "" ? [] : [{ place, command }];
    })
  );
  assert.ok(shown.length > 10, "command lines were found");
  for (const { place, command } of shown) {
    const [name = "", ...words] = command.split(/\s+/);
    const found = COMMANDS.find((one) => one.name === (name.startsWith("-") ? "run" : name));
    assert.ok(found !== undefined || name === HELP.name, `${place}: weir ${command}`);
    if (found !== undefined) readCommandLine(found, name.startsWith("-") ? [name, ...words] : words);
  }
});

Deno.test("every task that is shown is there", () => {
  for (const page of PAGES) {
    for (const [line, name = ""] of read(page).matchAll(/deno(?:@[\d.]+)? task ([a-z0-9]+)/g)) {
      assert.ok(Object.hasOwn(project.tasks, name), `${page}: ${line}`);
    }
  }
});

/** What a heading is called in a link, as on GitHub. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").trim().replaceAll(" ", "-");
}

Deno.test("every link within the documentation leads somewhere", () => {
  const broken: string[] = [];
  for (const page of PAGES) {
    const prose = read(page).replaceAll(/^ *```[\s\S]*?^ *```$/gm, "");
    for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : new URL(path, `file:///${page}`).pathname.slice(1);
      try {
        const { isFile } = Deno.statSync(projectPath(file));
        const headings = isFile && anchor !== undefined
          ? [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading))
          : [];
        if (anchor !== undefined && !headings.includes(anchor)) broken.push(`${page}: ${target}`);
      } catch {
        broken.push(`${page}: ${target}`);
      }
    }
  }
  assert.deepEqual(broken, []);
});
