/**
 * Changing a configuration's text as a careful person does: one entry changes, and every comment, the order, the
 * quoting and the `${NAME}` of everything else stay as they are.
 *
 * @module
 */

import { isAlias, parseDocument } from "yaml";
import { WeirError } from "../errors.ts";
import { sameData } from "./diff.ts";
import { type ConfigFormat, type ConfigPath, formatPath } from "./source.ts";
import { jsonFault } from "./syntax.ts";
import { addItem, addKey, keyOf, nodeAt, type NodePath, type ParsedText, removeEntry, replaceValue } from "./splice.ts";

/** One entry that is set or deleted. */
export interface ConfigEdit {
  /**
   * The steps to it; in a list, text stands for the item of that `name`. What is missing on the way is made: lists for
   * numbers, mappings for texts.
   */
  readonly path: ConfigPath;
  /** Plain data; `undefined` deletes. A mapping takes the place of another key by key, so that its comments stay. */
  readonly value: unknown;
}

/** Steps that one edit may take; each is a change of one key or item. */
const MAX_STEPS = 1000;

/** A step of the work, on one key or item. */
type Step =
  | { readonly kind: "replace" | "addKey"; readonly path: NodePath; readonly value: unknown }
  | { readonly kind: "addItem"; readonly path: NodePath; readonly value: unknown }
  | { readonly kind: "remove"; readonly path: NodePath };

/**
 * The text with the edits made, one after the other. What comes out means the same as the text but for them, or the
 * text is left alone.
 *
 * @param text valid YAML or JSON
 * @throws {WeirError} `write_failed` when an edit cannot be made without changing something else: an alias elsewhere
 * stands for the entry, say
 */
export function editText(text: string, format: ConfigFormat, edits: readonly ConfigEdit[]): string {
  return edits.reduce((current, edit) => editOnce(current, format, edit), text);
}

function editOnce(text: string, format: ConfigFormat, edit: ConfigEdit): string {
  const before = dataOf(text);
  const wanted = withEdit(before, edit.path, edit.value);
  if (sameData(before, wanted)) return text;
  for (const attempt of [spliced, rewritten]) {
    const result = attempt(text, format, before, wanted);
    if (result !== undefined && holds(result, format, wanted)) return result;
  }
  throw new WeirError(
    "write_failed",
    `Cannot change ${formatPath(edit.path)} without changing something else in the file; edit it by hand`,
  );
}

/** The data with one entry set or deleted. */
export function withEdit(data: unknown, [step, ...rest]: ConfigPath, value: unknown): unknown {
  if (step === undefined) return value;
  if (Array.isArray(data) || (data === undefined && typeof step === "number")) {
    const items: readonly unknown[] = data ?? [];
    const found = typeof step === "number" ? step : items.findIndex((item) => isRecord(item) && item["name"] === step);
    const index = found < 0 ? items.length : found;
    if (rest.length === 0 && value === undefined) return items.toSpliced(index, 1);
    return items.toSpliced(index, 1, withEdit(items[index], rest, value));
  }
  const record = isRecord(data) ? data : {};
  const key = String(step);
  if (value === undefined && !Object.hasOwn(record, key)) return data;
  const others = Object.entries(record);
  const next = withEdit(Object.hasOwn(record, key) ? record[key] : undefined, rest, value);
  if (rest.length === 0 && value === undefined) return Object.fromEntries(others.filter(([one]) => one !== key));
  return Object.hasOwn(record, key)
    ? Object.fromEntries(others.map(([one, old]) => [one, one === key ? next : old]))
    : Object.fromEntries([...others, [key, next]]);
}

function spliced(text: string, format: ConfigFormat, before: unknown, wanted: unknown): string | undefined {
  let [current, data] = [text, before];
  for (let left = MAX_STEPS; left > 0; left--) {
    const [step] = stepsBetween(data, wanted, []);
    if (step === undefined) return current;
    const parsed = parseText(current, format);
    const result = takeStep(parsed, beforeAlias(parsed, step, wanted));
    if (result === undefined || !isReadable(result)) return undefined;
    current = result;
    data = dataOf(current);
  }
  return undefined;
}

/** Behind an alias stands what is written elsewhere: in its place goes a copy, with the change. */
function beforeAlias({ document }: ParsedText, step: Step, wanted: unknown): Step {
  for (let depth = 1; depth < step.path.length; depth++) {
    const path = step.path.slice(0, depth);
    if (!isAlias(nodeAt(document, path))) continue;
    const value = path.reduce<unknown>((data, key) => isRecord(data) ? data[key] : undefined, wanted);
    return { kind: "replace", path, value };
  }
  return step;
}

