/**
 * The admin API's routes as OpenAPI describes them.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { failure, guarded, json, nameParameter } from "./route_parts.ts";
import { groupSchema, listenerSchema, readySchema, reloadSchema, statusSchema } from "./schemas.ts";

/** Every route but those of `certificates.ts`. */
export const routes = {
  health: createRoute({
    method: "get",
    path: "/healthz",
    summary: "Whether the process is up",
    responses: { 200: json(z.object({ status: z.literal("ok") }), "It is") },
  }),
  ready: createRoute({
    method: "get",
    path: "/readyz",
    summary: "Whether every listener is accepting",
    responses: { 200: json(readySchema, "They all are"), 503: json(readySchema, "Not all are") },
  }),
  status: createRoute({
    method: "get",
    path: "/v1/status",
    summary: "Version, uptime, last reload and totals",
    security: [{ token: [] }],
    responses: { 200: json(statusSchema, "The program as a whole"), ...guarded },
  }),
  listeners: createRoute({
    method: "get",
    path: "/v1/listeners",
    summary: "All listeners, or those with a tag",
    security: [{ token: [] }],
    request: {
      query: z.object({
        tag: z.string().regex(/^[^:]+:.*$/, "must be key:value").optional().openapi({
          param: { name: "tag", in: "query" },
          description: "Only listeners with this tag",
          example: "env:prod",
        }),
      }),
    },
    responses: {
      200: json(z.object({ listeners: z.array(listenerSchema) }), "Settings, state, counters and servers"),
      400: failure("The tag is not key:value"),
      ...guarded,
    },
  }),
  listener: createRoute({
    method: "get",
    path: "/v1/listeners/{name}",
    summary: "One listener",
    security: [{ token: [] }],
    request: { params: nameParameter },
    responses: {
      200: json(listenerSchema, "Settings, state, counters and servers"),
      404: failure("There is none of that name"),
      ...guarded,
    },
  }),
  groups: createRoute({
    method: "get",
    path: "/v1/backend-groups",
    summary: "All named backend groups",
    security: [{ token: [] }],
    responses: {
      200: json(z.object({ backendGroups: z.array(groupSchema) }), "Settings, users and servers"),
      ...guarded,
    },
  }),
  group: createRoute({
    method: "get",
    path: "/v1/backend-groups/{name}",
    summary: "One named backend group",
    security: [{ token: [] }],
    request: { params: nameParameter },
    responses: {
      200: json(groupSchema, "Settings, users and servers"),
      404: failure("There is none of that name"),
      ...guarded,
    },
  }),
  reload: createRoute({
    method: "post",
    path: "/v1/reload",
    summary: "Read the configuration file again and apply it",
    description: "Validated first and refused as a whole on any error; the old configuration serves on then.",
    security: [{ token: [] }],
    responses: {
      200: json(reloadSchema, "What changed"),
      408: failure("The body, which is not needed, did not come in time"),
      413: failure("The body, which is not needed, has more than 1 MiB"),
      422: failure("It was refused; every error is listed"),
      ...guarded,
    },
  }),
  metrics: createRoute({
    method: "get",
    path: "/metrics",
    summary: "Metrics in the Prometheus text format, or as OpenMetrics when that is asked for by name",
    security: [{ token: [] }],
    responses: {
      200: {
        description: "All metrics",
        content: { "text/plain": { schema: z.string() }, "application/openmetrics-text": { schema: z.string() } },
      },
      ...guarded,
    },
  }),
} as const;
