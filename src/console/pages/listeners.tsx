/**
 * All listeners, or those that are looked for.
 *
 * @module
 */

import type { ListenerPlan } from "../../config/model.ts";
import { protocolOf } from "../../config/model.ts";
import { formatEndpoint } from "../../net/ip.ts";
import { formatPorts } from "../../net/ports.ts";
import { Sparkline } from "../parts/chart.tsx";
import { Heading } from "../parts/layout.tsx";
import { LiveState, LiveText } from "../parts/live_text.tsx";
import { Table } from "../parts/table.tsx";
import { bytesPerSecond, count, counted, decimal, sentence } from "../parts/words.ts";
import type { Page, PageContext } from "../page.ts";
import { listenerPath } from "../paths.ts";
import { HealthCount } from "./pool_parts.tsx";

/** Listeners on one page. */
const PER_PAGE = 50;

/** The page. */
export function listenersPage(context: PageContext): Page {
  const { view, live, query } = context;
  const all = [...view.model.listeners.values()];
  const words = (query["q"] ?? "").trim();
  const tag = query["tag"] ?? "";
  const found = all.filter((plan) => contains(plan, words) && (tag === "" || tagsOf(plan).includes(tag)));
  const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
  const page = Math.min(pages, Math.max(1, Math.floor(Number(query["page"] ?? 1)) || 1));
  const shown = found.slice((page - 1) * PER_PAGE, page * PER_PAGE);
  const isFiltered = words !== "" || tag !== "";
  return {
    title: "Listeners",
    section: "listeners",
    isLive: true,
    body: (
      <>
        <Heading title="Listeners">
          <a class="button primary" href="/new/listener">Create listener</a>
        </Heading>
        {all.length > 0 && <Filter all={all} words={words} tag={tag} />}
        <div class="card table-card" data-region="listeners" id="listeners">
          <Table
            caption="Listeners"
            empty={isFiltered
              ? (
                <>
                  No listener is like that. <a href="/listeners">Show all</a>
                </>
              )
              : (
                <>
                  There are no listeners yet. <a href="/new/listener">Create the first one</a>.
                </>
              )}
            columns={[
              { title: "Name" },
              { title: "Protocol and port" },
              { title: "State" },
              { title: "Servers" },
              { title: "New a second", isNumber: true },
              { title: "Active", isNumber: true },
              { title: "Traffic", isNumber: true },
            ]}
            rows={shown.map((plan) => {
              const { name } = plan;
              const { rates } = context;
              const board = view.boards.listener(name)?.traffic();
              return [
                <span class="name">
                  <a href={listenerPath(name)}>{name}</a>
                  {plan.description !== "" && <span class="hint">{plan.description}</span>}
                  <Tags tags={plan.tags} />
                </span>,
                <span>
                  {protocolOf(plan) === "TCP" ? "TCP" : "TCP SSL"} <span class="mono">{endpointOf(plan)}</span>
                </span>,
                <LiveState live={live} name={`${name}.state`} text={sentence(view.stateOf(name) ?? "draining")} />,
                <HealthCount
                  live={live}
                  name={name}
                  health={plan.pool.servers.map(({ key }) => view.boards.server(name, key)?.health ?? "Unknown")}
                  isChecked={plan.pool.healthCheck.enabled}
                />,
                <span class="pairs">
                  <LiveText live={live} name={`${name}.new`} text={decimal(rates.newest("newConnections", name))} />
                  <Sparkline live={live} id={`${name}.spark`} values={rates.values("newConnections", name)} />
                </span>,
                <LiveText live={live} name={`${name}.active`} text={count(board?.connectionsActive ?? 0)} />,
                <span class="pairs">
                  <span>
                    in <LiveText live={live} name={`${name}.in`} text={bytesPerSecond(rates.newest("bytesIn", name))} />
                  </span>
                  <span>
                    out{" "}
                    <LiveText live={live} name={`${name}.out`} text={bytesPerSecond(rates.newest("bytesOut", name))} />
                  </span>
                </span>,
              ];
            })}
          />
        </div>
        {pages > 1 && <Pages page={page} pages={pages} words={words} tag={tag} />}
        <p class="hint">{isFiltered ? `${found.length} of ` : ""}{counted(all.length, "listener")}</p>
      </>
    ),
  };
}

/** Where a listener listens, in short. */
export function endpointOf({ address, ports }: Pick<ListenerPlan, "address" | "ports">): string {
  const [first] = ports;
  return ports.length === 1 && first !== undefined && first.first === first.last
    ? formatEndpoint(address, first.first)
    : `${address.includes(":") ? `[${address}]` : address}:${formatPorts(ports)}`;
}

/** Keys and values of a listener. */
export function Tags({ tags }: { readonly tags: Readonly<Record<string, string>> }) {
  const entries = Object.entries(tags);
  if (entries.length === 0) return null;
  return (
    <span class="tags">
      {entries.map(([key, value]) => (
        <a class="tag" href={`/listeners?${new URLSearchParams({ tag: `${key}:${value}` })}`}>{key}: {value}</a>
      ))}
    </span>
  );
}

function Filter({ all, words, tag }: {
  readonly all: readonly ListenerPlan[];
  readonly words: string;
  readonly tag: string;
}) {
  const tags = [...new Set(all.flatMap(tagsOf))].toSorted();
  return (
    <form method="get" action="/listeners" class="filter" role="search" aria-label="Listeners">
      <label>
        <span>Find</span>
        <input type="search" name="q" value={words} placeholder="Name, port or description" />
      </label>
      {tags.length > 0 && (
        <label>
          <span>Tag</span>
          <select name="tag">
            <option value="">any</option>
            {tags.map((one) => <option value={one} selected={one === tag}>{one}</option>)}
          </select>
        </label>
      )}
      <button type="submit">Show</button>
    </form>
  );
}

function Pages({ page, pages, words, tag }: {
  readonly page: number;
  readonly pages: number;
  readonly words: string;
  readonly tag: string;
}) {
  const to = (number: number) => `/listeners?${new URLSearchParams({ q: words, tag, page: String(number) })}`;
  return (
    <nav class="pages" aria-label="Pages">
      {page > 1 && <a rel="prev" href={to(page - 1)}>Previous</a>}
      <span>Page {page} of {pages}</span>
      {page < pages && <a rel="next" href={to(page + 1)}>Next</a>}
    </nav>
  );
}

function tagsOf({ tags }: ListenerPlan): string[] {
  return Object.entries(tags).map(([key, value]) => `${key}:${value}`);
}

function contains(plan: ListenerPlan, words: string): boolean {
  const text = `${plan.name} ${endpointOf(plan)} ${plan.description} ${plan.group ?? ""}`.toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
