/**
 * Listeners, backend groups and IP groups in the admin API: how each is created, changed, deleted and shown.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { entryNames } from "../config/entries.ts";
import { addEntryChangeRoutes, type EntryDependencies } from "./entry_changes.ts";
import { findGroup, findListener } from "./find.ts";
import { refusedConfig } from "./problem.ts";
import { failure, guarded, json, nameParameter } from "./route_parts.ts";
import { groupSchema, ipGroupSchema, listenerSchema } from "./schemas.ts";
import { groupView, ipGroupView, listenerView } from "./views.ts";

const ipGroupsRoute = createRoute({
  method: "get",
  path: "/v1/ip-groups",
  summary: "All IP groups",
  security: [{ token: [] }],
  responses: { 200: json(z.object({ ipGroups: z.array(ipGroupSchema) }), "Entries and users"), ...guarded },
});

const ipGroupRoute = createRoute({
  method: "get",
  path: "/v1/ip-groups/{name}",
  summary: "One IP group",
  security: [{ token: [] }],
  request: { params: nameParameter },
  responses: {
    200: json(ipGroupSchema, "Entries and users"),
    404: failure("There is none of that name"),
    ...guarded,
  },
});

/** Adds the routes. */
export function addEntryRoutes(api: OpenAPIHono, dependencies: EntryDependencies): void {
  const { view, editor } = dependencies;
  api.openapi(ipGroupsRoute, (context) => {
    const now = view();
    const names = entryNames(now.accepted.valid, "ipGroup");
    return context.json({ ipGroups: names.map((name) => ipGroupView(now, name)) }, 200);
  });
  api.openapi(ipGroupRoute, (context) => {
    const { name } = context.req.valid("param");
    try {
      context.header("etag", editor.read({ kind: "ipGroup", name }).etag);
    } catch (error) {
      throw refusedConfig(error);
    }
    return context.json(ipGroupView(view(), name), 200);
  });
  addEntryChangeRoutes(api, dependencies, {
    kind: "listener",
    path: "/v1/listeners",
    title: "a listener",
    deleting: "It stops accepting; open connections have shutdown.drainTimeout to end.",
    shown: listenerSchema,
    bodies: { post: "ListenerSettings", put: "ListenerSettings" },
    show: (now, name) => listenerView(now, findListener(now.model, name)),
    settingsIn: (body) => ({ settings: body }),
  });
  addEntryChangeRoutes(api, dependencies, {
    kind: "backendGroup",
    path: "/v1/backend-groups",
    title: "a backend group",
    deleting: "Not while a listener uses it.",
    shown: groupSchema,
    bodies: { post: "NewBackendGroup", put: "BackendGroupSettings" },
    show: (now, name) => groupView(now, name, findGroup(now.model, name)),
    settingsIn: ({ name: _, ...settings }) => ({ settings }),
  });
  addEntryChangeRoutes(api, dependencies, {
    kind: "ipGroup",
    path: "/v1/ip-groups",
    title: "an IP group",
    deleting: "Not while a listener uses it.",
    shown: ipGroupSchema,
    bodies: { post: "NewIpGroup", put: "IpGroupSettings" },
    show: ipGroupView,
    settingsIn: ({ name: _, addresses, ...rest }) =>
      addresses !== undefined && Object.keys(rest).length === 0
        ? { settings: addresses, request: ["addresses"] }
        : { settings: addresses === undefined ? rest : { addresses, ...rest } },
  });
}
