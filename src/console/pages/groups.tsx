/**
 * Backend groups, and one of them.
 *
 * @module
 */

import { findGroup } from "../../admin/find.ts";
import { groupView } from "../../admin/views.ts";
import { Heading } from "../parts/layout.tsx";
import { LiveText } from "../parts/live_text.tsx";
import { Table } from "../parts/table.tsx";
import { count } from "../parts/words.ts";
import type { Page, PageContext } from "../page.ts";
import { groupPath, listenerPath } from "../paths.ts";
import { ALGORITHMS, HealthCheckFacts, HealthCount, NameTable } from "./pool_parts.tsx";
import { ServerTable } from "./server_table.tsx";

/** All of them. */
export function groupsPage({ view, live }: PageContext): Page {
  const groups = [...view.model.groups].map(([name, pool]) => groupView(view, name, pool));
  return {
    title: "Backend groups",
    section: "backend-groups",
    isLive: true,
    body: (
      <>
        <Heading title="Backend groups">
          <a class="button primary" href="/new/backend-group">Create backend group</a>
        </Heading>
        <p class="lead">Servers that share the work, for any number of listeners.</p>
        <div class="card table-card">
          <Table
            caption="Backend groups"
            empty="There are no named groups; listeners may have servers of their own."
            columns={[
              { title: "Name" },
              { title: "Balancing" },
              { title: "Servers" },
              { title: "Active", isNumber: true },
              { title: "Used by" },
            ]}
            rows={groups.map((group) => {
              const active = group.servers.reduce((sum, { connectionsActive }) => sum + connectionsActive, 0);
              return [
                <a href={groupPath(group.name)}>{group.name}</a>,
                ALGORITHMS[group.algorithm],
                <HealthCount
                  live={live}
                  name={group.name}
                  health={group.servers.map(({ health }) => health)}
                  isChecked={group.healthCheck.enabled}
                />,
                <LiveText live={live} name={`${group.name}.active`} text={count(active)} />,
                <Users names={group.listeners} />,
              ];
            })}
          />
        </div>
      </>
    ),
  };
}

/** One of them. Throws the 404 answer when there is none of that name. */
export function groupPage(context: PageContext, name: string): Page {
  const { view, live } = context;
  const group = groupView(view, name, findGroup(view.model, name));
  const path = groupPath(name);
  return {
    title: name,
    section: "backend-groups",
    isLive: true,
    body: (
      <>
        <Heading title={name} above={<a href="/backend-groups">Backend groups</a>}>
          <a class="button" href={`${path}/modify`}>Modify</a>
          <a class="button danger" href={`${path}/delete`}>Delete</a>
        </Heading>
        <p class="lead">
          Used by: <Users names={group.listeners} />
        </p>
        <ServerTable
          context={context}
          scope={{ kind: "group", name }}
          group={name}
          servers={group.servers}
          algorithm={group.algorithm}
        />
        <NameTable names={group.names} live={live} now={view.takenAt} />
        <HealthCheckFacts pool={group} />
      </>
    ),
  };
}

/** Listeners that use something. */
export function Users({ names }: { readonly names: readonly string[] }) {
  if (names.length === 0) return <span>no listener</span>;
  return (
    <span>
      {names.map((name, index) => (
        <>
          {index > 0 && ", "}
          <a href={listenerPath(name)}>{name}</a>
        </>
      ))}
    </span>
  );
}
