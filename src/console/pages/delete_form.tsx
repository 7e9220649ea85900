/**
 * The question before a listener, a backend group or an IP group is deleted.
 *
 * @module
 */

import type { EntryKind, EntryRef } from "../../config/entries.ts";
import type { Note } from "../notes.ts";
import { PersistField } from "../parts/fields.tsx";
import { FormToken, Heading } from "../parts/layout.tsx";
import { LiveText } from "../parts/live_text.tsx";
import { counted } from "../parts/words.ts";
import type { Page, PageContext, SectionKey } from "../page.ts";
import { groupPath, ipGroupPath, listenerPath } from "../paths.ts";
import { Users } from "./groups.tsx";

/** What is special about deleting a kind of entry. */
export const DELETABLE: Readonly<
  Record<EntryKind, {
    readonly title: string;
    readonly section: SectionKey;
    readonly path: (name: string) => string;
  }>
> = {
  listener: { title: "listener", section: "listeners", path: listenerPath },
  backendGroup: { title: "backend group", section: "backend-groups", path: groupPath },
  ipGroup: { title: "IP group", section: "ip-groups", path: ipGroupPath },
};

/** The page. @param users listeners that use it, @param etag of the entry */
export function deletePage(
  context: PageContext,
  { ref, users, etag, note }: {
    readonly ref: EntryRef;
    readonly users: readonly string[];
    readonly etag: string;
    readonly note?: Note;
  },
): Page {
  const { title, section, path } = DELETABLE[ref.kind];
  const back = path(ref.name);
  const isUsed = users.length > 0;
  return {
    title: `Delete ${ref.name}`,
    section,
    isLive: false,
    ...(note === undefined ? {} : { note }),
    body: (
      <>
        <Heading title={`Delete ${title} ${ref.name}?`} above={<a href={back}>{ref.name}</a>} />
        <form method="post" action={`${back}/delete`} class="card stack">
          <FormToken token={context.formToken} />
          <input type="hidden" name="etag" value={etag} />
          {isUsed && (
            <p>
              It cannot be deleted while listeners use it: <Users names={users} />.
            </p>
          )}
          {!isUsed &&
            (ref.kind === "listener" ? <Drained context={context} name={ref.name} /> : <p>No listener uses it.</p>)}
          {!isUsed && <PersistField context={context} value={undefined} />}
          <p class="buttons">
            {!isUsed && <button type="submit" class="danger">Delete</button>}
            <a class="button" href={back}>{isUsed ? "Back" : "Cancel"}</a>
          </p>
        </form>
      </>
    ),
  };
}

function Drained({ context: { view, live }, name }: { readonly context: PageContext; readonly name: string }) {
  const active = view.boards.listener(name)?.traffic().connectionsActive ?? 0;
  return (
    <p>
      It stops accepting at once. <LiveText live={live} name="active" text={counted(active, "open connection")} />{" "}
      {active === 1 ? "has" : "have"} up to {view.model.drainTimeout} s to end.
    </p>
  );
}
