/**
 * Creating or modifying a backend group.
 *
 * @module
 */

import { ErrorSummary, type FormState, PoolHealth, PoolSettings, ServerRows } from "../forms/parts.tsx";
import { typed } from "../forms/draft.ts";
import type { Note } from "../notes.ts";
import { PersistField, TextField } from "../parts/fields.tsx";
import { FormToken, Heading } from "../parts/layout.tsx";
import type { Page, PageContext } from "../page.ts";
import { groupPath } from "../paths.ts";
import { Theirs } from "./theirs.tsx";

/** A backend group in the making. */
export interface GroupForm extends FormState {
  /** The group that is modified; `undefined` for a new one. */
  readonly name: string | undefined;
  /** What is modified, as the configuration says it. */
  readonly before: unknown;
  readonly etag: string;
  /** What is wrong and belongs to no field. */
  readonly others: readonly string[];
  /** What somebody else has made of it meanwhile. */
  readonly theirs?: unknown;
  readonly note?: Note;
}

/** The page. */
export function groupFormPage(context: PageContext, form: GroupForm): Page {
  const { name, draft, errors } = form;
  const back = name === undefined ? "/backend-groups" : groupPath(name);
  const title = name === undefined ? "Create backend group" : `Modify ${name}`;
  return {
    title,
    section: "backend-groups",
    isLive: false,
    ...(form.note === undefined ? {} : { note: form.note }),
    body: (
      <>
        <Heading title={title} above={<a href={back}>{name ?? "Backend groups"}</a>} />
        <ErrorSummary state={form} others={form.others} isShown={() => true} />
        <form method="post" action={name === undefined ? "/new/backend-group" : `${back}/modify`} class="card stack">
          {/* What the Enter key means in a field. */}
          <button type="submit" name="go" value="save" class="quiet" tabindex={-1} aria-hidden="true">Save</button>
          <FormToken token={context.formToken} />
          <input type="hidden" name="etag" value={form.etag} />
          {name === undefined && (
            <div class="fields">
              <TextField
                name="name"
                label="Name"
                value={typed(draft, "name")}
                errors={errors["name"] ?? []}
                hint="Letters, digits, dots, dashes and underscores; unique."
                isRequired
              />
            </div>
          )}
          <ServerRows state={form} prefix="servers." />
          <PoolSettings state={form} prefix="" context={context} />
          <PoolHealth state={form} prefix="" />
          <Theirs settings={form.theirs} />
          <PersistField context={context} value={draft.get("persist")?.at(-1)} />
          <p class="buttons">
            <button type="submit" name="go" value="save" class="primary">
              {name === undefined ? "Create" : "Save"}
            </button>
            <a class="button" href={back}>Cancel</a>
          </p>
        </form>
      </>
    ),
  };
}
