/**
 * The servers of a backend group as entries of the configuration: bound, changed and unbound. For a named group the
 * change holds in every listener that uses it; a listener has servers of its own when its group is written in place.
 *
 * @module
 */

import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { ServerOwner } from "../config/server_entries.ts";
import type { BoundServer } from "../control/config_editor.ts";
import { etagOf } from "../control/preconditions.ts";
import { readJson } from "./body.ts";
import { type EntryDependencies, refusing, route } from "./entry_changes.ts";
import {
  changeFailures,
  changeOptions,
  changeQuery,
  failure,
  guarded,
  json,
  nameParameter,
  preconditionHeaders,
  serverParameters,
} from "./route_parts.ts";
import { boundServerSchema, changeShape } from "./schemas.ts";
import { oneOrSeveral, settingsBody } from "./settings.ts";

const listed = z.object({ servers: z.array(boundServerSchema) });
const bound = listed.extend(changeShape).openapi("ServersBound");
const changed = boundServerSchema.extend(changeShape).openapi("BoundServerChanged");
const deleted = listed.extend({ name: z.string(), ...changeShape }).openapi("ServerUnbound");

const SEVERAL = "{server} is what one of its servers is called, or its address alone: an entry with several ports " +
  "stands for as many servers.";

const noServer = failure("There is no such server, group or listener");

/** Adds the routes of named groups and of listeners. */
export function addBoundServerRoutes(api: OpenAPIHono, dependencies: EntryDependencies): void {
  addRoutes(api, dependencies, "group", "/v1/backend-groups/{name}/servers");
  addRoutes(api, dependencies, "listener", "/v1/listeners/{name}/servers");
}

function addRoutes(api: OpenAPIHono, { editor }: EntryDependencies, kind: ServerOwner["kind"], path: string): void {
  const where = kind === "group" ? "a backend group" : "a listener that has its backends in place";
  const ownerOf = (name: string | undefined): ServerOwner => ({ kind, name: name ?? "" });
  const one = `${path}/{server}`;
  const notOwn = kind === "group" ? {} : { 409: failure("The listener uses a named backend group") };
  const common = { query: changeQuery, headers: preconditionHeaders };

  api.openapi(
    route({
      method: "get",
      path,
      summary: `The servers of ${where}, as entries`,
      request: { params: nameParameter },
      responses: {
        200: json(listed, "The entries; the ETag stands for all of them"),
        404: noServer,
        ...notOwn,
        ...guarded,
      },
    }),
    (context) =>
      refusing(() => {
        const servers = editor.servers(ownerOf(context.req.param("name")));
        context.header("etag", etagOf(servers.map(({ settings }) => settings)));
        return Promise.resolve(context.json({ servers: servers.map(shown) }, 200));
      }),
  );
  api.openapi(
    route({
      method: "post",
      path,
      summary: `Bind one or several servers to ${where}`,
      request: { params: nameParameter, ...common, body: oneOrSeveral("ServerSettings") },
      responses: { 201: json(bound, "All servers, with those that were bound"), 404: noServer, ...changeFailures },
    }),
    (context) =>
      refusing(async () => {
        const owner = ownerOf(context.req.param("name"));
        const { persisted, warnings } = await editor.bind(owner, await readJson(context), changeOptions(context));
        const servers = editor.servers(owner);
        context.header("etag", etagOf(servers.map(({ settings }) => settings)));
        return context.json({ servers: servers.map(shown), persisted, warnings: [...warnings] }, 201);
      }),
  );
  api.openapi(
    route({
      method: "get",
      path: one,
      summary: `One server of ${where}, as an entry`,
      description: SEVERAL,
      request: { params: serverParameters },
      responses: { 200: json(boundServerSchema, "The entry"), 404: noServer, ...notOwn, ...guarded },
    }),
    (context) =>
      refusing(() => {
        const server = editor.readServer(ownerOf(context.req.param("name")), context.req.param("server") ?? "");
        context.header("etag", server.etag);
        return Promise.resolve(context.json(shown(server), 200));
      }),
  );
  api.openapi(
    route({
      method: "put",
      path: one,
      summary: `Change a server of ${where}, or bind one`,
      description: `What is not given is not set any more. A weight that was set at run time ends. ${SEVERAL}`,
      request: { params: serverParameters, ...common, body: settingsBody("ServerSettings") },
      responses: {
        200: json(changed, "It was changed"),
        201: json(changed, "It was bound"),
        404: noServer,
        ...changeFailures,
      },
    }),
    (context) =>
      refusing(async () => {
        const owner = ownerOf(context.req.param("name"));
        const given = context.req.param("server") ?? "";
        const report = await editor.putServer(owner, given, await readJson(context), changeOptions(context));
        const { created, persisted, warnings, server } = report;
        context.header("etag", server.etag);
        return context.json({ ...shown(server), persisted, warnings: [...warnings] }, created ? 201 : 200);
      }),
  );
  api.openapi(
    route({
      method: "delete",
      path: one,
      summary: `Unbind a server of ${where}`,
      description: "It gets nothing new and keeps the connections that it has. One of several ports of an entry is " +
        `taken out of that. ${SEVERAL}`,
      request: { params: serverParameters, ...common },
      responses: { 200: json(deleted, "The servers that are left"), 404: noServer, ...changeFailures },
    }),
    (context) =>
      refusing(async () => {
        const owner = ownerOf(context.req.param("name"));
        const name = context.req.param("server") ?? "";
        const { persisted, warnings } = await editor.deleteServer(owner, name, changeOptions(context));
        const servers = editor.servers(owner).map(shown);
        return context.json({ name, servers, persisted, warnings: [...warnings] }, 200);
      }),
  );
}

function shown({ name, names, settings }: BoundServer) {
  return { name, names: [...names], settings };
}
