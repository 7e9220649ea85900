/**
 * What is wrong with text that is not YAML or not JSON, in words for people who do not know the grammar.
 *
 * @module
 */

import type { YAMLParseError } from "yaml";

/** A fault in a text. */
export interface SyntaxFault {
  /** Where the text stops being well-formed. */
  readonly offset: number;
  readonly message: string;
}

/** Turns what the YAML parser says into plain words. */
export function yamlFault(text: string, error: YAMLParseError): SyntaxFault {
  const [offset] = error.pos;
  return { offset, message: yamlWords(text, error) };
}

function yamlWords(text: string, { code, message, pos: [from, to] }: YAMLParseError): string {
  if (text.slice(from - 1, from + 1) === "${") {
    return 'a variable inside { } or [ ] must stand in quotes, as in "${NAME}"';
  }
  switch (code) {
    case "TAB_AS_INDENT":
      return "must be indented with blanks, not with tabs";
    case "MULTIPLE_DOCS":
      return 'must be one document, but "---" starts another one';
    case "MULTILINE_IMPLICIT_KEY":
      return 'must be "key: value", with a blank after the colon';
    case "BLOCK_AS_IMPLICIT_KEY":
      return 'a value with ": " in it must stand in quotes';
    case "BAD_SCALAR_START":
      return `a value that starts with "${text.slice(from, to).slice(0, 1)}" must stand in quotes`;
    case "BAD_INDENT": {
      const open = /^Flow (map|sequence)/.exec(message)?.[1];
      if (open === undefined) return message;
      return `a "${open === "map" ? "{" : "["}" further up is not closed, or what is in it is not indented`;
    }
    default:
      return /^Missing closing .quote/.test(message) ? "a quote that is opened here or before is not closed" : message;
  }
}

/** A key, at an offset, that its mapping has already. */
export function repeatedKey(text: string, offset: number): SyntaxFault {
  const quote = /^["']/.test(text.slice(offset, offset + 1)) ? "" : '"';
  return { offset, message: `the key ${quote}${keyAt(text, offset)} is there already` };
}

/** The key at an offset with its closing quote. */
function keyAt(text: string, from: number): string {
  const quoted = /^(?:"(?:[^"\\]|\\.)*"|'[^']*')/.exec(text.slice(from))?.[0];
  return quoted ?? `${/^[^:\n]*/.exec(text.slice(from))?.[0].trim() ?? ""}"`;
}

const TOKEN =
  // JSON forbids control characters in its texts.
  // deno-lint-ignore no-control-regex
  /([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;

/** What may come next, and how it is called. */
const EXPECTED = {
  value: "a value",
  firstItem: 'a value or "]"',
  key: "a key in double quotes",
  firstKey: 'a key in double quotes or "}"',
  colon: '":"',
  afterItem: '"," or "]"',
  afterMember: '"," or "}"',
  end: "nothing more",
} as const;

/** Where JSON text stops being JSON (RFC 8259); `undefined` when all of it is. */
export function jsonFault(text: string): SyntaxFault | undefined {
  const open: ("{" | "[")[] = [];
  let state: keyof typeof EXPECTED = "value";
  const afterValue = () => open.length === 0 ? "end" : open.at(-1) === "[" ? "afterItem" : "afterMember";
  for (let offset = 0;;) {
    while (/[ \t\n\r]/.test(text.charAt(offset))) offset++;
    if (offset >= text.length && state === "end") return undefined;
    TOKEN.lastIndex = offset;
    const [whole = "", mark, quoted] = TOKEN.exec(text) ?? [];
    const takesValue = state === "value" || state === "firstItem";
    const takesKey = state === "key" || state === "firstKey";
    if (takesValue && (mark === "{" || mark === "[")) {
      open.push(mark);
      state = mark === "{" ? "firstKey" : "firstItem";
    } else if (takesValue && whole !== "" && mark === undefined) state = afterValue();
    else if (takesKey && quoted !== undefined) state = "colon";
    else if (state === "colon" && mark === ":") state = "value";
    else if (state === "afterItem" && mark === ",") state = "value";
    else if (state === "afterMember" && mark === ",") state = "key";
    else if (
      (mark === "]" && (state === "firstItem" || state === "afterItem")) ||
      (mark === "}" && (state === "firstKey" || state === "afterMember"))
    ) {
      open.pop();
      state = afterValue();
    } else return { offset, message: `expected ${EXPECTED[state]}, got ${shownAt(text, offset)}` };
    offset += whole.length;
  }
}

function shownAt(text: string, offset: number): string {
  if (offset >= text.length) return "the end of the file";
  const quote = text.charAt(offset) === '"';
  TOKEN.lastIndex = offset;
  if (quote && !TOKEN.test(text)) return "a text that is not closed or not well-formed";
  return JSON.stringify(/^(?:\/[/*]|[\w.+-]{1,20}|"[^"\n]{0,20}"?|[\s\S])/u.exec(text.slice(offset))?.[0] ?? "");
}
