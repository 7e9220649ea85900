/**
 * Changing one server at run time: its weight, and draining it. For a named group the change holds in every listener
 * that uses it, for a listener in that one alone.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { flag, section, whole } from "../config/fields.ts";
import type { PoolPlan } from "../config/model.ts";
import type { OverrideScope, ServerOverride } from "../config/runtime.ts";
import type { ChangeOptions, ConfigEditor } from "../control/config_editor.ts";
import { canonicalHost, formatEndpoint, parseEndpoint } from "../net/ip.ts";
import { suggestion } from "../text/nearest.ts";
import { jsonBody } from "./body.ts";
import { findGroup, findListener } from "./find.ts";
import { refusal, refusedConfig } from "./problem.ts";
import { changeOptions, failure, guarded, json, persistParameter, serverParameters } from "./route_parts.ts";
import { groupServerSchema, serverSchema } from "./schemas.ts";
import { groupView, listenerView, type RuntimeView } from "./views.ts";

/** What changing servers needs. */
export interface ServerDependencies {
  view(): RuntimeView;
  readonly editor: ConfigEditor;
  /** Makes the change serve. Throws when it cannot; everything is as it was then. */
  override(scope: OverrideScope, server: string, change: ServerOverride): Promise<void>;
}

const ABOUT = "A drain holds until it is ended or the server leaves, a weight until the file is read again. " +
  "A server that is given by host name can be named by it, for all its addresses, or by one address. " +
  "What is set for a whole group or name undoes what was set for a part of it before.";

const change = section({
  weight: whole(0, 100).optional().openapi({ description: "0 takes no new connections" }),
  drain: flag().optional().openapi({
    description: "true: nothing new, open connections go on; false: it takes connections again",
  }),
}, 'a mapping such as { "drain": true }').refine(
  (body) => body.weight !== undefined || body.drain !== undefined,
  'needs "weight" or "drain"',
).openapi("ServerChange");

const request = {
  params: serverParameters,
  query: z.object({
    persist: persistParameter(
      "true, or ?persist alone: the weight is saved to the file (a drain never is); otherwise, whatever admin.persist " +
        "says, it holds until that is read again",
    ),
  }),
  body: { required: true, content: { "application/json": { schema: change } } },
} as const;

const failures = {
  400: failure("The body is not a change of a server"),
  404: failure("There is no such server"),
  413: failure("The body has more than 1 MiB"),
  415: failure("The body is not sent as JSON"),
  408: failure("The body did not come in time"),
  409: failure("The weight cannot be saved: the file has been changed by somebody else, or has no such server"),
  422: failure("The change could not be carried out; everything is as it was"),
  500: failure("It could not be written"),
  ...guarded,
};

const routes = {
  group: createRoute({
    method: "patch",
    path: "/v1/backend-groups/{name}/servers/{server}",
    summary: "Change a server's weight, drain or resume it, in every listener that uses the group",
    description: ABOUT,
    security: [{ token: [] }],
    middleware: jsonBody(),
    request,
    responses: { 200: json(z.object({ servers: z.array(groupServerSchema) }), "The servers concerned"), ...failures },
  }),
  listener: createRoute({
    method: "patch",
    path: "/v1/listeners/{name}/servers/{server}",
    summary: "Change a server's weight, drain or resume it, in one listener",
    description: ABOUT,
    security: [{ token: [] }],
    middleware: jsonBody(),
    request,
    responses: { 200: json(z.object({ servers: z.array(serverSchema) }), "The servers concerned"), ...failures },
  }),
} as const;

/** Adds the routes. */
export function addServerRoutes(api: OpenAPIHono, { view, override, editor }: ServerDependencies): void {
  /** Makes the change. @returns whether a server is one of those concerned */
  const apply = async (
    scope: OverrideScope,
    given: string,
    { weight, drain }: z.infer<typeof change>,
    { persist = false }: ChangeOptions,
  ) => {
    const server = referenceIn(scope, view(), given);
    try {
      if (weight !== undefined && persist) await editor.weigh(scope, server, weight, { persist });
      if (drain !== undefined || !persist) {
        await override(scope, server, {
          ...(weight === undefined || persist ? {} : { weight }),
          ...(drain === undefined ? {} : { draining: drain }),
        });
      }
    } catch (error) {
      throw refusedConfig(error);
    }
    // Changes take turns: in the one before, the server may have gone.
    referenceIn(scope, view(), given);
    return (one: { readonly server: string; readonly configured: string }) =>
      one.server === server || one.configured === server;
  };

  api.openapi(routes.group, async (context) => {
    const { name, server } = context.req.valid("param");
    const concerned = await apply({ kind: "group", name }, server, context.req.valid("json"), changeOptions(context));
    const now = view();
    return context.json({ servers: groupView(now, name, findGroup(now.model, name)).servers.filter(concerned) }, 200);
  });
  api.openapi(routes.listener, async (context) => {
    const { name, server } = context.req.valid("param");
    const concerned = await apply(
      { kind: "listener", name },
      server,
      context.req.valid("json"),
      changeOptions(context),
    );
    const now = view();
    return context.json({ servers: listenerView(now, findListener(now.model, name)).servers.filter(concerned) }, 200);
  });
}

function poolOf({ kind, name }: OverrideScope, { model }: RuntimeView): PoolPlan {
  return kind === "group" ? findGroup(model, name) : findListener(model, name).pool;
}

/** The server that somebody means, in its one form. Throws the answer when there is none. */
export function referenceIn(scope: OverrideScope, view: RuntimeView, given: string): string {
  const { servers, unresolved } = poolOf(scope, view);
  const known = new Set([...servers.flatMap(({ key, configured }) => [key, configured]), ...unresolved]);
  const endpoint = parseEndpoint(given);
  const canonical = endpoint === undefined ? given : formatEndpoint(canonicalHost(endpoint.address), endpoint.port);
  if (known.has(canonical)) return canonical;
  const some = [...known].slice(0, 10).join(", ");
  const hint = suggestion(given, [...known]) ||
    (known.size === 0 ? "; it has none" : `; it has ${some}${known.size > 10 ? ", …" : ""}`);
  const owner = scope.kind === "group" ? `Backend group "${scope.name}"` : `Listener "${scope.name}"`;
  throw refusal(404, "no_such_server", `${owner} has no server "${given}"${hint}`);
}
