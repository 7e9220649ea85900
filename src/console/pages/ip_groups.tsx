/**
 * Named sets of addresses, and one of them.
 *
 * @module
 */

import { refusal } from "../../admin/problem.ts";
import type { RuntimeView } from "../../admin/views.ts";
import { suggestion } from "../../text/nearest.ts";
import { Heading, Section } from "../parts/layout.tsx";
import { Table } from "../parts/table.tsx";
import { counted } from "../parts/words.ts";
import type { Page, PageContext } from "../page.ts";
import { ipGroupPath } from "../paths.ts";
import { Users } from "./groups.tsx";

/** What the configuration has under a name: entries, or the file that holds them. */
type IpGroup = readonly string[] | { readonly file: string };

/** All of them. */
export function ipGroupsPage({ view }: PageContext): Page {
  const groups = Object.entries(view.accepted.valid.config.ipGroups);
  return {
    title: "IP groups",
    section: "ip-groups",
    isLive: true,
    body: (
      <>
        <Heading title="IP groups">
          <a class="button primary" href="/new/ip-group">Create IP group</a>
        </Heading>
        <p class="lead">Addresses and CIDR blocks for whitelists, blacklists and PROXY protocol.</p>
        <div class="card table-card">
          <Table
            caption="IP groups"
            empty="There are none: every listener lets all addresses in."
            columns={[{ title: "Name" }, { title: "Holds" }, { title: "Used by" }]}
            rows={groups.map(([name, group]) => [
              <a href={ipGroupPath(name)}>{name}</a>,
              <span class="message">{summaryOf(group)}</span>,
              <Users names={usersOf(view, name)} />,
            ])}
          />
        </div>
      </>
    ),
  };
}

/** One of them. Throws the 404 answer when there is none of that name. */
export function ipGroupPage({ view }: PageContext, name: string): Page {
  const group = findIpGroup(view, name);
  const path = ipGroupPath(name);
  return {
    title: name,
    section: "ip-groups",
    isLive: true,
    body: (
      <>
        <Heading title={name} above={<a href="/ip-groups">IP groups</a>}>
          <a class="button" href={`${path}/modify`}>Modify</a>
          <a class="button danger" href={`${path}/delete`}>Delete</a>
        </Heading>
        <p class="lead">
          Used by: <Users names={usersOf(view, name)} />
        </p>
        <Section id="entries" title="Addresses and CIDR blocks">
          {isList(group)
            ? (
              <>
                <p class="hint">{counted(group.length, "entry", "entries")}</p>
                <ul class="entries mono">{group.map((entry) => <li>{entry}</li>)}</ul>
              </>
            )
            : (
              <p>
                In the file <code>{group.file}</code>, which is read at each reload.
              </p>
            )}
        </Section>
      </>
    ),
  };
}

/** The group of a name. Throws the 404 answer when there is none. */
function findIpGroup(view: RuntimeView, name: string): IpGroup {
  const { ipGroups } = view.accepted.valid.config;
  const group = Object.hasOwn(ipGroups, name) ? ipGroups[name] : undefined;
  if (group !== undefined) return group;
  throw refusal(404, "no_such_ip_group", `There is no IP group "${name}"${suggestion(name, Object.keys(ipGroups))}`);
}

/** The listeners that use an IP group. */
export function usersOf(view: RuntimeView, name: string): string[] {
  return [...view.model.listeners.values()]
    .filter(({ access, acceptProxy }) =>
      access?.groups.includes(name) === true || acceptProxy?.groups.includes(name) === true
    )
    .map((plan) => plan.name);
}

function isList(group: IpGroup): group is readonly string[] {
  return Array.isArray(group);
}

function summaryOf(group: IpGroup): string {
  if (!isList(group)) return `the file ${group.file}`;
  const some = group.slice(0, 4).join(", ");
  return group.length === 0 ? "nothing" : group.length > 4 ? `${some} and ${group.length - 4} more` : some;
}
