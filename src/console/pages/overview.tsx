/**
 * The whole program at a glance.
 *
 * @module
 */

import { statusView } from "../../admin/views.ts";
import { formatBytes, formatDuration } from "../../text/units.ts";
import { Chart } from "../parts/chart.tsx";
import { FormToken, Heading, Section } from "../parts/layout.tsx";
import { Ago, LiveState, LiveText } from "../parts/live_text.tsx";
import { Facts } from "../parts/table.tsx";
import { bytesPerSecond, count, counted, decimal, moment, sentence } from "../parts/words.ts";
import type { Page, PageContext } from "../page.ts";
import { attention } from "./attention.ts";
import { EventTable } from "./event_table.tsx";

/** Events that the overview shows. */
const SHOWN_EVENTS = 8;

/** The page. */
export function overviewPage(context: PageContext): Page {
  const { view, live, rates } = context;
  const status = statusView(view, view.takenAt);
  const listeners = [...view.model.listeners.values()];
  const accepting = listeners.filter(({ name }) => view.stateOf(name) === "accepting").length;
  const servers = listeners.flatMap(({ name, pool }) =>
    pool.servers.map(({ key }) => view.boards.server(name, key)?.health ?? "Unknown")
  );
  const abnormal = servers.filter((health) => health === "Abnormal").length;
  return {
    title: "Overview",
    section: "overview",
    isLive: true,
    body: (
      <>
        <Heading title="Overview">
          <LiveState live={live} name="ready" text={status.ready ? "Ready" : "Not ready"} />
        </Heading>
        <ul class="tiles">
          <Tile live={live} id="t.active" title="Active connections" value={count(status.totals.connectionsActive)} />
          <Tile
            live={live}
            id="t.new"
            title="New connections a second"
            value={decimal(rates.newest("newConnections"))}
          />
          <Tile live={live} id="t.total" title="Total connections" value={count(status.totals.connectionsTotal)} />
          <Tile live={live} id="t.in" title="From clients" value={formatBytes(status.totals.bytesIn)} />
          <Tile live={live} id="t.out" title="To clients" value={formatBytes(status.totals.bytesOut)} />
          <Tile
            live={live}
            id="t.listeners"
            title="Listeners accepting"
            value={`${accepting} of ${listeners.length}`}
          />
          <Tile
            live={live}
            id="t.servers"
            title="Servers not Abnormal"
            value={`${servers.length - abnormal} of ${servers.length}`}
          />
        </ul>
        <Attention context={context} />
        <div class="charts">
          <Chart
            live={live}
            id="c.new"
            title="New connections a second"
            lines={[{ title: "New", values: rates.values("newConnections") }]}
            format={decimal}
          />
          <Chart
            live={live}
            id="c.active"
            title="Active connections"
            lines={[{ title: "Active", values: rates.values("active") }]}
            format={(value) => count(Math.round(value))}
          />
          <Chart
            live={live}
            id="c.traffic"
            title="Traffic from and to clients"
            lines={[
              { title: "in", values: rates.values("bytesIn") },
              { title: "out", values: rates.values("bytesOut") },
            ]}
            format={bytesPerSecond}
          />
        </div>
        <Configuration context={context} />
        <Section id="events" title="Recent events" actions={<a href="/events">All events</a>}>
          <EventTable
            live={live}
            now={view.takenAt}
            events={context.events.after(0).slice(-SHOWN_EVENTS).toReversed()}
          />
        </Section>
        <Section id="program" title="Program">
          <Facts
            facts={[
              ["Version", status.version],
              ["Running for", <LiveText live={live} name="uptime" text={formatDuration(status.uptimeSeconds)} />],
              ["Started", moment(status.startedAt)],
              [
                "Worker threads",
                <LiveText
                  live={live}
                  name="workers"
                  text={`${count(status.workers.running)}, ${counted(status.workers.restarts, "restart")}`}
                />,
              ],
              ["Still draining", <LiveText live={live} name="draining" text={count(status.workers.draining)} />],
              ["Memory", <LiveText live={live} name="memory" text={formatBytes(status.memory.rss)} />],
              [
                "Access log",
                <LiveText
                  live={live}
                  name="dropped"
                  text={view.model.log.access === null
                    ? "off"
                    : `on, ${counted(view.accessLogDropped, "line")} dropped`}
                />,
              ],
            ]}
          />
        </Section>
      </>
    ),
  };
}

function Tile(
  { live, id, title, value }: {
    readonly live: PageContext["live"];
    readonly id: string;
    readonly title: string;
    readonly value: string;
  },
) {
  return (
    <li class="tile card">
      <span class="tile-title">{title}</span>
      <strong class="tile-value">
        <LiveText live={live} name={id} text={value} />
      </strong>
    </li>
  );
}

function Attention({ context }: { readonly context: PageContext }) {
  const found = attention(context.view);
  return (
    <Section id="attention" title="Needs attention">
      {found.length === 0
        ? <p class="empty">Nothing: every listener accepts, and no server is Abnormal.</p>
        : (
          <ul class="attention">
            {found.map(({ severity, text, path }) => (
              <li>
                <span class="state" data-tone={severity === "error" ? "bad" : "warning"}>{sentence(severity)}</span>
                <span>{path === null ? text : <a href={path}>{text}</a>}</span>
              </li>
            ))}
          </ul>
        )}
    </Section>
  );
}

function Configuration({ context: { view, live, formToken } }: { readonly context: PageContext }) {
  const { lastReload, unsaved, configFile } = statusView(view, view.takenAt);
  const at = lastReload === null ? view.startedAt.toISOString() : lastReload.ok ? lastReload.report.at : lastReload.at;
  const changes = lastReload?.ok === true ? lastReload.report.changes : [];
  const warnings = lastReload?.ok === true ? lastReload.report.warnings : [];
  return (
    <Section
      id="configuration"
      title="Configuration"
      actions={
        <form method="post" action="/reload">
          <FormToken token={formToken} />
          <button type="submit">Reload configuration</button>
        </form>
      }
    >
      <Facts
        facts={[
          ["File", <code>{configFile}</code>],
          [
            "Last read",
            <>
              <Ago live={live} name="reload.at" at={at} now={view.takenAt} />
              {lastReload?.ok === false ? ", refused; the one before serves on" : ""}
            </>,
          ],
          [
            "Changed by that",
            lastReload?.ok === false
              ? "nothing"
              : lastReload?.report.trigger === "start"
              ? "everything: it was the start"
              : changes.length === 0
              ? "no listener"
              : changes.map(({ listener, action }) => `${listener} (${action})`).join(", "),
          ],
          [
            "Not saved",
            unsaved.length === 0 ? "nothing" : (
              <>
                {unsaved.map((path) => <code class="block">{path}</code>)}
                <span class="hint">These serve until the next reload, which goes by the file again.</span>
              </>
            ),
          ],
        ]}
      />
      {lastReload?.ok === false && (
        <>
          <h3>Why it was refused</h3>
          <pre class="wrap">{lastReload.error}</pre>
        </>
      )}
      {warnings.length > 0 && (
        <>
          <h3>Warnings</h3>
          <ul class="problems">
            {warnings.map(({ file, line, column, path, message }) => (
              <li>
                <code>{`${file}:${line}:${column}`}</code> <code>{path}</code>: {message}
              </li>
            ))}
          </ul>
        </>
      )}
    </Section>
  );
}
