/** What the documentation shows is right: configurations, command lines, links. @module */

import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { readCommandLine } from "../../src/cli/command.ts";
import { COMMANDS, HELP } from "../../src/cli/commands.ts";
import { makeCaseFiles } from "../config/cases.ts";
import { conclude } from "../chaos/conclusion.ts";
import { Tally } from "../load/tally.ts";
import { judge } from "../soak/verdict.ts";
import { errorsIn } from "../config/load_text.ts";
import { issueChain } from "../support/authority.ts";
import { alike, type Block, BLOCKS, PAGES, readPage, shown } from "../support/documentation.ts";
import { projectPath } from "../support/program.ts";

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

/** A page may leave out what it is not about, as a whole. */
const ELSEWHERE = /must be the name of a defined .*; none is defined$/;

for (const { page, line, text } of BLOCKS.filter(({ language }) => language === "yaml")) {
  Deno.test(`${page}:${line}: the configuration is valid`, () => {
    const errors = errorsIn(text, { files: filesNamedIn(text), environment: { WEIR_ADMIN_TOKEN: "secret" } });
    assert.deepEqual(errors.filter((line) => !ELSEWHERE.test(line)), []);
  });
}

/** Blocks that no test runs or compares, and why. Everything else is YAML, or taken by a test with `shown`. */
const NOT_RUN: readonly (readonly [page: string, beginning: string, why: string])[] = [
  ["README.md", "npx -y deno@2.9.6 task test", "it is what runs this test"],
  ["docs/architecture.md", "main thread ", "a picture"],
  ["docs/concepts.md", "               listener ", "a picture"],
  [
    "docs/deployment.md",
    "sudoedit /etc/weir/weir.yaml",
    "needs a running systemd; deb_test.ts runs the unit's commands",
  ],
  ["docs/deployment.md", "docker build ", "needs Docker; containers_test.ts has the Dockerfile judged"],
  ["docs/deployment.md", "kubectl create ", "needs a cluster; containers_test.ts has the manifests judged"],
  ["docs/installation.md", "deno task compile ", "other platforms' runtimes come from dl.deno.land; CI builds its own"],
  ["docs/operations.md", "mv weir-new ", "writes /usr/bin; replace_test.ts runs the command, deb_test.ts the whole"],
  ["docs/operations.md", "echo net.ipv4.tcp_migrate_req=1 ", "the machine's; replace_test.ts sets it in a namespace"],
  ["docs/performance.md", "deno task bench ", "a quarter of an hour; the gate is a part of CI"],
  ["docs/performance.md", "deno run --allow-all bench/access_log.ts", "minutes, on a machine with nothing else to do"],
  ["docs/performance.md", "deno run --allow-all bench/ports.ts", "minutes, on a machine with nothing else to do"],
  ["docs/tls.md", "$ testssl ", "a summary by hand; scanners_test.ts runs testssl in its long form"],
];

/** What tests take: `shown("page", "beginning")` and `shownAll("page", "language")`, wherever they stand. */
async function takenByTests(): Promise<readonly ((block: Block) => boolean)[]> {
  const taken: ((block: Block) => boolean)[] = [];
  const literal = String.raw`("(?:[^"\\]|\\.)*"|'[^']*')`;
  const calls = new RegExp(String.raw`\b(shown|shownAll)\(\s*${literal},\s*${literal},?\s*\)`, "g");
  const read = (quoted: string) => quoted.startsWith("'") ? quoted.slice(1, -1) : JSON.parse(quoted) as string;
  const walk = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) await walk(`${folder}/${name}`);
      if (!name.endsWith("_test.ts")) continue;
      const source = await Deno.readTextFile(`${folder}/${name}`);
      for (const [, call, first = "", second = ""] of source.matchAll(calls)) {
        const [page, what] = [read(first), read(second)];
        taken.push((block) =>
          block.page === page && (call === "shown" ? block.text.startsWith(what) : block.language === what)
        );
      }
    }
  };
  await walk(projectPath("tests"));
  return taken;
}

Deno.test("every block of every page is run, or compared with what is true, or on the list of those that are not", async () => {
  const taken = await takenByTests();
  const isTaken = (block: Block) => block.language === "yaml" || taken.some((takes) => takes(block));
  const listed = (block: Block) =>
    NOT_RUN.filter(([page, beginning]) => block.page === page && block.text.startsWith(beginning));
  const place = ({ page, line, text }: Block) => `${page}:${line} ${text.split("\n")[0]}`;
  assert.deepEqual(BLOCKS.filter((block) => !isTaken(block) && listed(block).length === 0).map(place), [], "forgotten");
  assert.deepEqual(BLOCKS.filter((block) => isTaken(block) && listed(block).length > 0).map(place), [], "both");
  const gone = NOT_RUN.filter((entry) => BLOCKS.filter((block) => listed(block).includes(entry)).length !== 1);
  assert.deepEqual(gone, [], "no such block, or more than one");
  assert.equal(BLOCKS.length, PAGES.flatMap((page) => readPage(page).match(/^ *```[^`\n]*$/gm) ?? []).length / 2);
});

Deno.test("README.md shows an error as it is", () => {
  const text = "listeners: []\nbackendGroups: { web: { servers: [{ address: 10.0.0.11, port: 80 }], " +
    "healthCheck: { timeout: 90 } } }\n";
  assert.deepEqual(alike(shown("README.md", "weir.yaml:14:16")), alike(errorsIn(text)[0] ?? ""));
});

