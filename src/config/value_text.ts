/**
 * Values as text, in the style of the file that they go into.
 *
 * @module
 */

import { Document, visit } from "yaml";

/** How a value is written. */
export interface ValueStyle {
  /** Whether texts and keys stand in double quotes, as JSON wants it. */
  readonly quoted: boolean;
  /** Whether a collection goes over several lines. */
  readonly lines: boolean;
  /** What each level is indented by. */
  readonly unit: string;
  /** Whether there are no blanks at all, as in `{"a":1}`. */
  readonly compact: boolean;
}

const ONE_LINE = {
  lineWidth: 0,
  flowCollectionPadding: true,
  blockQuote: false,
  doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
} as const;

/** A value inside of `{ }` or `[ ]`, or behind a key; lines after the first begin with `indent`. */
export function flowText(value: unknown, style: ValueStyle, indent: string): string {
  if (style.quoted) return jsonText(value, style, indent);
  // In a list, so that whatever could end the list is put into quotes.
  return yamlFlow([value]).slice("[ ".length, -" ]".length);
}

/** `key: value` inside of `{ }`. */
export function flowPair(key: string, value: unknown, style: ValueStyle, indent: string): string {
  if (style.quoted) return `${JSON.stringify(key)}:${style.compact ? "" : " "}${jsonText(value, style, indent)}`;
  return yamlFlow(Object.fromEntries([[key, value]])).slice("{ ".length, -" }".length);
}

/** A value as YAML without braces; lines after the first begin with `indent`. */
export function blockText(value: unknown, unit: string, indent: string): string {
  return yamlText(value, { flow: false, indent: Math.max(unit.length, 1) }).replaceAll("\n", `\n${indent}`);
}

function yamlFlow(value: unknown): string {
  return yamlText(value, { flow: true, indent: 2 });
}

function yamlText(value: unknown, { flow, indent }: { readonly flow: boolean; readonly indent: number }): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Collection: (_, node) => {
      if (flow) node.flow = true;
    },
    Scalar: (_, node) => {
      // The one style in which a text with line feeds stays on its line.
      if (typeof node.value === "string" && node.value.includes("\n")) node.type = "QUOTE_DOUBLE";
    },
  });
  return document.toString({ ...ONE_LINE, indent }).trimEnd();
}

function jsonText(value: unknown, style: ValueStyle, indent: string): string {
  if (style.compact) return JSON.stringify(value);
  if (style.lines) return JSON.stringify(value, null, style.unit).replaceAll("\n", `\n${indent}`);
  if (Array.isArray(value)) {
    return value.length === 0 ? "[]" : `[${value.map((item) => jsonText(item, style, indent)).join(", ")}]`;
  }
  if (value !== null && typeof value === "object") {
    const pairs = Object.entries(value).map(([key, item]) => flowPair(key, item, style, indent));
    return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
  }
  return JSON.stringify(value);
}
