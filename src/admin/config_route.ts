/**
 * The effective configuration in the admin API, without secrets.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { revisionOf } from "../config/accepted.ts";
import { etagOf } from "./preconditions.ts";
import { guarded, json } from "./route_parts.ts";
import type { RuntimeView } from "./views.ts";

/** What stands in the place of a secret. */
const MASK = "***";

const configRoute = createRoute({
  method: "get",
  path: "/v1/config",
  summary: "The configuration that serves, with every default and without secrets",
  description: "What was changed through this API is in it, saved or not. The ETag stands for it and for the " +
    "certificates that serve; config/weir.schema.json describes the keys.",
  security: [{ token: [] }],
  responses: {
    200: json(z.record(z.string(), z.unknown()).openapi("Config"), "The configuration"),
    ...guarded,
  },
});

/** Adds the route. */
export function addConfigRoute(api: OpenAPIHono, { view }: { readonly view: () => RuntimeView }): void {
  api.openapi(configRoute, (context) => {
    const { accepted } = view();
    const { config } = accepted.valid;
    const token = config.admin.token === "" ? "" : MASK;
    context.header("etag", etagOf(revisionOf(accepted)));
    return context.json({ ...config, admin: { ...config.admin, token } }, 200);
  });
}
