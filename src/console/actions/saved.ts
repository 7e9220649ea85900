/**
 * What is said after a change.
 *
 * @module
 */

import type { ChangeReport } from "../../control/change_reports.ts";
import type { Note } from "../notes.ts";

/** What was done, whether it was saved, and what to mind. */
export function savedNote(done: string, { persisted, warnings }: Pick<ChangeReport, "persisted" | "warnings">): Note {
  const where = persisted ? "saved to the configuration file" : "not saved: it holds until the next reload";
  return {
    kind: warnings.length > 0 ? "warning" : "done",
    text: `${done} (${where}).`,
    details: warnings.map(({ path, message }) => `${path}: ${message}`),
  };
}
