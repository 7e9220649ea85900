/**
 * Binding servers to a group or a listener, and unbinding one.
 *
 * @module
 */

import type { OverrideScope } from "../../config/runtime.ts";
import { ErrorSummary, type FormState, ServerRows } from "../forms/parts.tsx";
import type { Note } from "../notes.ts";
import { PersistField } from "../parts/fields.tsx";
import { FormToken, Heading } from "../parts/layout.tsx";
import type { Page, PageContext } from "../page.ts";
import { groupPath, listenerPath } from "../paths.ts";
import { Users } from "./groups.tsx";

/** The page of an owner of servers. */
export function ownerPath({ kind, name }: OverrideScope): string {
  return kind === "group" ? groupPath(name) : listenerPath(name);
}

/** Servers that are to be bound. */
export interface BindForm extends FormState {
  readonly owner: OverrideScope;
  /** What is wrong and belongs to no field. */
  readonly others: readonly string[];
}

/** Asks which servers to bind. */
export function bindPage(context: PageContext, form: BindForm): Page {
  const { owner, draft } = form;
  const back = ownerPath(owner);
  const users = usersOf(context, owner);
  return {
    title: `Bind servers to ${owner.name}`,
    section: owner.kind === "group" ? "backend-groups" : "listeners",
    isLive: false,
    body: (
      <>
        <Heading title="Bind servers" above={<a href={back}>{owner.name}</a>} />
        <ErrorSummary state={form} others={form.others} isShown={() => true} />
        <form method="post" action={`${back}/bind`} class="card stack">
          {/* What the Enter key means in a field. */}
          <button type="submit" name="go" value="save" class="quiet" tabindex={-1} aria-hidden="true">Bind</button>
          <FormToken token={context.formToken} />
          <p>
            They come after the servers that are bound already. Used by: <Users names={users} />.
          </p>
          <ServerRows state={form} prefix="servers." />
          <PersistField context={context} value={draft.get("persist")?.at(-1)} />
          <p class="buttons">
            <button type="submit" name="go" value="save" class="primary">Bind</button>
            <a class="button" href={back}>Cancel</a>
          </p>
        </form>
      </>
    ),
  };
}

/** Asks before unbinding. @param etag of the server's entry */
export function unbindPage(
  context: PageContext,
  { owner, server, etag, note }: {
    readonly owner: OverrideScope;
    readonly server: string;
    readonly etag: string;
    readonly note?: Note;
  },
): Page {
  const back = ownerPath(owner);
  return {
    title: `Unbind ${server}`,
    section: owner.kind === "group" ? "backend-groups" : "listeners",
    isLive: false,
    ...(note === undefined ? {} : { note }),
    body: (
      <>
        <Heading title={`Unbind ${server}?`} above={<a href={back}>{owner.name}</a>} />
        <form method="post" action={`${back}/unbind`} class="card stack">
          <FormToken token={context.formToken} />
          <input type="hidden" name="server" value={server} />
          <input type="hidden" name="etag" value={etag} />
          <p>
            It gets no new connections; those that it has go on. Used by: <Users names={usersOf(context, owner)} />.
          </p>
          <PersistField context={context} value={undefined} />
          <p class="buttons">
            <button type="submit" class="danger">Unbind</button>
            <a class="button" href={back}>Cancel</a>
          </p>
        </form>
      </>
    ),
  };
}

function usersOf({ view }: PageContext, { kind, name }: OverrideScope): string[] {
  if (kind === "listener") return [name];
  return [...view.model.listeners.values()].filter(({ group }) => group === name).map((plan) => plan.name);
}
