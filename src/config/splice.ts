/**
 * Changes of a YAML or JSON text at one place: whatever stands elsewhere stays as it is, to the byte. Where a text is
 * too unusual for that, the result is `undefined`, or something else than what was wanted; {@link editText} finds out.
 *
 * @module
 */

import { type Document, isAlias, isMap, isPair, isScalar, isSeq, type Node, type YAMLMap, type YAMLSeq } from "yaml";
import { blockText, flowPair, flowText, type ValueStyle } from "./value_text.ts";

/** A text and what the parser makes of it. */
export interface ParsedText {
  readonly text: string;
  readonly document: Document;
  /** Whether it must stay JSON. */
  readonly json: boolean;
}

/** The steps to a value by key and index. */
export type NodePath = readonly (string | number)[];

type Container = YAMLMap | YAMLSeq;

/** Where an entry of a mapping or list begins (its key, its dash) and ends. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** Puts another value in the place of one that is there. */
export function replaceValue(parsed: ParsedText, path: NodePath, value: unknown): string | undefined {
  const { text } = parsed;
  const old = nodeAt(parsed.document, path);
  if (old?.range === undefined || old.range === null) return undefined;
  const [start, end] = [old.range[0], endOf(old)];
  const oldText = text.slice(start, end);
  const wasEmpty = isContainer(old) && old.items.length === 0;
  const style = styleAt(parsed, path.slice(0, -1), oldText.includes("\n") || (wasEmpty && text.trim().includes("\n")));
  if (isContainer(old) && old.flow !== true && old.items.length > 0) {
    const from = spanOf(old, 0)?.start ?? start;
    const written = isFilled(value)
      ? blockText(value, style.unit, " ".repeat(columnOf(text, from)))
      : flowText(value, style, "");
    return splice(text, from, end, withNewlines(written, newlineOf(text)));
  }
  const written = flowText(value, style, indentAt(text, start));
  // A key without a value: its place is right behind the colon.
  return splice(text, start, end, (start === end ? " " : "") + withNewlines(written, newlineOf(text)));
}

/** Adds a key to a mapping that has some, after the last one. */
export function addKey(parsed: ParsedText, path: NodePath, key: string, value: unknown): string | undefined {
  const map = nodeAt(parsed.document, path);
  if (!isMap(map) || map.items.length === 0) return undefined;
  return addAfter(
    parsed,
    path,
    map,
    map.items.length - 1,
    (style, indent, block) =>
      block ? blockText({ [key]: value }, style.unit, indent) : flowPair(key, value, style, indent),
    value,
  );
}

/** Adds an item to a list, before the one at `index`, or at the end; not before the first. */
export function addItem(parsed: ParsedText, path: NodePath, index: number, value: unknown): string | undefined {
  const list = nodeAt(parsed.document, path);
  if (!isSeq(list) || index === 0) return undefined;
  const { flow } = list;
  return addAfter(parsed, path, list, index - 1, (style, indent, block) => {
    if (block) return blockText([value], style.unit, indent);
    return `${flow === true ? "" : "- "}${flowText(value, style, indent)}`;
  }, value);
}

