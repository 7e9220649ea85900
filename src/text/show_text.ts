/**
 * Texts as messages show them: in quotes, and a long one in part, since messages go to logs and terminals. Pure.
 *
 * @module
 */

/** Characters that are shown. */
const MOST_SHOWN = 100;

/** Characters that end lines or move cursors, and that JSON leaves as they are. */
const DISTURBING = /[\u007f-\u009f\u2028\u2029]/g;

/** `"abc"`: JSON, with all that could disturb a log or a terminal escaped. */
export function quoteText(text: string): string {
  return JSON.stringify(text).replace(DISTURBING, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** `"abc"`, or the beginning of a long text and how long it is. */
export function showText(text: string): string {
  if (text.length <= MOST_SHOWN) return quoteText(text);
  return `${quoteText(text.slice(0, MOST_SHOWN).toWellFormed())}... (${text.length} characters)`;
}
