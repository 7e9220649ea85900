/**
 * A line of a HAProxy configuration in words, as HAProxy reads it: quotes, escapes, comments, environment variables
 * (HAProxy's configuration manual, 2.2 and 2.3). Pure.
 *
 * @module
 */

/** A line in words. */
export interface Tokens {
  readonly words: readonly string[];
  /** The environment variables in it; they stand as `${NAME}` or `${NAME:-default}` in the words, as Weir has them. */
  readonly variables: readonly string[];
}

const ESCAPED: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** Reads a line. @returns what is wrong with it, as a text, when HAProxy would refuse it */
export function tokenize(line: string): Tokens | string {
  const words: string[] = [];
  const variables: string[] = [];
  let word: string | undefined;
  let quote: "" | "'" | '"' = "";
  let at = 0;
  const take = (text: string, length: number) => {
    word = (word ?? "") + text;
    at += length;
  };
  while (at < line.length) {
    const char = line.charAt(at);
    if (quote !== "" && char === quote) {
      quote = "";
      at++;
    } else if (quote === "'") take(char, 1);
    else if (char === "\\") {
      const { text, length } = unescape(line.slice(at), quote === '"');
      take(text, length);
    } else if (quote === '"') {
      const variable = char === "$" ? variableAt(line.slice(at)) : undefined;
      if (variable === undefined) take(char, 1);
      else {
        variables.push(variable.name);
        take(variable.text, variable.length);
      }
    } else if (char === "#") break;
    else if (char === '"' || char === "'") {
      quote = char;
      take("", 1);
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      at++;
    } else take(char, 1);
  }
  if (quote !== "") return `a quote (${quote}) is opened and never closed`;
  if (word !== undefined) words.push(word);
  return { words, variables };
}

function unescape(text: string, isQuoted: boolean): { readonly text: string; readonly length: number } {
  const next = text.charAt(1);
  if (next !== "" && (` \\#'"`.includes(next) || (isQuoted && next === "$"))) return { text: next, length: 2 };
  const control = ESCAPED[next];
  if (control !== undefined) return { text: control, length: 2 };
  const hex = /^\\x([0-9a-fA-F]{2})/.exec(text)?.[1];
  if (hex !== undefined) return { text: String.fromCharCode(parseInt(hex, 16)), length: 4 };
  // HAProxy leaves every other combination as it is.
  return { text: "\\", length: 1 };
}

function variableAt(text: string) {
  const match = /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:\[\*\])?(?:-([^}]*))?\})/.exec(text);
  if (match === null) return undefined;
  const [whole, plain, braced, fallback] = match;
  const name = plain ?? braced ?? "";
  return { name, text: fallback === undefined ? `\${${name}}` : `\${${name}:-${fallback}}`, length: whole.length };
}
