/**
 * What holds at run time beside the configuration: the addresses that host names have at the moment, and servers that
 * were drained or given another weight through the admin API. Immutable values; a change makes a new one.
 *
 * @module
 */

import type { Model, PoolPlan, ServerPlan } from "./model.ts";

/** What was changed on a server at run time. */
export interface ServerOverride {
  /** 0-100, instead of the configured one. */
  readonly weight?: number;
  /** Whether it takes nothing new. */
  readonly draining?: boolean;
}

/** Where an override holds: in every listener that uses a named group, or in one listener. */
export interface OverrideScope {
  readonly kind: "group" | "listener";
  readonly name: string;
}

/** Overrides by scope and server. */
export type Overrides = ReadonlyMap<string, ServerOverride>;

/** Everything that turns a configuration into a model, beside the configuration itself. */
export interface RuntimeFacts {
  /** Addresses by host name; a name without any has no servers. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  readonly overrides: Overrides;
  /** Processors that this program may use. */
  readonly processors: number;
}

/** No name is resolved, nothing is overridden, and there is one processor. */
export const NO_FACTS: RuntimeFacts = { addresses: new Map(), overrides: new Map(), processors: 1 };

/** The key of a server's override. @param server its key, or what the configuration calls it */
export function overrideKey(scope: OverrideScope, server: string): string {
  return `${scope.kind} ${scope.name} ${server}`;
}

/**
 * The overrides with one server's changed; settings that are not given stay as they are. Who changes a server in a
 * whole group, or all addresses of a name, means every one of them: what was set for less of it before is undone.
 *
 * @param model the one that serves
 */
export function withOverride(
  overrides: Overrides,
  scope: OverrideScope,
  server: string,
  change: ServerOverride,
  model: Pick<Model, "groups" | "listeners">,
): Overrides {
  const next = new Map(overrides);
  for (const key of narrowerKeys(scope, server, model)) {
    const { weight, draining } = next.get(key) ?? {};
    put(next, key, {
      ...(weight === undefined || change.weight !== undefined ? {} : { weight }),
      ...(draining === undefined || change.draining !== undefined ? {} : { draining }),
    });
  }
  const key = overrideKey(scope, server);
  put(next, key, { ...next.get(key), ...change });
  return next;
}

/** Not being drained is how a server is without any override. */
function put(overrides: Map<string, ServerOverride>, key: string, { weight, draining }: ServerOverride): void {
  if (weight === undefined && draining !== true) overrides.delete(key);
  else {
    overrides.set(key, {
      ...(weight === undefined ? {} : { weight }),
      ...(draining === true ? { draining } : {}),
    });
  }
}

/** The keys of what a server's override covers: its addresses, in each listener that uses the group. */
function narrowerKeys(
  scope: OverrideScope,
  server: string,
  { groups, listeners }: Pick<Model, "groups" | "listeners">,
): string[] {
  const pool = scope.kind === "group" ? groups.get(scope.name) : listeners.get(scope.name)?.pool;
  const addresses = (pool?.servers ?? []).flatMap(({ key, configured }) => configured === server ? key : []);
  const users = scope.kind === "group" ? [...listeners.values()].filter((plan) => plan.group === scope.name) : [];
  const scopes: OverrideScope[] = [scope, ...users.map(({ name }) => ({ kind: "listener" as const, name }))];
  const keys = scopes.flatMap((one) => [server, ...addresses].map((reference) => overrideKey(one, reference)));
  return keys.filter((key) => key !== overrideKey(scope, server));
}

/**
 * A server with its overrides. A weight for one address of a name goes before one for all of them; drained it is when
 * anybody drains it.
 */
export function overriddenServer(server: ServerPlan, scope: OverrideScope, overrides: Overrides): ServerPlan {
  const forName = overrides.get(overrideKey(scope, server.configured));
  const own = overrides.get(overrideKey(scope, server.key));
  return {
    ...server,
    weight: own?.weight ?? forName?.weight ?? server.weight,
    draining: server.draining || forName?.draining === true || own?.draining === true,
  };
}

/** Servers that take nothing new by an override. */
export function drainedBy(overrides: Overrides): { readonly scope: OverrideScope; readonly server: string }[] {
  return [...overrides].flatMap(([key, { draining }]) => {
    const [, kind, name = "", server = ""] = /^(group|listener) (\S+) (.+)$/.exec(key) ?? [];
    if (draining !== true || (kind !== "group" && kind !== "listener")) return [];
    return [{ scope: { kind, name }, server }];
  });
}

/** The overrides that take nothing but new connections from servers: the opposite of {@link drainedBy}. */
export function drainsOf(drained: readonly { readonly scope: OverrideScope; readonly server: string }[]): Overrides {
  return new Map(drained.map(({ scope, server }) => [overrideKey(scope, server), { draining: true }]));
}

/** The overrides as they are after the file was read again: its weights win, what is drained stays drained. */
export function drainsOnly(overrides: Overrides): Overrides {
  return new Map([...overrides].flatMap(([key, { draining }]) => draining === true ? [[key, { draining }]] : []));
}

/**
 * The overrides as they are after settings were given anew: the weights in these win, what is drained stays drained.
 *
 * @param scope the group or listener whose settings they are; a group's hold in every listener that uses it
 * @param servers the servers that they are about, by key or by what the configuration calls them; all without it
 */
export function withoutWeights(
  overrides: Overrides,
  scope: OverrideScope,
  { groups, listeners }: Pick<Model, "groups" | "listeners">,
  servers?: readonly string[],
): Overrides {
  if (overrides.size === 0) return overrides;
  const users = scope.kind === "group" ? [...listeners.values()].filter((plan) => plan.group === scope.name) : [];
  const pool = scope.kind === "group" ? groups.get(scope.name) : listeners.get(scope.name)?.pool;
  const concerned = (pool?.servers ?? []).filter(({ key, configured }) =>
    servers === undefined || servers.includes(key) || servers.includes(configured)
  );
  const references = new Set([...servers ?? [], ...concerned.flatMap(({ key, configured }) => [key, configured])]);
  const scopes: OverrideScope[] = [scope, ...users.map(({ name }) => ({ kind: "listener" as const, name }))];
  const keys = new Set(scopes.flatMap((one) => [...references].map((reference) => overrideKey(one, reference))));
  return new Map([...overrides].flatMap(([key, override]): [string, ServerOverride][] => {
    if (!keys.has(key)) return [[key, override]];
    return override.draining === true ? [[key, { draining: true }]] : [];
  }));
}

/** The overrides of servers that the model has; one that goes and comes back later starts as the file has it. */
export function overridesWithin(overrides: Overrides, model: Pick<Model, "groups" | "listeners">): Overrides {
  if (overrides.size === 0) return overrides;
  const keys = new Set<string>();
  const add = (scope: OverrideScope, pool: PoolPlan) => {
    for (const { key, configured } of pool.servers) {
      keys.add(overrideKey(scope, key)).add(overrideKey(scope, configured));
    }
    // A name that has no address at the moment is still there.
    for (const reference of pool.unresolved) keys.add(overrideKey(scope, reference));
  };
  for (const [name, pool] of model.groups) add({ kind: "group", name }, pool);
  for (const [name, plan] of model.listeners) add({ kind: "listener", name }, plan.pool);
  return new Map([...overrides].filter(([key]) => keys.has(key)));
}
