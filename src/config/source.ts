/**
 * A configuration as text with a place for everything: YAML or JSON in, plain data and a map from path to line and
 * column out.
 *
 * @module
 */

import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from "yaml";
import { ConfigError, type ConfigProblem } from "../errors.ts";
import { jsonFault, type SyntaxFault, yamlFault } from "./syntax.ts";

/** The steps from the top of the file to a value. */
export type ConfigPath = readonly (string | number)[];

/** Where something stands in the file, both 1-based. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** How a configuration is written. */
export type ConfigFormat = "yaml" | "json";

/** A configuration file that could be read as YAML or JSON. */
export interface ConfigSource {
  /** The file as the user named it. */
  readonly file: string;
  /** What the file holds, as text. */
  readonly text: string;
  readonly format: ConfigFormat;
  /** What the file holds, as plain data. */
  readonly data: unknown;
  /** The place of the value at a path; of the nearest thing around it when it is not there. */
  placeOf(path: ConfigPath): Place;
  /** The place of the key at the end of a path. */
  placeOfKey(path: ConfigPath): Place;
}

/**
 * Reads YAML 1.2 or JSON text.
 *
 * @throws {ConfigError} when the text is not well-formed, with every syntax error and its place
 */
export function parseSource(file: string, content: string, format: ConfigFormat): ConfigSource {
  const lines = new LineCounter();
  const document = parseDocument(content, {
    lineCounter: lines,
    prettyErrors: false,
    strict: true,
    // The parser would print its own warnings, about keys that are refused anyway.
    logLevel: "error",
  });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const faults = faultsOf(content, format, document);
  if (faults.length > 0) {
    const problems = faults.toSorted((a, b) => a.offset - b.offset).map(({ offset, message }): ConfigProblem => ({
      file,
      ...placeAt(offset),
      path: "",
      message: `not valid ${format.toUpperCase()}: ${message}`,
    }));
    // One slip makes the parser stumble over the rest of its line; the first finding of a line is the slip.
    throw new ConfigError(
      problems.filter((one, index) => problems.findIndex((other) => other.line === one.line) === index),
    );
  }
  const startOf = (node: Node | undefined) => placeAt(node?.range?.[0] ?? 0);
  return {
    file,
    text: content,
    format,
    data: plainData(file, document, format),
    placeOf: (path) => startOf(find(document, path).node),
    placeOfKey: (path) => {
      const { key, node } = find(document, path);
      return startOf(key ?? node);
    },
  };
}

function plainData(file: string, document: Document, format: ConfigFormat): unknown {
  try {
    return document.toJS() as unknown;
  } catch (error) {
    // Too many aliases: the one thing that parses and still cannot be turned into data.
    const message = `not valid ${format.toUpperCase()}: ${error instanceof Error ? error.message : String(error)}`;
    throw new ConfigError([{ file, line: 1, column: 1, path: "", message }]);
  }
}

function faultsOf(content: string, format: ConfigFormat, document: Document): SyntaxFault[] {
  const inJson = format === "json" ? jsonFault(content) : undefined;
  if (inJson !== undefined) return [inJson];
  // A tab upsets the parser about the lines around it as well, which are right.
  const tabs = document.errors.filter(({ code }) => code === "TAB_AS_INDENT");
  const faults = (tabs.length > 0 ? tabs : document.errors).map((error) => yamlFault(content, error));
  if (faults.length > 0) return faults;
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return;
      const message = `"*${alias.source}" stands for nothing: no "&${alias.source}" comes before it`;
      faults.push({ offset: alias.range?.[0] ?? 0, message });
    },
    // The schema would pass over it in silence.
    Pair: (_, { key }) => {
      if (!isScalar(key) || key.value !== "__proto__") return;
      faults.push({ offset: key.range?.[0] ?? 0, message: 'no key can be called "__proto__"' });
    },
  });
  return faults;
}

/** Walks down as far as the path exists; the last node and key found stand for the rest. */
function find(
  document: Document,
  path: ConfigPath,
): { readonly node: Node | undefined; readonly key: Node | undefined } {
  let node = resolveAlias(document, document.contents);
  let key: Node | undefined;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) =>
        isPair(item) && isScalar(item.key) && String(item.key.value) === String(step)
      );
      if (pair === undefined) break;
      key = isScalar(pair.key) ? pair.key : undefined;
      node = resolveAlias(document, pair.value) ?? key;
    } else if (isSeq(node) && typeof step === "number" && node.items[step] !== undefined) {
      key = undefined;
      node = resolveAlias(document, node.items[step]);
    } else break;
  }
  return { node, key };
}

function resolveAlias(document: Document, value: unknown): Node | undefined {
  if (isAlias(value)) return value.resolve(document);
  return isMap(value) || isSeq(value) || isScalar(value) ? value : undefined;
}

/** `backendGroups.web.servers[0].port`: how a path is written in messages. */
export function formatPath(path: ConfigPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    if (!/^[A-Za-z0-9_-]+$/.test(step)) return `${text}[${JSON.stringify(step)}]`;
    return text === "" ? step : `${text}.${step}`;
  }, "");
}

/** The steps of a path that {@link formatPath} has written. */
export function parsePath(text: string): ConfigPath {
  return [...text.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([A-Za-z0-9_-]+)/g)].map(
    ([, index, quoted, word = ""]) => {
      if (index !== undefined) return Number(index);
      return quoted === undefined ? word : String(JSON.parse(quoted));
    },
  );
}
