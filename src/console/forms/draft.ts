/**
 * What is typed into a form, and the settings that it means. Nothing typed is lost: what has not the right form goes on
 * as it is, and the checks of the configuration say what is wrong with it. Pure.
 *
 * @module
 */

import { isMapping, valueAt } from "../../config/entries.ts";
import type { FieldSpec } from "./specs.ts";

/** Texts by the names of fields. */
export type Draft = ReadonlyMap<string, readonly string[]>;

/** The one text of a field. */
export function typed(draft: Draft, name: string, otherwise = ""): string {
  // A box that is ticked comes after the hidden field that stands for one that is not.
  return draft.get(name)?.at(-1) ?? otherwise;
}

/** Settings in the making: a tree of mappings. */
export type Tree = { [key: string]: unknown };

/** Puts a value at a path with dots. */
export function putAt(tree: Tree, path: string, value: unknown): void {
  const steps = path.split(".");
  const last = steps.pop() ?? "";
  let at = tree;
  for (const step of steps) {
    const next = at[step];
    at = isTree(next) ? next : (at[step] = {}) as Tree;
  }
  at[last] = value;
}

function isTree(value: unknown): value is Tree {
  return isMapping(value);
}

/** What settings have at a path with dots. */
export function settingAt(settings: unknown, path: string): unknown {
  return valueAt(settings, path.split("."));
}

/** What a field shows of settings. */
export function textsFrom(settings: unknown, { path, default: otherwise }: FieldSpec): string[] {
  const value = settingAt(settings, path);
  if (Array.isArray(value)) return [value.map(textOf).join(", ")];
  return [value === undefined || value === null ? otherwise : textOf(value)];
}

/** A plain value as it is typed. */
export function textOf(value: unknown): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
}

/**
 * Puts what was typed into settings. What is as it is by default is left out, unless it was written out before.
 *
 * @param prefix of the field's name in the form, @param before the settings that are changed, if any
 */
export function fillFrom(
  tree: Tree,
  draft: Draft,
  { fields, prefix = "", before }: {
    readonly fields: readonly FieldSpec[];
    readonly prefix?: string;
    readonly before: unknown;
  },
): void {
  for (const field of fields) {
    const { path, kind } = field;
    const text = typed(draft, prefix + path, field.default).trim();
    const value = kind === "words" ? wordsIn(text) : valueOf(text, field);
    if (text === "" || text === field.default && settingAt(before, path) === undefined) continue;
    putAt(tree, path, value);
  }
}

function valueOf(text: string, { kind }: FieldSpec): unknown {
  if (kind === "number") return numberIn(text);
  if (kind === "flag") return text === "true" ? true : text === "false" ? false : text;
  return text;
}

/** A number, or what was typed instead of one. */
export function numberIn(text: string): number | string {
  return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

/** Words separated by commas. */
function wordsIn(text: string): string[] {
  return text.split(",").map((word) => word.trim()).filter((word) => word !== "");
}

/** The same settings with their keys in the order of the schema, as people write them. */
export function inOrder(settings: Tree, keys: readonly string[]): Tree {
  const places = new Map(keys.map((key, index) => [key, index]));
  const place = (key: string) => places.get(key) ?? keys.length;
  return Object.fromEntries(Object.entries(settings).toSorted(([a], [b]) => place(a) - place(b)));
}
