/**
 * The whole configuration in the admin API: shown without secrets, and replaced.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { revisionOf } from "../config/accepted.ts";
import { shownConfig } from "../config/whole_config.ts";
import type { ConfigEditor } from "../control/config_editor.ts";
import { etagOf } from "../control/preconditions.ts";
import { readJson } from "./body.ts";
import { refusedConfig } from "./problem.ts";
import { changeFailures, changeOptions, changeQuery, guarded, json, preconditionHeaders } from "./route_parts.ts";
import { configProblem, reportedChange } from "./schemas.ts";
import { settingsBody } from "./settings.ts";
import type { RuntimeView } from "./views.ts";

const getRoute = createRoute({
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

const putRoute = createRoute({
  method: "put",
  path: "/v1/config",
  summary: "Replace the whole configuration",
  description: "Validated and carried out as a reload; what is not given is not set any more. What is given as GET " +
    "shows it stays as the file has it: defaults are not written down, ${NAME} stays, and the masked token stays what " +
    "it is.",
  security: [{ token: [] }],
  request: { query: changeQuery, headers: preconditionHeaders, body: settingsBody("ConfigSettings") },
  responses: {
    200: json(
      z.object({
        persisted: z.boolean().openapi({ description: "Whether the file holds it" }),
        changes: z.array(reportedChange),
        general: z.array(z.string()),
        warnings: z.array(configProblem),
      }).openapi("ConfigReplaced"),
      "What changed",
    ),
    ...changeFailures,
  },
});

/** Adds the routes. */
export function addConfigRoutes(
  api: OpenAPIHono,
  { view, editor }: { readonly view: () => RuntimeView; readonly editor: ConfigEditor },
): void {
  const etag = () => etagOf(revisionOf(view().accepted));
  api.openapi(getRoute, (context) => {
    context.header("etag", etag());
    return context.json({ ...shownConfig(view().accepted.valid) }, 200);
  });
  api.openapi(putRoute, async (context) => {
    const given = await readJson(context);
    try {
      const { persisted, changes, general, warnings } = await editor.putConfig(given, etag, changeOptions(context));
      context.header("etag", etag());
      const shown = changes.map((change) => ({ ...change, settings: [...change.settings] }));
      return context.json({ persisted, changes: shown, general: [...general], warnings: [...warnings] }, 200);
    } catch (error) {
      throw refusedConfig(error);
    }
  });
}
