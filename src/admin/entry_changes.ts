/**
 * Creating, changing and deleting listeners, backend groups and IP groups: the same routes for each.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, type RouteConfig, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { type EntryKind, type EntryRef, isMapping } from "../config/entries.ts";
import { name as nameSchema } from "../config/fields.ts";
import type { ConfigPath } from "../config/source.ts";
import type { ConfigEditor, PutReport } from "../control/config_editor.ts";
import { ConfigError } from "../errors.ts";
import { readJson } from "./body.ts";
import { refusedConfig } from "./problem.ts";
import {
  changeFailures,
  changeOptions,
  changeQuery,
  failure,
  json,
  nameParameter,
  preconditionHeaders,
} from "./route_parts.ts";
import { changeShape } from "./schemas.ts";
import { settingsBody, type SettingsName } from "./settings.ts";
import type { RuntimeView } from "./views.ts";

/** What changing entries needs. */
export interface EntryDependencies {
  view(): RuntimeView;
  readonly editor: ConfigEditor;
}

/** A kind of entry in the API. */
export interface EntryRoutes {
  readonly kind: EntryKind;
  /** `/v1/listeners` */
  readonly path: string;
  /** `a listener` */
  readonly title: string;
  /** What deleting one means. */
  readonly deleting: string;
  /** What answers show of one. */
  readonly shown: z.ZodObject;
  /** The body of POST, and of PUT. */
  readonly bodies: { readonly post: SettingsName; readonly put: SettingsName };
  show(view: RuntimeView, name: string): object;
  /** What the file would say of what a POST holds, and where that stands in it. */
  settingsIn(body: Readonly<Record<string, unknown>>): { readonly settings: unknown; readonly request?: ConfigPath };
}

const ABOUT = "Validated and carried out exactly as a reload. With persist=true (or admin.persist in the " +
  "configuration) it is saved to the file, both or nothing; otherwise it serves until the next reload.";

/** Adds the routes of one kind. */
export function addEntryChangeRoutes(
  api: OpenAPIHono,
  { view, editor }: EntryDependencies,
  { kind, path, title, deleting, shown, bodies, show, settingsIn }: EntryRoutes,
): void {
  const one = `${path}/{name}`;
  const changed = shown.extend(changeShape).openapi(`${bodies.put.replace("Settings", "")}Changed`);
  const answer = (context: Context, { name }: EntryRef, report: PutReport) => {
    context.header("etag", editor.read({ kind, name }).etag);
    if (report.created) context.header("location", `${path}/${encodeURIComponent(name)}`);
    const { persisted, warnings } = report;
    return context.json({ ...show(view(), name), persisted, warnings: [...warnings] }, report.created ? 201 : 200);
  };

  api.openapi(
    route({
      method: "post",
      path,
      summary: `Create ${title}`,
      description: ABOUT,
      request: { query: changeQuery, body: settingsBody(bodies.post) },
      responses: { 201: json(changed, "It was created, and serves"), ...changeFailures },
    }),
    (context) =>
      refusing(async () => {
        const body = await readJson(context);
        const name = nameIn(body, view().configFile);
        const { settings, request = [] } = settingsIn(isMapping(body) ? body : {});
        const { persist } = changeOptions(context);
        return answer(context, { kind, name }, await editor.create({ kind, name }, settings, { persist, request }));
      }),
  );
  api.openapi(
    route({
      method: "put",
      path: one,
      summary: `Change ${title}, or create one`,
      description: `What is not given is not set any more. ${ABOUT}`,
      request: {
        params: nameParameter,
        query: changeQuery,
        headers: preconditionHeaders,
        body: settingsBody(bodies.put),
      },
      responses: {
        200: json(changed, "It was changed, as it serves now"),
        201: json(changed, "It was created, and serves"),
        ...changeFailures,
      },
    }),
    (context) =>
      refusing(async () => {
        const ref = { kind, name: context.req.param("name") ?? "" };
        return answer(context, ref, await editor.put(ref, await readJson(context), changeOptions(context)));
      }),
  );
  api.openapi(
    route({
      method: "delete",
      path: one,
      summary: `Delete ${title}`,
      description: `${deleting} ${ABOUT}`,
      request: { params: nameParameter, query: changeQuery, headers: preconditionHeaders },
      responses: {
        200: json(z.object({ name: z.string(), ...changeShape }).openapi("EntryDeleted"), "It is gone"),
        404: failure("There is none of that name"),
        ...changeFailures,
      },
    }),
    (context) =>
      refusing(async () => {
        const name = context.req.param("name") ?? "";
        const { persisted, warnings } = await editor.delete({ kind, name }, changeOptions(context));
        return context.json({ name, persisted, warnings: [...warnings] }, 200);
      }),
  );
}

/** A route behind the token, whose handler is not held to the types of its answers: they depend on the kind of entry. */
export function route(config: RouteConfig): RouteConfig & { getRoutingPath(): string } {
  return createRoute({ ...config, security: [{ token: [] }] });
}

/** Answers with the problem when something is refused. */
export async function refusing(work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    throw refusedConfig(error);
  }
}

function nameIn(body: unknown, file: string): string {
  const given = isMapping(body) ? body["name"] : undefined;
  const { success, data, error } = nameSchema().safeParse(given);
  if (success) return data;
  const message = isMapping(body) ? error.issues[0]?.message ?? error.message : "must be a mapping with a name";
  const requestPath = isMapping(body) ? "name" : "";
  throw new ConfigError([{ file, line: 0, column: 0, path: requestPath, message, requestPath }]);
}
