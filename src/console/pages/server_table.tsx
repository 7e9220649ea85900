/**
 * The servers of a listener or of a backend group, and what can be done with each.
 *
 * @module
 */

import type { z } from "@hono/zod-openapi";
import type { groupServerSchema, serverSchema } from "../../admin/schemas.ts";
import type { OverrideScope } from "../../config/runtime.ts";
import { formatBytes } from "../../text/units.ts";
import type { PageContext } from "../page.ts";
import { FormToken, Section } from "../parts/layout.tsx";
import { Ago, LiveState, LiveText } from "../parts/live_text.tsx";
import { Table } from "../parts/table.tsx";
import { count } from "../parts/words.ts";
import { groupPath, listenerPath } from "../paths.ts";
import { ALGORITHMS } from "./pool_parts.tsx";

type Server = z.infer<typeof groupServerSchema> & Partial<z.infer<typeof serverSchema>>;

/** The table. */
export function ServerTable({ context, scope, group, servers, algorithm }: {
  readonly context: PageContext;
  readonly scope: OverrideScope;
  /** The named group that the servers belong to; `null` when they are the listener's own. */
  readonly group: string | null;
  readonly servers: readonly Server[];
  readonly algorithm: keyof typeof ALGORITHMS;
}) {
  const { live } = context;
  const path = scope.kind === "group" ? groupPath(scope.name) : listenerPath(scope.name);
  const weights = servers.filter(({ draining }) => !draining).reduce((sum, { weight }) => sum + weight, 0);
  return (
    <Section
      id="servers"
      title={scope.kind === "group" ? "Servers" : "Bound servers"}
      actions={<a class="button" href={`${group === null ? path : groupPath(group)}/bind`}>Bind servers</a>}
    >
      <p class="hint">
        Balanced by {ALGORITHMS[algorithm]}
        {algorithm === "wlc" ? ": the next connection goes to the least active connections for its weight" : ""}.
        {group !== null && scope.kind === "listener" && (
          <>
            {" "}They belong to the backend group{" "}
            <a href={groupPath(group)}>{group}</a>: binding and unbinding there holds for every listener that uses it.
          </>
        )}
      </p>
      <Table
        caption="Servers with their health and connections"
        empty="No servers are bound."
        columns={[
          { title: "Server" },
          { title: "Health" },
          { title: "Weight", isNumber: true },
          { title: "Active", isNumber: true },
          { title: "Connections", isNumber: true },
          { title: "Traffic", isNumber: true },
          { title: "Failed connects", isNumber: true },
          { title: "Actions", isQuiet: true },
        ]}
        rows={servers.map((server) => {
          const key = `server.${server.server}`;
          return [
            <span class="name">
              <span class="mono">{server.server}</span>
              {server.configured !== server.server && <span class="hint">from {server.configured}</span>}
              {server.ports !== null && <span class="hint">ports {server.ports}</span>}
              {server.backup && <span class="hint">backup</span>}
            </span>,
            <Health context={context} server={server} />,
            <span>
              <LiveText live={live} name={`${key}.weight`} text={weightOf(server)} />
              {server.backup || weights === 0 || server.draining || servers.some(({ backup }) => backup)
                ? null
                : <span class="hint">{Math.round((server.weight / weights) * 100)} %</span>}
            </span>,
            <LiveText live={live} name={`${key}.active`} text={count(server.connectionsActive)} />,
            <LiveText live={live} name={`${key}.total`} text={count(server.connectionsTotal)} />,
            <span class="pairs">
              <span>
                in <LiveText live={live} name={`${key}.in`} text={formatBytes(server.bytesIn)} />
              </span>
              <span>
                out <LiveText live={live} name={`${key}.out`} text={formatBytes(server.bytesOut)} />
              </span>
            </span>,
            <LiveText live={live} name={`${key}.failures`} text={count(server.connectFailures)} />,
            <ServerActions
              context={context}
              path={path}
              server={server}
              owner={group === null ? path : groupPath(group)}
              isGroups={group !== null && scope.kind === "listener"}
            />,
          ];
        })}
      />
    </Section>
  );
}

function weightOf({ weight, effectiveWeight = weight }: Server): string {
  return effectiveWeight < weight ? `${effectiveWeight.toFixed(1)} of ${weight}` : String(weight);
}

function Health({ context: { live, view }, server }: { readonly context: PageContext; readonly server: Server }) {
  const key = `server.${server.server}`;
  const { lastChange = null, lastProbe = null } = server;
  const now = view.takenAt;
  return (
    <span class="name">
      <LiveState live={live} name={`${key}.health`} text={server.health} />
      {server.draining && <span class="state" data-tone="warning">Draining</span>}
      {lastChange !== null && (
        <span class="hint">
          <LiveText live={live} name={`${key}.reason`} text={lastChange.reason} />,{" "}
          <Ago live={live} name={`${key}.change`} at={lastChange.at} now={now} />
        </span>
      )}
      {lastProbe !== null && !lastProbe.ok && (
        <span class="hint">
          last probe: <LiveText live={live} name={`${key}.probe`} text={lastProbe.error ?? "failed"} />
        </span>
      )}
    </span>
  );
}

function ServerActions({ context, path, server, owner, isGroups }: {
  readonly context: PageContext;
  readonly path: string;
  readonly server: Server;
  /** The page of what the configuration has it in. */
  readonly owner: string;
  /** Whether that is a group, while this is the page of a listener. */
  readonly isGroups: boolean;
}) {
  const { formToken } = context;
  const name = server.configured;
  const action = `${path}/servers/${encodeURIComponent(server.server)}`;
  return (
    <details class="menu-button">
      <summary aria-label={`Actions for server ${server.server}`}>Actions</summary>
      <div class="menu-box">
        <form method="post" action={`${action}/drain`}>
          <FormToken token={formToken} />
          <input type="hidden" name="drain" value={server.draining ? "false" : "true"} />
          <button type="submit">{server.draining ? "Resume" : "Drain"}</button>
          <span class="hint">
            {server.draining ? "It takes new connections again." : "Nothing new; open connections go on."}
          </span>
        </form>
        <form method="post" action={`${action}/weight`}>
          <FormToken token={formToken} />
          <label>
            <span>
              Weight <span class="quiet">of {server.server}</span>
            </span>
            <input type="number" name="weight" min="0" max="100" required value={String(server.weight)} />
          </label>
          <label class="check">
            <input type="checkbox" name="persist" value="true" disabled={context.unsaveable !== null} />
            <span>Save to the configuration file{isGroups ? ", for all listeners of the group" : ""}</span>
          </label>
          <button type="submit">Change weight</button>
          <span class="hint">
            {context.unsaveable ?? "Without saving it holds until the configuration is read again."}
          </span>
        </form>
        <a class="button danger" href={`${owner}/unbind?${new URLSearchParams({ server: name })}`}>Unbind…</a>
      </div>
    </details>
  );
}
