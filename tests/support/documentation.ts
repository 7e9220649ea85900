/**
 * The documentation's fenced blocks. A test takes those that it runs, or compares with what is true, by `shown` and
 * `shownAll`, with the page and the block's beginning written out: tests/unit/docs_test.ts looks for these calls, and
 * fails for a block that nobody takes.
 *
 * @module
 */

import { projectPath } from "./program.ts";

/** Every page, by its path in the project. */
export const PAGES: readonly string[] = [
  "README.md",
  "SECURITY.md",
  "packaging/npm/README.md",
  ...[...Deno.readDirSync(projectPath("docs"))].filter(({ name }) => name.endsWith(".md")).map(({ name }) =>
    `docs/${name}`
  ),
].sort();

/** The text of a page. */
export function readPage(page: string): string {
  return Deno.readTextFileSync(projectPath(page));
}

/** A fenced block. */
export interface Block {
  readonly page: string;
  /** Where it opens. */
  readonly line: number;
  /** `sh`, `yaml`, `text` ...; empty when none is given. */
  readonly language: string;
  /** Without what all of it is indented by. */
  readonly text: string;
}

/** The fenced blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  const text = readPage(page);
  return [...text.matchAll(/^( *)```([^\n`]*)\n([\s\S]*?)^ *```$/gm)].map(
    ({ index, 1: indent = "", 2: language = "", 3: body = "" }) => ({
      page,
      line: text.slice(0, index).split("\n").length,
      language,
      text: body.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
    }),
  );
}

/** Every block of every page. */
export const BLOCKS: readonly Block[] = PAGES.flatMap(blocksOf);

/** The text of the one block of a page that begins so. @throws {Error} when there is none, or more than one */
export function shown(page: string, beginning: string): string {
  const found = BLOCKS.filter((block) => block.page === page && block.text.startsWith(beginning));
  if (found[0] === undefined || found.length > 1) {
    throw new Error(`${page} has ${found.length} blocks that begin with ${JSON.stringify(beginning)}`);
  }
  return found[0].text;
}

/** The texts of all blocks of a page in a language. @throws {Error} when there is none */
export function shownAll(page: string, language: string): string[] {
  const found = BLOCKS.filter((block) => block.page === page && block.language === language);
  if (found.length === 0) throw new Error(`${page} has no block of ${language}`);
  return found.map(({ text }) => text);
}

/**
 * What stays the same from run to run: numbers with their units, times, addresses and the widths of columns are taken
 * away, empty lines as well.
 *
 * @returns lines
 */
export function alike(text: string): string[] {
  return text.split("\n").map((line) =>
    line.replaceAll(/\d[\d.,:TZ-]*( ?(?:B|kB|MB|GB|s|ms|m|h|d|MiB|KiB)\b)?/g, "#").replaceAll(/#( #)+/g, "#")
      .replaceAll(/\s+/g, " ").trim()
  ).filter((line) => line !== "");
}

/** A text of the documentation with other ports, and 10.0.0.x as 127.0.0.x, so that it can be run. */
export function movedTo(ports: Readonly<Record<number, number>>): (text: string) => string {
  const pattern = new RegExp(`(?<![\\w.])(${Object.keys(ports).join("|")})(?![\\w.]*\\w)`, "g");
  return (text) =>
    text.replaceAll(pattern, (port) => String(ports[Number(port)])).replaceAll(/\b10\.0\.0\.(?=\d)/g, "127.0.0.");
}
