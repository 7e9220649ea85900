/**
 * Reading the configuration file again.
 *
 * @module
 */

import type { ReloadReport } from "../../control/change_reports.ts";
import type { FormHandler } from "../console.tsx";
import type { Note } from "../notes.ts";
import { errorNote } from "../respond.tsx";
import { counted } from "../parts/words.ts";

/** Adds a form's address. */
export type AddForm = (path: string, handle: FormHandler) => void;

/** Adds the action. */
export function addReload(post: AddForm, { reload }: { readonly reload: () => Promise<ReloadReport> }): void {
  post("/reload", async () => {
    try {
      return { kind: "go", path: "/", note: noteOf(await reload()) };
    } catch (error) {
      return { kind: "go", path: "/", note: await errorNote(error) };
    }
  });
}

function noteOf({ changes, general, warnings }: ReloadReport): Note {
  const done = [
    ...changes.map(({ listener, action, settings }) =>
      `Listener ${listener}: ${action}${settings.length === 0 ? "" : ` (${settings.join(", ")})`}`
    ),
    ...general.map((section) => `Changed: ${section}`),
    ...warnings.map(({ file, line, column, path, message }) =>
      `Warning: ${line === 0 ? file : `${file}:${line}:${column}`} ${path}: ${message}`
    ),
  ];
  const what = changes.length + general.length === 0
    ? "nothing has changed"
    : counted(changes.length + general.length, "change");
  return {
    kind: warnings.length > 0 ? "warning" : "done",
    text: `The configuration was read again: ${what}.`,
    details: done,
  };
}
