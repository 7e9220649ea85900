/**
 * Creating and modifying IP groups.
 *
 * @module
 */

import { isMapping } from "../../config/entries.ts";
import { name as nameSchema } from "../../config/fields.ts";
import { ipGroupSchema } from "../../config/schema.ts";
import type { ConfigEditor } from "../../control/config_editor.ts";
import { WeirError } from "../../errors.ts";
import { schemaProblems } from "../forms/check.ts";
import { type Draft, textOf, typed } from "../forms/draft.ts";
import type { RequestProblem } from "../forms/errors.ts";
import type { Page, PageContext } from "../page.ts";
import { type IpGroupForm, ipGroupFormPage } from "../pages/ip_group_form.tsx";
import { CHANGED_MEANWHILE } from "../pages/theirs.tsx";
import { persistOf } from "../parts/fields.tsx";
import { ipGroupPath } from "../paths.ts";
import { type FormResult, problemOf } from "../respond.tsx";
import type { AddForm } from "./reload.ts";
import { savedNote } from "./saved.ts";

/** The form for a new group, or for one that is there; throws when there is none of that name. */
export function openIpGroupForm(context: PageContext, editor: ConfigEditor, name: string | undefined): Page {
  const { settings, etag } = name === undefined
    ? { settings: undefined, etag: "" }
    : editor.read({ kind: "ipGroup", name });
  const draft = new Map([
    ["addresses", [Array.isArray(settings) ? settings.map(textOf).join("\n") : ""]],
    ["file", [isMapping(settings) ? textOf(settings["file"]) : ""]],
  ]);
  return ipGroupFormPage(context, { name, etag, draft, errors: {}, others: [] });
}

/** Adds the actions. */
export function addIpGroupActions(post: AddForm, { editor }: { readonly editor: ConfigEditor }): void {
  post("/new/ip-group", (texts) => take(editor, undefined, texts));
  post("/ip-groups/:name/modify", (texts, { req }) => take(editor, req.param("name") ?? "", texts));
}

async function take(editor: ConfigEditor, given: string | undefined, draft: Draft): Promise<FormResult> {
  const form: IpGroupForm = { name: given, etag: typed(draft, "etag"), draft, errors: {}, others: [] };
  const shown = (part: Partial<IpGroupForm>, status: 409 | 422 = 422): FormResult => ({
    kind: "page",
    status,
    make: (context) => ipGroupFormPage(context, { ...form, ...part }),
  });
  const name = given ?? typed(draft, "name").trim();
  const file = typed(draft, "file").trim();
  const entries = typed(draft, "addresses").split(/[\s,]+/).filter((entry) => entry !== "");
  const wrongName = nameSchema().safeParse(name).error?.issues.map(({ message }) => message);
  if (wrongName !== undefined) return shown({ errors: { name: wrongName } });
  if (file !== "" && entries.length > 0) {
    return shown({ errors: { file: ["is for groups without addresses of their own; leave one of the two empty"] } });
  }
  const settings = file === "" ? entries : { file };
  const schema = file === "" ? ipGroupSchema.options[0] : ipGroupSchema.options[1];
  const wrong = schemaProblems(schema, settings);
  if (wrong.length > 0) return shown(placed(wrong, entries));
  const ref = { kind: "ipGroup", name } as const;
  const persist = persistOf(draft);
  try {
    const report = given === undefined
      ? await editor.create(ref, settings, { persist })
      : await editor.put(ref, settings, { persist, ifMatch: form.etag });
    const done = `IP group ${name} was ${given === undefined ? "created" : "modified"}`;
    return { kind: "go", path: ipGroupPath(name), note: savedNote(done, report) };
  } catch (error) {
    if (error instanceof WeirError && error.kind === "precondition_failed") {
      const { settings: theirs, etag } = editor.read(ref);
      return shown({ etag, theirs, note: { kind: "error", text: CHANGED_MEANWHILE } }, 409);
    }
    const { type, detail, errors = [] } = await problemOf(error);
    if (type.endsWith(":already_exists")) return shown({ errors: { name: [detail] } }, 409);
    return shown(errors.length === 0 ? { others: [detail] } : placed(errors, entries));
  }
}

/** Problems at the field that they are about, each with its line. */
function placed(problems: readonly RequestProblem[], entries: readonly string[]): Partial<IpGroupForm> {
  const own = problems.filter(({ requestPath }) => requestPath !== undefined);
  const texts = (isFile: boolean) =>
    own.filter(({ requestPath }) => (requestPath === "file") === isFile).map(({ requestPath = "", message }) => {
      const index = /^\[(\d+)\]/.exec(requestPath)?.[1];
      return index === undefined ? message : `${entries[Number(index)]}: ${message}`;
    });
  return {
    errors: { addresses: texts(false), file: texts(true) },
    others: problems.filter(({ requestPath }) => requestPath === undefined).map(({ path, message }) =>
      `${path}: ${message}`
    ),
  };
}