function takeStep(parsed: ParsedText, step: Step): string | undefined {
  const parent = step.path.slice(0, -1);
  const last = step.path.at(-1);
  switch (step.kind) {
    case "replace":
      return replaceValue(parsed, step.path, step.value);
    case "addItem":
      return typeof last === "number" ? addItem(parsed, parent, last, step.value) : undefined;
    case "addKey":
      return addKey(parsed, parent, String(last), step.value);
    case "remove": {
      const container = nodeAt(parsed.document, parent);
      if (typeof last === "number") return removeEntry(parsed, parent, last);
      const items: readonly unknown[] = container !== undefined && "items" in container ? container.items : [];
      return removeEntry(parsed, parent, items.findIndex((pair) => keyOf(pair) === last));
    }
  }
}

/** What has to be done to get from one value to another, in order; each step sees what the one before has left. */
function stepsBetween(before: unknown, after: unknown, path: NodePath): Step[] {
  if (sameData(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after) && before.length > 0) {
    return stepsBetweenLists(before, after, path);
  }
  if (!isMapping(before) || !isMapping(after) || isEmpty(before)) {
    return [{ kind: "replace", path, value: after }];
  }
  const kept = Object.entries(after).filter(([key]) => Object.hasOwn(before, key));
  const added = Object.entries(after).filter(([key]) => !Object.hasOwn(before, key));
  return [
    ...kept.flatMap(([key, value]) => stepsBetween(before[key], value, [...path, key])),
    // First what is new: a mapping that is emptied on the way would lose its style.
    ...added.map(([key, value]): Step => ({ kind: "addKey", path: [...path, key], value })),
    ...Object.keys(before).filter((key) => !Object.hasOwn(after, key)).map((key): Step => ({
      kind: "remove",
      path: [...path, key],
    })),
  ];
}

function stepsBetweenLists(before: readonly unknown[], after: readonly unknown[], path: NodePath): Step[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && sameData(before[head], after[head])) head++;
  let tail = 0;
  while (tail < shorter - head && sameData(before.at(-1 - tail), after.at(-1 - tail))) tail++;
  const shared = shorter - head - tail;
  const changed = Array.from({ length: shared }, (_, index) => head + index);
  const first = head + shared;
  const [surplus, missing] = [before.length - shorter, after.length - shorter];
  return [
    ...changed.flatMap((index) => stepsBetween(before[index], after[index], [...path, index])),
    ...Array.from({ length: missing }, (_, index): Step => ({
      kind: "addItem",
      path: [...path, first + index],
      value: after[first + index],
    })),
    ...Array.from({ length: surplus }, (): Step => ({ kind: "remove", path: [...path, first] })),
  ];
}

/** The whole anew, for texts that are too unusual; comments stay, the layout may not. */
function rewritten(text: string, format: ConfigFormat, before: unknown, wanted: unknown): string | undefined {
  if (format === "json") return `${JSON.stringify(wanted, null, 2)}\n`;
  const { document } = parseText(text, format);
  try {
    for (const { kind, path, ...rest } of stepsBetween(before, wanted, [])) {
      const value = "value" in rest ? document.createNode(rest.value) : undefined;
      if (kind === "remove") document.deleteIn(path);
      else if (kind === "addItem") {
        const list = document.getIn(path.slice(0, -1), true);
        if (!isRecord(list) || !Array.isArray(list["items"])) return undefined;
        list["items"].splice(Number(path.at(-1)), 0, value);
      } else document.setIn(path, value);
    }
    return document.toString({ lineWidth: 0 });
  } catch {
    return undefined; // an alias that stands for nothing any more
  }
}

function holds(text: string, format: ConfigFormat, wanted: unknown): boolean {
  if (format === "json" && jsonFault(text) !== undefined) return false;
  return isReadable(text) && sameData(dataOf(text), wanted);
}

function isReadable(text: string): boolean {
  try {
    dataOf(text);
    return true;
  } catch {
    return false;
  }
}

function dataOf(text: string): unknown {
  const document = parseDocument(text, { logLevel: "error" });
  const [error] = document.errors;
  if (error !== undefined) throw error;
  return document.toJS() as unknown;
}

function parseText(text: string, format: ConfigFormat): ParsedText {
  const document = parseDocument(text, { keepSourceTokens: true, logLevel: "error" });
  return { text, document, json: format === "json" };
}

function isRecord(value: unknown): value is Record<string | number, unknown> {
  return value !== null && typeof value === "object";
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && !Array.isArray(value);
}

function isEmpty(value: Record<string, unknown>): boolean {
  return Object.keys(value).length === 0;
}
