/**
 * What listeners and backend groups show alike: how servers are checked, and the host names they come from.
 *
 * @module
 */

import type { z } from "@hono/zod-openapi";
import type { groupSchema, listenerSchema } from "../../admin/schemas.ts";
import type { HealthState } from "../../board/layout.ts";
import type { Live } from "../live.ts";
import { Section } from "../parts/layout.tsx";
import { Ago, LiveText, State } from "../parts/live_text.tsx";
import { Facts, Table } from "../parts/table.tsx";
import { counted } from "../parts/words.ts";
import { certificatePath } from "../paths.ts";
import { onOff } from "./listener_facts.tsx";

/** How each way of balancing is called. */
export const ALGORITHMS = {
  wrr: "weighted round robin",
  wlc: "weighted least connections",
  "source-hash": "source hash",
} as const;

type Pool = Pick<
  z.infer<typeof groupSchema>,
  "algorithm" | "whenAllUnhealthy" | "slowStart" | "healthCheck" | "backendTls"
>;

/** How many of the servers are healthy. @param name of the texts, unique on the page */
export function HealthCount({ live, name, health, isChecked }: {
  readonly live: Live;
  readonly name: string;
  readonly health: readonly HealthState[];
  readonly isChecked: boolean;
}) {
  const healthy = health.filter((one) => one === "Healthy").length;
  const abnormal = health.filter((one) => one === "Abnormal").length;
  const text = isChecked ? `${healthy} of ${health.length} healthy` : counted(health.length, "server");
  const tone = health.length === 0 || abnormal === health.length
    ? "bad"
    : abnormal > 0
    ? "warning"
    : healthy === health.length
    ? "good"
    : "neutral";
  const key = `${name}.servers`;
  const shown = live.put(key, text);
  return (
    <span class="name">
      <span class="state" data-live={key} data-tone={live.put(`${key}.tone`, tone)}>{shown}</span>
      {!isChecked && <span class="hint">not checked</span>}
      {abnormal > 0 && (
        <span class="hint">
          <LiveText live={live} name={`${name}.abnormal`} text={`${abnormal} Abnormal`} />
        </span>
      )}
    </span>
  );
}

/** How servers are picked, checked and reached. */
export function HealthCheckFacts({ pool }: { readonly pool: Pool }) {
  const { healthCheck, backendTls } = pool;
  return (
    <Section id="health" title="Balancing and health check">
      <Facts
        facts={[
          ["Balancing", ALGORITHMS[pool.algorithm]],
          ["Slow start", pool.slowStart === 0 ? "off" : `over ${pool.slowStart} s`],
          [
            "With every server Abnormal",
            pool.whenAllUnhealthy === "forward" ? "all are treated as healthy" : "connections are refused",
          ],
          ["Health check", onOff(healthCheck.enabled)],
          ...(healthCheck.enabled
            ? [
              ["Checked port", healthCheck.port === null ? "the server's own" : String(healthCheck.port)] as const,
              ["Response timeout", `${healthCheck.timeout} s`] as const,
              ["Interval", `${healthCheck.interval} s`] as const,
              ["Abnormal after", `${healthCheck.unhealthyThreshold} failures in a row`] as const,
              ["Healthy after", `${healthCheck.healthyThreshold} successes in a row`] as const,
              ["Failed connections of clients", healthCheck.passive ? "count as well" : "do not count"] as const,
            ]
            : []),
          [
            "To the servers",
            backendTls === null ? "plain TCP" : (
              <>
                TLS, {backendTls.verify
                  ? (
                    <>
                      servers prove to be {backendTls.serverName ?? "their own name"} to {backendTls.ca === null
                        ? "the public CAs"
                        : <a href={certificatePath("clientCA", backendTls.ca)}>{backendTls.ca}</a>}
                    </>
                  )
                  : "servers prove nothing"}
              </>
            ),
          ],
        ]}
      />
    </Section>
  );
}

/** Host names and their addresses; nothing when there are none. */
export function NameTable(
  { names, live, now }: {
    readonly names: z.infer<typeof listenerSchema>["names"];
    readonly live: Live;
    readonly now: Date;
  },
) {
  if (names.length === 0) return null;
  return (
    <Section id="names" title="Host names">
      <Table
        caption="Host names that servers are given by"
        empty=""
        columns={[{ title: "Name" }, { title: "Addresses" }, { title: "Looked up" }, { title: "Result" }]}
        rows={names.map(({ name, addresses, error, checkedAt }) => [
          <span class="mono">{name}</span>,
          <span class="mono">{addresses.length === 0 ? "none" : addresses.join(", ")}</span>,
          checkedAt === null ? "not yet" : <Ago live={live} name={`name.${name}`} at={checkedAt} now={now} />,
          error === null ? <State text="Resolved" tone="good" /> : <State text={`Failed: ${error}`} tone="bad" />,
        ])}
      />
    </Section>
  );
}
