/**
 * Parts of a document that a command writes, between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`. Pure.
 *
 * @module
 */

/** Puts `content` where a document wants it. @throws {Error} when it has no such place, or more than one */
export function replaceBetween(document: string, name: string, content: string): string {
  const [start, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [before, rest, ...more] = document.split(start);
  const [, after, ...further] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined || more.length + further.length > 0) {
    throw new Error(`The document must have one ${start} with one ${end} after it`);
  }
  return `${before}${start}\n\n${content.trim()}\n\n${end}${after}`;
}
