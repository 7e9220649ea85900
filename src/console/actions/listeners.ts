/**
 * Creating and modifying listeners in steps.
 *
 * @module
 */

import { listenerSchema } from "../../config/schema.ts";
import type { ConfigEditor } from "../../control/config_editor.ts";
import { WeirError } from "../../errors.ts";
import { type Draft, typed } from "../forms/draft.ts";
import { listenerSettings, listenerTexts, OWN_GROUP, OWN_POOL } from "../forms/listener_draft.ts";
import { withRows } from "../forms/rows.ts";
import { schemaProblems } from "../forms/check.ts";
import { placeProblems } from "../forms/errors.ts";
import { type ListenerForm, listenerFormPage, type StepKey, stepOf, STEPS } from "../pages/listener_form.tsx";
import { CHANGED_MEANWHILE } from "../pages/theirs.tsx";
import type { Page, PageContext } from "../page.ts";
import { listenerPath } from "../paths.ts";
import { type FormResult, problemOf } from "../respond.tsx";
import { persistOf } from "../parts/fields.tsx";
import { savedNote } from "./saved.ts";
import type { AddForm } from "./reload.ts";

/** What changing listeners needs. */
export interface ListenerActionDependencies {
  readonly editor: ConfigEditor;
}

/** The form for a new listener, or for one that is there; throws when there is none of that name. */
export function openListenerForm(context: PageContext, editor: ConfigEditor, name: string | undefined): Page {
  const entry = name === undefined ? undefined : editor.read({ kind: "listener", name });
  return listenerFormPage(context, {
    name,
    before: entry?.settings,
    etag: entry?.etag ?? "",
    step: "basic",
    draft: listenerTexts(entry?.settings),
    errors: {},
    others: [],
  });
}

/** Adds the actions. */
export function addListenerActions(post: AddForm, { editor }: ListenerActionDependencies): void {
  post("/new/listener", (texts) => take(editor, undefined, texts));
  post("/listeners/:name/modify", (texts, { req }) => take(editor, req.param("name") ?? "", texts));
}

async function take(editor: ConfigEditor, name: string | undefined, texts: Draft): Promise<FormResult> {
  const form = formOf(editor, name, texts);
  const go = typed(texts, "go");
  const rows = withRows(form.draft, `${OWN_POOL}servers.`, go);
  if (rows !== undefined) return shown({ ...form, draft: rows });
  const target = STEPS.findIndex(({ key }) => key === go);
  const now = STEPS.findIndex(({ key }) => key === form.step);
  if (go !== "save" && target <= now) return shown({ ...form, step: STEPS[Math.max(0, target)]?.key ?? "basic" });
  // Forward: each step on the way must be right by itself.
  const { fields } = problemsOf(form);
  for (const { key } of STEPS.slice(0, go === "save" ? undefined : target)) {
    const errors = Object.fromEntries(Object.entries(fields).filter(([field]) => stepOf(field) === key));
    if (Object.keys(errors).length > 0) return shown({ ...form, step: key, errors }, 422);
  }
  if (go !== "save") return shown({ ...form, step: STEPS[target]?.key ?? "basic" });
  return await save(editor, form);
}

function formOf(editor: ConfigEditor, name: string | undefined, texts: Draft): ListenerForm {
  const step = STEPS.find(({ key }) => key === typed(texts, "step"))?.key ?? "basic";
  const draft = new Map([...texts].filter(([field]) => !["go", "step", "etag", "form-token"].includes(field)));
  if (name !== undefined) draft.set("name", [name]);
  const before = name === undefined ? undefined : editor.read({ kind: "listener", name }).settings;
  return { name, before, etag: typed(texts, "etag"), step, draft, errors: {}, others: [] };
}

function shown(form: ListenerForm, status: 200 | 409 | 422 | 500 = 200): FormResult {
  return { kind: "page", status, make: (context) => listenerFormPage(context, form) };
}

function problemsOf({ draft, before }: ListenerForm): { readonly fields: ListenerForm["errors"] } {
  const { settings, rowOf, errors } = listenerSettings(draft, before);
  const { fields } = placeProblems(schemaProblems(listenerSchema, settings), rowOf);
  const isTls = typed(draft, "protocol") === "TCP_SSL";
  const isMutual = isTls && typed(draft, "tls.authentication") === "mutual";
  const needed = [
    ...(typed(draft, "port").trim() === "" ? [["port", "is required"]] : []),
    ...(isTls && typed(draft, "tls.certificate") === "" ? [["tls.certificate", "is required for TCP SSL"]] : []),
    ...(isMutual && typed(draft, "tls.clientCA") === "" ? [["tls.clientCA", "is required for mutual"]] : []),
  ].map(([field = "", text = ""]) => [field, [text]]);
  return { fields: { ...fields, ...Object.fromEntries(needed), ...errors } };
}

async function save(editor: ConfigEditor, form: ListenerForm): Promise<FormResult> {
  const { settings, rowOf } = listenerSettings(form.draft, form.before);
  const name = form.name ?? typed(form.draft, "name").trim();
  const ref = { kind: "listener", name } as const;
  const persist = persistOf(form.draft);
  try {
    const report = form.name === undefined
      ? await editor.create(ref, settings, { persist })
      : await editor.put(ref, settings, { persist, ifMatch: form.etag });
    const done = `Listener ${name} was ${form.name === undefined ? "created" : "modified"}`;
    return { kind: "go", path: listenerPath(name), note: savedNote(done, report) };
  } catch (error) {
    const { type, detail, errors = [] } = await problemOf(error);
    if (error instanceof WeirError && error.kind === "precondition_failed") return conflict(editor, form, name);
    if (type.endsWith(":already_exists")) return shown({ ...form, step: "basic", errors: { name: [detail] } }, 409);
    if (errors.length === 0) return shown({ ...form, step: "review", others: [detail] }, 422);
    const usesGroup = typed(form.draft, "backendGroup") !== OWN_GROUP;
    const { fields, others } = placeProblems(errors, rowOf);
    const step: StepKey = STEPS.find(({ key }) =>
      Object.keys(fields).some((field) =>
        stepOf(field) === key
      ) && !(usesGroup && key !== "basic")
    )?.key ?? "review";
    return shown({ ...form, step, errors: fields, others }, 422);
  }
}

/** Somebody else was faster: both are shown, and saving once more puts this one in its place. */
function conflict(editor: ConfigEditor, form: ListenerForm, name: string): FormResult {
  const { settings: theirs, etag } = editor.read({ kind: "listener", name });
  return shown({ ...form, step: "review", etag, theirs, note: { kind: "error", text: CHANGED_MEANWHILE } }, 409);
}
