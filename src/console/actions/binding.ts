/**
 * Binding servers and unbinding them.
 *
 * @module
 */

import { z } from "zod";
import { backendGroupSchema } from "../../config/schema.ts";
import type { OverrideScope } from "../../config/runtime.ts";
import type { ConfigEditor } from "../../control/config_editor.ts";
import { WeirError } from "../../errors.ts";
import { schemaProblems } from "../forms/check.ts";
import { type Draft, typed } from "../forms/draft.ts";
import { placeProblems } from "../forms/errors.ts";
import { withRows } from "../forms/rows.ts";
import { EMPTY_ROW, rowsIn, serversFrom, textsOfRows } from "../forms/servers.ts";
import type { Page, PageContext } from "../page.ts";
import { bindPage, ownerPath, unbindPage } from "../pages/bind_form.tsx";
import { persistOf } from "../parts/fields.tsx";
import { errorNote, type FormResult, problemOf } from "../respond.tsx";
import type { AddForm } from "./reload.ts";
import { counted } from "../parts/words.ts";
import { savedNote } from "./saved.ts";

const PREFIX = "servers.";
const listSchema = z.object({ servers: backendGroupSchema.shape.servers });

/** The form to bind servers; throws when the owner has none of its own. */
export function openBindForm(context: PageContext, editor: ConfigEditor, owner: OverrideScope): Page {
  editor.servers(owner);
  const draft = new Map(textsOfRows([EMPTY_ROW, EMPTY_ROW], PREFIX));
  return bindPage(context, { owner, draft, errors: {}, others: [] });
}

/** The question before a server is unbound; throws when there is none of that name. */
export function openUnbindForm(context: PageContext, editor: ConfigEditor, owner: OverrideScope): Page {
  const server = context.query["server"] ?? "";
  const { etag } = editor.readServer(owner, server);
  return unbindPage(context, { owner, server, etag });
}

/** Adds the actions. */
export function addBindingActions(post: AddForm, { editor }: { readonly editor: ConfigEditor }): void {
  for (const [section, kind] of [["listeners", "listener"], ["backend-groups", "group"]] as const) {
    post(
      `/${section}/:name/bind`,
      (texts, { req }) => bind(editor, { kind, name: req.param("name") ?? "" }, texts),
    );
    post(
      `/${section}/:name/unbind`,
      (texts, { req }) => unbind(editor, { kind, name: req.param("name") ?? "" }, texts),
    );
  }
}

async function bind(editor: ConfigEditor, owner: OverrideScope, draft: Draft): Promise<FormResult> {
  const shown = (
    given: Draft,
    errors: Readonly<Record<string, readonly string[]>> = {},
    others: readonly string[] = [],
  ): FormResult => ({
    kind: "page",
    status: Object.keys(errors).length + others.length === 0 ? 200 : 422,
    make: (context) => bindPage(context, { owner, draft: given, errors, others }),
  });
  const rows = withRows(draft, PREFIX, typed(draft, "go"));
  if (rows !== undefined) return shown(rows);
  const { servers, rowOf } = serversFrom(rowsIn(draft, PREFIX));
  if (servers.length === 0) return shown(draft, { [`${PREFIX}0.address`]: ["is required"] });
  const { fields } = placeProblems(schemaProblems(listSchema, { servers }), rowOf);
  if (Object.keys(fields).length > 0) return shown(draft, fields);
  try {
    const report = await editor.bind(owner, servers, { persist: persistOf(draft) });
    const done = `${counted(servers.length, "server entry was", "server entries were")} bound to ${owner.name}`;
    return { kind: "go", path: ownerPath(owner), note: savedNote(done, report) };
  } catch (error) {
    const { detail, errors = [] } = await problemOf(error);
    // What was asked for is the list itself: [0].address
    const inForm = errors.map(({ requestPath, ...rest }) => ({
      ...rest,
      requestPath: requestPath === undefined || requestPath === "" ? undefined : `servers${requestPath}`,
    }));
    const placed = placeProblems(inForm, rowOf);
    return shown(draft, placed.fields, errors.length === 0 ? [detail] : placed.others);
  }
}

async function unbind(editor: ConfigEditor, owner: OverrideScope, draft: Draft): Promise<FormResult> {
  const server = typed(draft, "server");
  const path = ownerPath(owner);
  try {
    const report = await editor.deleteServer(owner, server, {
      ifMatch: typed(draft, "etag"),
      persist: persistOf(draft),
    });
    return { kind: "go", path, note: savedNote(`Server ${server} was unbound from ${owner.name}`, report) };
  } catch (error) {
    if (error instanceof WeirError && error.kind === "precondition_failed") {
      const text = `Somebody else has changed server ${server} meanwhile. Look at it again before you unbind it.`;
      return { kind: "go", path, note: { kind: "error", text } };
    }
    return { kind: "go", path, note: await errorNote(error) };
  }
}
