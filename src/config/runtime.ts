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
}

/** No name is resolved and nothing is overridden. */
export const NO_FACTS: RuntimeFacts = { addresses: new Map(), overrides: new Map() };

/** The key of a server's override. @param server its key, or what the configuration calls it */
export function overrideKey(scope: OverrideScope, server: string): string {
  return `${scope.kind} ${scope.name} ${server}`;
}

/** The overrides with one server's changed; settings that are not given stay as they are. */
export function withOverride(
  overrides: Overrides,
  scope: OverrideScope,
  server: string,
  change: ServerOverride,
): Overrides {
  const key = overrideKey(scope, server);
  const next = { ...overrides.get(key), ...change };
  return new Map([...overrides, [key, next]]);
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

/** The overrides as they are after the file was read again: its weights win, what is drained stays drained. */
export function drainsOnly(overrides: Overrides): Overrides {
  return new Map([...overrides].flatMap(([key, { draining }]) => draining === true ? [[key, { draining }]] : []));
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