Deno.test("docs/tls.md shows the error of a chain that is out of order as it is", async () => {
  const { root, intermediate, leaf } = await issueChain("www.example.com");
  const text = "certificates:\n  www: { certFile: certs/www.pem, keyFile: certs/www.key }\nlisteners: []\n";
  const certificates = [leaf, root, intermediate].map(({ certPem }) => certPem).join("");
  const errors = errorsIn(text, { files: { "certs/www.pem": certificates, "certs/www.key": leaf.keyPem } });
  assert.deepEqual(errors.flatMap(alike), alike(shown("docs/tls.md", "weir.yaml:3:15")));
});

Deno.test("docs/reliability.md shows the rows that deno task chaos ends with", () => {
  const facts = { seconds: 1, memoryStart: 1, memoryEnd: 1, descriptorsStart: 1, descriptorsEnd: 1, faultsInLog: [] };
  const { table } = conclude(new Tally(), facts);
  assert.deepEqual(alike(shown("docs/reliability.md", "seconds ")), alike(table));
});

Deno.test("docs/reliability.md shows the rows that deno task soak ends with", () => {
  const course = { seconds: 1, warmUp: 600, processorShare: 1, longestPauseAt: 1, load: "", changes: "" };
  const ends = { descriptorsBefore: 1, descriptorsAfter: 1, workerRestarts: 0, faultsInLog: [] };
  const { table } = judge([], new Tally(), { ...course, ...ends });
  const rows = (text: string) =>
    text.trimEnd().split("\n").map((line) => alike(line.split(/ {2,}/, 1)[0] ?? "").join());
  assert.deepEqual(rows(shown("docs/reliability.md", "minutes ")), rows(table));
});

Deno.test("every command line of Weir that is shown is one that Weir takes", () => {
  const lines = BLOCKS.filter(({ language }) => language === "sh").flatMap(({ page, line: at, text }) =>
    text.replaceAll("\\\n", " ").split("\n").flatMap((line) => {
      const match = /(?:^|[|(] *|npx )(?:dist\/)?weir(?:-lb)? ([a-z-].*)$/.exec(line.trim());
      const command = match?.[1]?.split(/ *(?: #|&&|[|&>)]| \d>)/)[0]?.trim();
      return command === undefined || command === "" ? [] : [{ place: `${page}:${at}`, command }];
    })
  );
  assert.ok(lines.length > 10, "command lines were found");
  for (const { place, command } of lines) {
    const [name = "", ...words] = command.split(/\s+/);
    const found = COMMANDS.find((one) => one.name === (name.startsWith("-") ? "run" : name));
    assert.ok(found !== undefined || name === HELP.name, `${place}: weir ${command}`);
    if (found !== undefined) readCommandLine(found, name.startsWith("-") ? [name, ...words] : words);
  }
});

Deno.test("README.md has every command, each with flags that it takes", () => {
  const rows = [...readPage("README.md").matchAll(/^\| `weir .*$/gm)].map(([row]) => row);
  const named = rows.flatMap((row) => {
    const spans = [...row.matchAll(/`(?:weir )?\[?([a-z]+)/g)].map(([, word = ""]) => word);
    const found = [...COMMANDS, HELP].filter(({ name }) => spans.includes(name) && row.includes(`weir ${name}`));
    // The first row is that of the default: `weir [run]`.
    const commands = found.length > 0 ? found : COMMANDS.filter(({ name }) => row.includes(`weir [${name}]`));
    const known = commands.flatMap(({ flags }) => flags.flatMap(({ name, short }) => [`--${name}`, `-${short}`]));
    for (const [flag] of row.split("--admin")[0]?.matchAll(/(?<=[[ `])-{1,2}[a-z]+/g) ?? []) {
      assert.ok(known.includes(flag), `${flag} in ${row}`);
    }
    return commands.map(({ name }) => name);
  });
  assert.deepEqual(named.sort(), [...COMMANDS, HELP].map(({ name }) => name).sort());
});

Deno.test("every file of the project that a page names is there", () => {
  const missing = PAGES.flatMap((page) => {
    const named = [...readPage(page).matchAll(/(?<=[`\s])((?:tests|src|scripts|bench|config|packaging)\/[\w./-]*\w)/g)];
    return named.flatMap(([, path = ""]) => {
      try {
        Deno.statSync(projectPath(path));
        return [];
      } catch {
        return [`${page}: ${path}`];
      }
    });
  });
  assert.deepEqual(missing, []);
});

Deno.test("every task that is shown is there", () => {
  for (const page of PAGES) {
    for (const [line, name = ""] of readPage(page).matchAll(/deno(?:@[\d.]+)? task ([a-z0-9]+)/g)) {
      assert.ok(Object.hasOwn(project.tasks, name), `${page}: ${line}`);
    }
  }
});

/** What a heading is called in a link, as on GitHub. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").trim().replaceAll(" ", "-");
}

Deno.test("docs/README.md leads to every page", () => {
  const index = readPage("docs/README.md");
  const pages = PAGES.filter((page) => page.startsWith("docs/") && page !== "docs/README.md");
  assert.deepEqual(pages.filter((page) => !index.includes(`](${page.slice("docs/".length)})`)), []);
});

Deno.test("every link within the documentation leads somewhere", () => {
  const broken: string[] = [];
  for (const page of PAGES) {
    const prose = readPage(page).replaceAll(/^ *```[\s\S]*?^ *```$/gm, "");
    for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : new URL(path, `file:///${page}`).pathname.slice(1);
      try {
        const { isFile } = Deno.statSync(projectPath(file));
        const headings = isFile && anchor !== undefined
          ? [...readPage(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading))
          : [];
        if (anchor !== undefined && !headings.includes(anchor)) broken.push(`${page}: ${target}`);
      } catch {
        broken.push(`${page}: ${target}`);
      }
    }
  }
  assert.deepEqual(broken, []);
});
