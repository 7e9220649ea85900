/**
 * Imports go one way: a file of `src/` may import from its own folder and from layers below it, never from above and
 * never sideways. Prints one line for each import that does not, and exits 1.
 *
 * @module
 */

import { print, printError } from "../src/cli/output.ts";

/** The folders and single files of `src/`, lowest layer first; those on one line do not know each other. */
const LAYERS: readonly (readonly string[])[] = [
  ["event_kind"],
  ["errors", "end_reason", "log", "text", "version"],
  ["net"],
  ["config"],
  ["access_log"],
  ["board"],
  ["messages"],
  ["upstream"],
  ["health"],
  ["session"],
  ["worker"],
  ["control"],
  ["admin"],
  ["console"],
  ["demo"],
  ["app"],
  ["cli"],
];

/** Runs in workers only; the main thread names the worker's entry by its URL and shares messages and boards with it. */
const WORKER_SIDE: readonly string[] = ["session", "worker"];
const MAIN_SIDE: readonly string[] = ["control", "admin", "console", "demo", "app", "cli"];

const IMPORTS = [
  /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s*"(\.[^"]+)"/gm,
  /^\s*import\s*"(\.[^"]+)"/gm,
  /\bimport\(\s*"(\.[^"]+)"/g,
];

/** An import as it stands in a file. */
interface FoundImport {
  /** 1-based line on which the imported file is named. */
  readonly line: number;
  readonly specifier: string;
}

/** The relative imports of a TypeScript file: static, for types, for effects and dynamic, and what it exports anew. */
export function importsOf(text: string): FoundImport[] {
  return IMPORTS.flatMap((pattern) => [...text.matchAll(pattern)])
    .filter(({ index }) => !isInComment(text, index))
    .map(({ 0: whole, 1: specifier = "", index }) => ({
      line: text.slice(0, index + whole.length).split("\n").length,
      specifier,
    }))
    .sort((a, b) => a.line - b.line);
}

function isInComment(text: string, index: number): boolean {
  const start = text.lastIndexOf("\n", index - 1) + 1;
  return /^\s*(\*|\/\/|\/\*)/.test(text.slice(start, text.indexOf("\n", index) + 1 || undefined));
}

/** The folder or single file of `src/` that a path belongs to; `undefined` outside of `src/`. */
function unitOf(path: string): string | undefined {
  return /^src\/([^/]+?)(?:\.ts)?(?:\/|$)/.exec(path)?.[1];
}

function rankOf(unit: string): number {
  return LAYERS.findIndex((layer) => layer.includes(unit));
}

function faultOf(from: string, to: string | undefined): string | undefined {
  if (to === undefined) return "is outside of src";
  for (const unit of [from, to]) {
    if (rankOf(unit) < 0) return `"${unit}" has no place in the layers of scripts/check_imports.ts`;
  }
  if (from === to) return undefined;
  if (MAIN_SIDE.includes(from) && WORKER_SIDE.includes(to)) return `"${to}" is for workers only`;
  if (rankOf(to) > rankOf(from)) return `"${to}" is above "${from}"`;
  return rankOf(to) === rankOf(from) ? `"${to}" is beside "${from}"` : undefined;
}

/** Every import that goes the wrong way, one line each; `files` holds texts by their path in the project. */
export function findViolations(files: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([path, text]) =>
    importsOf(text).flatMap(({ line, specifier }) => {
      const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
      const from = unitOf(path);
      // Data such as deno.json imports nothing.
      if (from === undefined || target.endsWith(".json")) return [];
      const fault = faultOf(from, unitOf(target));
      return fault === undefined ? [] : [`${path}:${line} imports ${target}: ${fault}`];
    })
  );
}

/** The texts of all TypeScript files below a folder of the project, by path. */
function readSources(folder: string, files = new Map<string, string>()): Map<string, string> {
  const url = new URL(`../${folder}/`, import.meta.url);
  for (const entry of [...Deno.readDirSync(url)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) readSources(path, files);
    else if (/\.tsx?$/.test(path)) files.set(path, Deno.readTextFileSync(new URL(entry.name, url)));
  }
  return files;
}

if (import.meta.main) {
  const files = readSources("src");
  const violations = findViolations(files);
  for (const violation of violations) printError(violation);
  if (violations.length === 0) print(`the imports of ${files.size} files go one way`);
  Deno.exit(violations.length === 0 ? 0 : 1);
}
