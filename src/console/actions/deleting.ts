/**
 * Deleting listeners, backend groups and IP groups.
 *
 * @module
 */

import type { EntryRef } from "../../config/entries.ts";
import type { ConfigEditor } from "../../control/config_editor.ts";
import { WeirError } from "../../errors.ts";
import { type Draft, typed } from "../forms/draft.ts";
import type { Page, PageContext } from "../page.ts";
import { DELETABLE, deletePage } from "../pages/delete_form.tsx";
import { persistOf } from "../parts/fields.tsx";
import { sentence } from "../parts/words.ts";
import { errorNote, type FormResult } from "../respond.tsx";
import type { AddForm } from "./reload.ts";
import { savedNote } from "./saved.ts";

/** The question; throws when there is no such entry. */
export function openDeleteForm(context: PageContext, editor: ConfigEditor, ref: EntryRef): Page {
  const { etag } = editor.read(ref);
  return deletePage(context, { ref, users: editor.usersOf(ref), etag });
}

/** Adds the actions. */
export function addDeleteActions(post: AddForm, { editor }: { readonly editor: ConfigEditor }): void {
  for (const kind of ["listener", "backendGroup", "ipGroup"] as const) {
    const { section } = DELETABLE[kind];
    post(
      `/${section}/:name/delete`,
      (texts, { req }) => remove(editor, { kind, name: req.param("name") ?? "" }, texts),
    );
  }
}

async function remove(editor: ConfigEditor, ref: EntryRef, draft: Draft): Promise<FormResult> {
  const { title, section } = DELETABLE[ref.kind];
  try {
    const report = await editor.delete(ref, { ifMatch: typed(draft, "etag"), persist: persistOf(draft) });
    return { kind: "go", path: `/${section}`, note: savedNote(`${sentence(title)} ${ref.name} was deleted`, report) };
  } catch (error) {
    const isConflict = error instanceof WeirError && error.kind === "precondition_failed";
    const note = isConflict
      ? { kind: "error" as const, text: "Somebody else has changed it since you opened this page. Look again first." }
      : await errorNote(error);
    const { etag } = editor.read(ref);
    const users = editor.usersOf(ref);
    return { kind: "page", status: 409, make: (context) => deletePage(context, { ref, users, etag, note }) };
  }
}
