/**
 * One listener: what it does at the moment, its servers, its settings.
 *
 * @module
 */

import type { z } from "@hono/zod-openapi";
import { findListener } from "../../admin/find.ts";
import type { listenerSchema } from "../../admin/schemas.ts";
import { listenerView } from "../../admin/views.ts";
import { formatBytes } from "../../text/units.ts";
import { Chart } from "../parts/chart.tsx";
import { Heading, Section } from "../parts/layout.tsx";
import { LiveState, LiveText } from "../parts/live_text.tsx";
import { Facts, Table } from "../parts/table.tsx";
import { bytesPerSecond, count, decimal, sentence } from "../parts/words.ts";
import type { Page, PageContext } from "../page.ts";
import { listenerPath } from "../paths.ts";
import { endpointOf } from "./listeners.tsx";
import { listenerFacts } from "./listener_facts.tsx";
import { HealthCheckFacts, NameTable } from "./pool_parts.tsx";
import { ServerTable } from "./server_table.tsx";

type Listener = z.infer<typeof listenerSchema>;

/** The page. Throws the 404 answer when there is no such listener. */
export function listenerPage(context: PageContext, name: string): Page {
  const { view, live, rates } = context;
  const plan = findListener(view.model, name);
  const shown = listenerView(view, plan);
  const path = listenerPath(name);
  return {
    title: name,
    section: "listeners",
    isLive: true,
    body: (
      <>
        <Heading title={name} above={<a href="/listeners">Listeners</a>}>
          <LiveState live={live} name="state" text={sentence(shown.state)} />
          <a class="button" href={`${path}/modify`}>Modify</a>
          <a class="button danger" href={`${path}/delete`}>Delete</a>
        </Heading>
        <p class="lead">
          {shown.protocol === "TCP" ? "TCP" : "TCP SSL"} on <span class="mono">{endpointOf(plan)}</span>
          {shown.description !== "" && <>: {shown.description}</>}
        </p>
        <div class="charts">
          <Chart
            live={live}
            id="c.new"
            title="New connections a second"
            lines={[{ title: "New", values: rates.values("newConnections", name) }]}
            format={decimal}
          />
          <Chart
            live={live}
            id="c.active"
            title="Active connections"
            lines={[{ title: "Active", values: rates.values("active", name) }]}
            format={(value) => count(Math.round(value))}
          />
          <Chart
            live={live}
            id="c.traffic"
            title="Traffic from and to clients"
            lines={[
              { title: "in", values: rates.values("bytesIn", name) },
              { title: "out", values: rates.values("bytesOut", name) },
            ]}
            format={bytesPerSecond}
          />
        </div>
        <ServerTable
          context={context}
          scope={{ kind: "listener", name }}
          group={shown.backendGroup}
          servers={shown.servers}
          algorithm={shown.algorithm}
        />
        <NameTable names={shown.names} live={live} now={view.takenAt} />
        <div class="pair">
          <Section id="settings" title="Basic settings">
            <Facts facts={listenerFacts(shown)} />
          </Section>
          <HealthCheckFacts pool={shown} />
        </div>
        <Totals live={live} listener={shown} />
      </>
    ),
  };
}

function Totals({ live, listener }: { readonly live: PageContext["live"]; readonly listener: Listener }) {
  const ended = Object.entries(listener.connectionsEnded).filter(([, value]) => value > 0);
  const handshakes = Object.entries(listener.handshakeFailures ?? {}).filter(([, value]) => value > 0);
  const number = (name: string, value: number) => <LiveText live={live} name={name} text={count(value)} />;
  return (
    <div class="pair">
      <Section id="totals" title="Since the start">
        <Facts
          facts={[
            ["Connections", number("total", listener.connectionsTotal)],
            ["Active now", number("active", listener.connectionsActive)],
            ["From clients", <LiveText live={live} name="in" text={formatBytes(listener.bytesIn)} />],
            ["To clients", <LiveText live={live} name="out" text={formatBytes(listener.bytesOut)} />],
            ["Times that accepting failed", number("accept", listener.acceptErrors)],
            [
              "Threads",
              listener.threads.map(({ worker, state, connectionsActive }) => (
                <span class="block">
                  worker {worker}, {state}: {number(`thread.${worker}`, connectionsActive)} active
                </span>
              )),
            ],
          ]}
        />
      </Section>
      <Section id="ended" title="Why connections ended">
        <Table
          caption="Ended connections by reason"
          empty="No connection has ended yet."
          columns={[{ title: "Reason" }, { title: "Connections", isNumber: true }]}
          rows={ended.map(([reason, value]) => [sentence(reason), number(`ended.${reason}`, value)])}
        />
        {handshakes.length > 0 && (
          <>
            <h3>TLS handshakes that failed</h3>
            <Table
              caption="Failed TLS handshakes by reason"
              empty=""
              columns={[{ title: "Reason" }, { title: "Handshakes", isNumber: true }]}
              rows={handshakes.map(([reason, value]) => [sentence(reason), number(`handshake.${reason}`, value)])}
            />
          </>
        )}
      </Section>
    </div>
  );
}
