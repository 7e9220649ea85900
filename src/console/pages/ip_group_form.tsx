/**
 * Creating or modifying an IP group.
 *
 * @module
 */

import { ErrorSummary, type FormState } from "../forms/parts.tsx";
import { typed } from "../forms/draft.ts";
import type { Note } from "../notes.ts";
import { AreaField, PersistField, TextField } from "../parts/fields.tsx";
import { FormToken, Heading } from "../parts/layout.tsx";
import type { Page, PageContext } from "../page.ts";
import { ipGroupPath } from "../paths.ts";
import { Theirs } from "./theirs.tsx";

/** An IP group in the making. */
export interface IpGroupForm extends FormState {
  /** The group that is modified; `undefined` for a new one. */
  readonly name: string | undefined;
  readonly etag: string;
  /** What is wrong and belongs to no field. */
  readonly others: readonly string[];
  /** What somebody else has made of it meanwhile. */
  readonly theirs?: unknown;
  readonly note?: Note;
}

/** The page. */
export function ipGroupFormPage(context: PageContext, form: IpGroupForm): Page {
  const { name, draft, errors } = form;
  const back = name === undefined ? "/ip-groups" : ipGroupPath(name);
  const title = name === undefined ? "Create IP group" : `Modify ${name}`;
  return {
    title,
    section: "ip-groups",
    isLive: false,
    ...(form.note === undefined ? {} : { note: form.note }),
    body: (
      <>
        <Heading title={title} above={<a href={back}>{name ?? "IP groups"}</a>} />
        <ErrorSummary state={form} others={form.others} isShown={() => true} />
        <form method="post" action={name === undefined ? "/new/ip-group" : `${back}/modify`} class="card stack">
          <FormToken token={context.formToken} />
          <input type="hidden" name="etag" value={form.etag} />
          {name === undefined && (
            <TextField
              name="name"
              label="Name"
              value={typed(draft, "name")}
              errors={errors["name"] ?? []}
              hint="Letters, digits, dots, dashes and underscores; unique."
              isRequired
            />
          )}
          <AreaField
            name="addresses"
            label="Addresses and CIDR blocks"
            value={typed(draft, "addresses")}
            errors={errors["addresses"] ?? []}
            rows={10}
            placeholder="192.0.2.0/24"
            hint="One a line, IPv4 and IPv6."
          />
          <TextField
            name="file"
            label="or a file"
            value={typed(draft, "file")}
            errors={errors["file"] ?? []}
            hint="Beside the configuration: one entry a line, # comments. It is read again at each reload."
          />
          <Theirs settings={form.theirs} />
          <PersistField context={context} value={draft.get("persist")?.at(-1)} />
          <p class="buttons">
            <button type="submit" class="primary">{name === undefined ? "Create" : "Save"}</button>
            <a class="button" href={back}>Cancel</a>
          </p>
        </form>
      </>
    ),
  };
}
