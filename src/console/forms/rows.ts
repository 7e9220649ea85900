/**
 * Adding a row of servers to a form, and taking one out. Pure.
 *
 * @module
 */

import type { Draft } from "./draft.ts";
import { EMPTY_ROW, MOST_ROWS, rowsIn, textsOfRows } from "./servers.ts";

/** The draft after a button beside the rows was pressed; `undefined` when it was another one. */
export function withRows(draft: Draft, prefix: string, go: string): Draft | undefined {
  const removed = /^remove-(\d{1,4})$/.exec(go)?.[1];
  if (go !== "add" && removed === undefined) return undefined;
  const rows = rowsIn(draft, prefix);
  const next = removed === undefined ? [...rows, EMPTY_ROW].slice(0, MOST_ROWS) : rows.toSpliced(Number(removed), 1);
  return new Map([...[...draft].filter(([name]) => !name.startsWith(prefix)), ...textsOfRows(next, prefix)]);
}
