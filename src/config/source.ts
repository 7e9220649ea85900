/**
 * A configuration as text with a place for everything: YAML or JSON in, plain data and a map from path to line and
 * column out.
 *
 * @module
 */

import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from "yaml";
import { ConfigError, type ConfigProblem, messageOf } from "../errors.ts";
import { quoteText } from "../text/show_text.ts";
import { jsonFault, repeatedKey, type SyntaxFault, yamlFault } from "./syntax.ts";

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

/** A configuration has far fewer levels, and whoever walks through it must come to an end. */
const MOST_LEVELS = 64;

/**
 * Reads YAML 1.2 or JSON text.
 *
 * @throws {ConfigError} when the text is not well-formed, with every syntax error and its place
 */
export function parseSource(file: string, content: string, format: ConfigFormat): ConfigSource {
  const lines = new LineCounter();
  try {
    return readSource(file, content, format, lines);
  } catch (error) {
    // So deep that even the parser, which goes down level by level, gives up; how far it came is in the counter.
    if (!(error instanceof RangeError)) throw error;
    const line = Math.max(1, lines.lineStarts.length);
    throw new ConfigError([{ file, line, column: 1, path: "", message: notValid(format, TOO_DEEP) }]);
  }
}

const TOO_DEEP = `nothing may be nested deeper than ${MOST_LEVELS} levels`;

/** The parser shows what it has found, whatever its length. */
const LONGEST_MESSAGE = 300;

function notValid(format: ConfigFormat, message: string): string {
  const shown = message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE).toWellFormed()}...` : message;
  return `not valid ${format.toUpperCase()}: ${shown}`;
}

function readSource(file: string, content: string, format: ConfigFormat, lines: LineCounter): ConfigSource {
  const inJson = format === "json" ? jsonFault(content) : undefined;
  if (inJson !== undefined) {
    const before = content.slice(0, inJson.offset).split("\n");
    const place = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
    throw new ConfigError([{ file, ...place, path: "", message: notValid(format, inJson.message) }]);
  }
  const document = parseDocument(content, {
    lineCounter: lines,
    prettyErrors: false,
    strict: true,
    // It would compare each key with every one before it.
    uniqueKeys: false,
    // The parser would print its own warnings, about keys that are refused anyway.
    logLevel: "error",
  });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const faults = faultsOf(content, document);
  if (faults.length > 0) {
    const problems = faults.toSorted((a, b) => a.offset - b.offset).map(({ offset, message }): ConfigProblem => ({
      file,
      ...placeAt(offset),
      path: "",
      message: notValid(format, message),
    }));
    // One slip makes the parser stumble over the rest of its line; the first finding of a line is the slip.
    const slips = new Map(problems.toReversed().map((one) => [one.line, one]));
    throw new ConfigError([...slips.values()].reverse());
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
    if (error instanceof RangeError) throw error;
    const message = notValid(format, messageOf(error));
    throw new ConfigError([{ file, line: 1, column: 1, path: "", message }]);
  }
}

function faultsOf(content: string, document: Document): SyntaxFault[] {
  // A tab upsets the parser about the lines around it as well, which are right.
  const tabs = document.errors.filter(({ code }) => code === "TAB_AS_INDENT");
  if (tabs.length > 0) return tabs.map((error) => yamlFault(content, error));
  const errors = document.errors.map((error) => yamlFault(content, error));
  const faults = [...errors, ...deepest(document), ...repeatedKeys(content, document)];
  return faults.length > 0 ? faults : strangeNames(document);
}

/** The first thing that is nested too deeply. */
function deepest(document: Document): SyntaxFault[] {
  const faults: SyntaxFault[] = [];
  visit(document, {
    Collection: (_, { range }, path) => {
      if (path.filter(isCollection).length < MOST_LEVELS) return;
      faults.push({ offset: range?.[0] ?? 0, message: TOO_DEEP });
      return visit.BREAK;
    },
  });
  return faults;
}

/** Keys that a mapping has already. `80` and `"80"` are one key. */
function repeatedKeys(content: string, document: Document): SyntaxFault[] {
  const faults: SyntaxFault[] = [];
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<string>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const name = String(key.value ?? "");
        if (seen.has(name)) faults.push(repeatedKey(content, key.range?.[0] ?? 0));
        seen.add(name);
      }
    },
  });
  return faults;
}

/** Names that stand for nothing, or for what they are part of, and the one key that cannot be. */
function strangeNames(document: Document): SyntaxFault[] {
  const faults: SyntaxFault[] = [];
  const anchors = new Map<string, Node>();
  visit(document, {
    Node: (_, node, path) => {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.set(node.anchor, node);
        return;
      }
      const { source, range } = node;
      const target = anchors.get(source);
      const message = target === undefined
        ? `"*${source}" stands for nothing: no "&${source}" comes before it`
        : `"*${source}" stands for what it is itself part of`;
      if (target === undefined || path.includes(target)) faults.push({ offset: range?.[0] ?? 0, message });
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
    if (!/^[A-Za-z0-9_-]+$/.test(step)) return `${text}[${quoteText(step)}]`;
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
