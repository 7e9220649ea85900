/**
 * Creating and modifying backend groups.
 *
 * @module
 */

import { name as nameSchema } from "../../config/fields.ts";
import { backendGroupSchema } from "../../config/schema.ts";
import type { ConfigEditor } from "../../control/config_editor.ts";
import { WeirError } from "../../errors.ts";
import { type Draft, typed } from "../forms/draft.ts";
import { schemaProblems } from "../forms/check.ts";
import { placeProblems } from "../forms/errors.ts";
import { poolSettings, poolTexts } from "../forms/pool_draft.ts";
import { withRows } from "../forms/rows.ts";
import type { Page, PageContext } from "../page.ts";
import { type GroupForm, groupFormPage } from "../pages/group_form.tsx";
import { CHANGED_MEANWHILE } from "../pages/theirs.tsx";
import { persistOf } from "../parts/fields.tsx";
import { groupPath } from "../paths.ts";
import { type FormResult, problemOf } from "../respond.tsx";
import type { AddForm } from "./reload.ts";
import { savedNote } from "./saved.ts";

/** The form for a new group, or for one that is there; throws when there is none of that name. */
export function openGroupForm(context: PageContext, editor: ConfigEditor, name: string | undefined): Page {
  const entry = name === undefined ? undefined : editor.read({ kind: "backendGroup", name });
  return groupFormPage(context, {
    name,
    before: entry?.settings,
    etag: entry?.etag ?? "",
    draft: new Map(poolTexts(entry?.settings)),
    errors: {},
    others: [],
  });
}

/** Adds the actions. */
export function addGroupActions(post: AddForm, { editor }: { readonly editor: ConfigEditor }): void {
  post("/new/backend-group", (texts) => take(editor, undefined, texts));
  post("/backend-groups/:name/modify", (texts, { req }) => take(editor, req.param("name") ?? "", texts));
}

async function take(editor: ConfigEditor, name: string | undefined, draft: Draft): Promise<FormResult> {
  const before = name === undefined ? undefined : editor.read({ kind: "backendGroup", name }).settings;
  const form: GroupForm = { name, before, etag: typed(draft, "etag"), draft, errors: {}, others: [] };
  const rows = withRows(draft, "servers.", typed(draft, "go"));
  if (rows !== undefined) return shown({ ...form, draft: rows });
  const { settings, rowOf } = poolSettings(draft, before);
  const { fields } = placeProblems(schemaProblems(backendGroupSchema, settings), rowOf);
  const given = name ?? typed(draft, "name").trim();
  const wrongName = nameSchema().safeParse(given).error?.issues.map(({ message }) => message);
  const errors = { ...fields, ...(wrongName === undefined ? {} : { name: wrongName }) };
  if (Object.keys(errors).length > 0) return shown({ ...form, errors }, 422);
  return await save(editor, form, { name: given, settings, rowOf });
}

function shown(form: GroupForm, status: 200 | 409 | 422 = 200): FormResult {
  return { kind: "page", status, make: (context) => groupFormPage(context, form) };
}

async function save(
  editor: ConfigEditor,
  form: GroupForm,
  { name, settings, rowOf }: {
    readonly name: string;
    readonly settings: unknown;
    readonly rowOf: readonly number[];
  },
): Promise<FormResult> {
  const ref = { kind: "backendGroup", name } as const;
  const persist = persistOf(form.draft);
  try {
    const report = form.name === undefined
      ? await editor.create(ref, settings, { persist })
      : await editor.put(ref, settings, { persist, ifMatch: form.etag });
    const done = `Backend group ${name} was ${form.name === undefined ? "created" : "modified"}`;
    return { kind: "go", path: groupPath(name), note: savedNote(done, report) };
  } catch (error) {
    if (error instanceof WeirError && error.kind === "precondition_failed") {
      const { settings: theirs, etag } = editor.read(ref);
      return shown({ ...form, etag, theirs, note: { kind: "error", text: CHANGED_MEANWHILE } }, 409);
    }
    const { type, detail, errors = [] } = await problemOf(error);
    if (type.endsWith(":already_exists")) return shown({ ...form, errors: { name: [detail] } }, 409);
    if (errors.length === 0) return shown({ ...form, others: [detail] }, 422);
    const { fields, others } = placeProblems(errors, rowOf);
    return shown({ ...form, errors: fields, others }, 422);
  }
}
