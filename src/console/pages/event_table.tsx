/**
 * Events in a table, the newest first.
 *
 * @module
 */

import type { RecordedEvent } from "../../control/event_log.ts";
import type { Live } from "../live.ts";
import { Ago, State } from "../parts/live_text.tsx";
import { Table } from "../parts/table.tsx";
import { sentence } from "../parts/words.ts";
import { listenerPath } from "../paths.ts";

/** The table. */
export function EventTable(
  { live, now, events }: { readonly live: Live; readonly now: Date; readonly events: readonly RecordedEvent[] },
) {
  return (
    <Table
      caption="Events, the newest first"
      empty="Nothing has happened yet."
      columns={[{ title: "When" }, { title: "Severity" }, { title: "What" }, { title: "Listener" }, {
        title: "Message",
      }]}
      rows={events.map(({ id, at, kind, severity, listener, message }) => [
        <Ago live={live} name={`event.${id}`} at={at} now={now} />,
        <State text={sentence(severity)} />,
        sentence(kind),
        listener === null ? "–" : <a href={listenerPath(listener)}>{listener}</a>,
        <span class="message whole-row">{message}</span>,
      ])}
    />
  );
}