/** Takes a key with its value out of a mapping, or an item out of a list. */
export function removeEntry(parsed: ParsedText, path: NodePath, index: number): string | undefined {
  const { text } = parsed;
  const container = nodeAt(parsed.document, path);
  if (!isContainer(container)) return undefined;
  const span = spanOf(container, index);
  if (span === undefined || container.range === undefined || container.range === null) return undefined;
  const empty = isMap(container) ? "{}" : "[]";
  const [previous, next] = [spanOf(container, index - 1), spanOf(container, index + 1)];
  if (container.items.length === 1) {
    if (container.flow === true) return splice(text, container.range[0], container.range[1], empty);
    // On the key's own line, where nothing but the line's end is between.
    const gap = /:[ \t]*\r?\n[ \t]*$/.exec(text.slice(0, span.start))?.[0].length;
    return gap === undefined
      ? splice(text, span.start, span.end, empty)
      : splice(text, span.start - gap, span.end, `: ${empty}`);
  }
  const line = lineStart(text, span.start);
  const begins = text.slice(line, span.start).trim() === "";
  if (container.flow !== true) {
    if (begins) return splice(text, line, nextLine(text, span.end), "");
    return next === undefined ? undefined : splice(text, span.start, next.start, "");
  }
  if (begins && /^[ \t]*,?[ \t]*(#.*)?\r?$/.test(text.slice(span.end, lineEnd(text, span.end)))) {
    const without = splice(text, line, nextLine(text, span.end), "");
    const comma = previous === undefined || next !== undefined ? null : /^\s*,/.exec(text.slice(previous.end));
    return comma === null || previous === undefined
      ? without
      : splice(without, previous.end, previous.end + comma[0].length, "");
  }
  if (next !== undefined) return splice(text, span.start, next.start, "");
  return previous === undefined ? undefined : splice(text, previous.end, span.end, "");
}

/** The node at a path; an alias stands for itself. */
export function nodeAt(document: Document, path: NodePath): Node | undefined {
  let node: unknown = document.contents;
  for (const step of path) {
    if (isMap(node)) node = node.items.find((pair) => keyOf(pair) === String(step))?.value;
    else if (isSeq(node) && typeof step === "number") node = node.items[step];
    else return undefined;
  }
  return isContainer(node) || isScalar(node) || isAlias(node) ? node : undefined;
}

/** The key of a pair, as text. */
export function keyOf(pair: unknown): string | undefined {
  return isPair(pair) && isScalar(pair.key) ? String(pair.key.value) : undefined;
}

function addAfter(
  parsed: ParsedText,
  path: NodePath,
  container: Container,
  index: number,
  write: (style: ValueStyle, indent: string, block: boolean) => string,
  value: unknown,
): string | undefined {
  const { text } = parsed;
  const [span, first] = [spanOf(container, index), spanOf(container, 0)];
  if (span === undefined || first === undefined) return undefined;
  const newline = newlineOf(text);
  const sibling = valueOf(container, index);
  const siblingText = text.slice(span.start, span.end);
  if (container.flow !== true) {
    const indent = " ".repeat(columnOf(text, first.start));
    const style = styleAt(parsed, path, false);
    const flow = isContainer(sibling)
      ? sibling.flow === true && sibling.items.length > 0
      : write(style, indent, false).length < 100 && path.length > 0;
    const written = write(style, indent, isFilled(value) && !flow);
    const at = endOfBlock(text, span.end, indent.length);
    const gap = path.length === 0 && hasGaps(parsed, container) ? newline : "";
    const before = text.slice(0, at).endsWith("\n") || at === 0 ? "" : newline;
    return splice(text, at, at, `${before}${gap}${indent}${withNewlines(written, newline)}${newline}`);
  }
  const line = lineStart(text, span.start);
  const prefix = text.slice(line, span.start);
  const rest = text.slice(span.end, lineEnd(text, span.end));
  const ownLine = prefix.trim() === "" && /^[ \t]*,?[ \t]*(#.*)?\r?$/.test(rest);
  const lines = ownLine && (isContainer(sibling) && sibling.items.length > 0 ? siblingText.includes("\n") : true);
  const style = styleAt(parsed, path, lines);
  const written = withNewlines(write(style, ownLine ? prefix : "", false), newline);
  if (!ownLine) return splice(text, span.end, span.end, `,${style.compact ? "" : " "}${written}`);
  const at = lineEnd(text, span.end) - (rest.endsWith("\r") ? 1 : 0);
  const more = index < container.items.length - 1 ? "," : "";
  const added = splice(text, at, at, `${newline}${prefix}${written}${more}`);
  return /^\s*,/.test(rest) ? added : splice(added, span.end, span.end, ",");
}

/** Whether empty lines separate the entries. */
function hasGaps({ text }: ParsedText, container: Container): boolean {
  const last = spanOf(container, container.items.length - 1);
  const previous = spanOf(container, container.items.length - 2);
  return last !== undefined && previous !== undefined && /\n[ \t]*\r?\n/.test(text.slice(previous.end, last.start));
}

function styleAt({ text, json, document }: ParsedText, path: NodePath, lines: boolean): ValueStyle {
  const root = document.contents;
  const inFlow = path.some((_, depth) => isFlow(nodeAt(document, path.slice(0, depth + 1)))) || isFlow(root);
  const quoted = json || (inFlow && isQuoted(root, document, path));
  const unit = /\n([ \t]+)\S/.exec(text)?.[1] ?? "  ";
  return { quoted, lines, unit, compact: quoted && isFlow(root) && !/[:,{]\s/.test(text) };
}

/** Whether the keys around a path are in double quotes. */
function isQuoted(root: unknown, document: Document, path: NodePath): boolean {
  const around = [root, ...path.map((_, depth) => nodeAt(document, path.slice(0, depth + 1)))];
  const nearest = around.findLast((node) => isMap(node) && node.items.length > 0);
  const key = isMap(nearest) ? nearest.items[0]?.key : undefined;
  return isScalar(key) && key.type === "QUOTE_DOUBLE";
}

function isFlow(node: unknown): boolean {
  return isContainer(node) && node.flow === true;
}

function isContainer(node: unknown): node is Container {
  return isMap(node) || isSeq(node);
}

function isFilled(value: unknown): boolean {
  return value !== null && typeof value === "object" && Object.keys(value).length > 0;
}

function valueOf(container: Container, index: number): unknown {
  const item: unknown = container.items[index];
  return isPair(item) ? item.value : item;
}

function spanOf(container: Container, index: number): Span | undefined {
  const item: unknown = container.items[index];
  if (isPair(item)) {
    const key = isScalar(item.key) ? item.key.range : undefined;
    if (key === undefined || key === null) return undefined;
    return { start: key[0], end: Math.max(key[1], endOf(item.value)) };
  }
  if (!isContainer(item) && !isScalar(item) && !isAlias(item)) return undefined;
  const source = isSeq(container) ? container.srcToken : undefined;
  const dash = source?.type === "block-seq"
    ? source.items[index]?.start.find((token) => token.type === "seq-item-ind")?.offset
    : undefined;
  const start = dash ?? item.range?.[0];
  return start === undefined ? undefined : { start, end: endOf(item) };
}

/** Where the last thing in a node ends; comments and empty lines behind it do not count. */
function endOf(node: unknown): number {
  if (isContainer(node) && node.flow !== true && node.items.length > 0) {
    return spanOf(node, node.items.length - 1)?.end ?? node.range?.[1] ?? 0;
  }
  return isContainer(node) || isScalar(node) || isAlias(node) ? node.range?.[1] ?? 0 : 0;
}

/** Where the next line of a block begins: comments that are indented more belong to what is above them. */
function endOfBlock(text: string, end: number, column: number): number {
  // A block of text ends where the next line begins.
  let at = text[end - 1] === "\n" ? end : nextLine(text, end);
  for (;;) {
    const comment = /^([ \t]*)#.*(?:\r?\n|$)/.exec(text.slice(at));
    if (comment === null || (comment[1] ?? "").length <= column) return at;
    at += comment[0].length;
  }
}

function newlineOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

function withNewlines(text: string, newline: string): string {
  return newline === "\n" ? text : text.replaceAll("\n", newline);
}

function indentAt(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(lineStart(text, offset)))?.[0] ?? "";
}

function columnOf(text: string, offset: number): number {
  return offset - lineStart(text, offset);
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1) + 1;
}

/** Where the line's newline stands, or the text ends. */
function lineEnd(text: string, offset: number): number {
  const at = text.indexOf("\n", offset);
  return at < 0 ? text.length : at;
}

function nextLine(text: string, offset: number): number {
  return Math.min(lineEnd(text, text[offset - 1] === "\n" ? offset - 1 : offset) + 1, text.length);
}

function splice(text: string, from: number, to: number, written: string): string {
  return text.slice(0, from) + written + text.slice(to);
}
