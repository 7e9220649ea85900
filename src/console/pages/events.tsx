/**
 * What has happened, filtered.
 *
 * @module
 */

import { type RecordedEvent, REMEMBERED_EVENTS, SEVERITIES } from "../../control/event_log.ts";
import { EVENT_KINDS } from "../../event_kind.ts";
import { Heading } from "../parts/layout.tsx";
import { counted, sentence } from "../parts/words.ts";
import type { Page, PageContext } from "../page.ts";
import { EventTable } from "./event_table.tsx";

/** Events on one page. */
const PER_PAGE = 100;

/** The page. */
export function eventsPage({ view, live, events, query }: PageContext): Page {
  const { kind = "", severity = "", listener = "", before = "" } = query;
  const isWanted = (event: RecordedEvent) =>
    (kind === "" || event.kind === kind) && (severity === "" || event.severity === severity) &&
    (listener === "" || event.listener === listener) && (!/^\d{1,16}$/.test(before) || event.id < Number(before));
  const found = events.after(0).filter(isWanted).toReversed();
  const shown = found.slice(0, PER_PAGE);
  const filter = { kind, severity, listener };
  const listeners = [...new Set([...view.model.listeners.keys(), ...(listener === "" ? [] : [listener])])];
  const older = shown.at(-1)?.id;
  return {
    title: "Events",
    section: "events",
    isLive: true,
    body: (
      <>
        <Heading title="Events" />
        <form method="get" action="/events" class="filter" role="search" aria-label="Events">
          <Choice name="kind" title="What" values={EVENT_KINDS} chosen={kind} words={sentence} />
          <Choice name="severity" title="Severity" values={SEVERITIES} chosen={severity} words={sentence} />
          <Choice name="listener" title="Listener" values={listeners} chosen={listener} words={String} />
          <button type="submit">Show</button>
        </form>
        <div class="card table-card">
          <EventTable live={live} now={view.takenAt} events={shown} />
        </div>
        {(before !== "" || found.length > shown.length) && (
          <nav class="pages" aria-label="Pages">
            {before !== "" && <a href={`/events?${new URLSearchParams(filter)}`}>Newest</a>}
            {found.length > shown.length && older !== undefined && (
              <a href={`/events?${new URLSearchParams({ ...filter, before: String(older) })}`}>Older</a>
            )}
          </nav>
        )}
        <p class="hint">
          {counted(found.length, "event")} of the last {REMEMBERED_EVENTS.toLocaleString("en")}, kept in memory.
        </p>
      </>
    ),
  };
}

function Choice({ name, title, values, chosen, words }: {
  readonly name: string;
  readonly title: string;
  readonly values: readonly string[];
  readonly chosen: string;
  readonly words: (value: string) => string;
}) {
  return (
    <label>
      <span>{title}</span>
      <select name={name}>
        <option value="">any</option>
        {values.map((value) => <option value={value} selected={value === chosen}>{words(value)}</option>)}
      </select>
    </label>
  );
}
