/**
 * The admin API: guards, handlers, errors. Everything comes from a narrow set of dependencies, so that it can be tested without
 * sockets through `api.request()`.
 *
 * @module
 */

import { OpenAPIHono } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import type { ReloadReport } from "../control/change_reports.ts";
import type { Log } from "../log.ts";
import { messageOf } from "../errors.ts";
import { boundedBody } from "./request_body.ts";
import { addCertificateChangeRoutes, type ChangeDependencies } from "./certificate_changes.ts";
import { addCertificateRoutes } from "./certificates.ts";
import { addBoundServerRoutes } from "./bound_servers.ts";
import { addConfigRoutes } from "./config_route.ts";
import { addEntryRoutes } from "./entries.ts";
import type { EntryDependencies } from "./entry_changes.ts";
import { addEventRoutes, type EventDependencies } from "./events.ts";
import { findGroup, findListener } from "./find.ts";
import { CONTENT_TYPES, renderFamilies } from "./metrics/exposition.ts";
import { metricFamilies } from "./metrics/families.ts";
import { metricsFormatFor } from "./negotiate.ts";
import { processFacts } from "./metrics/process_facts.ts";
import { hostGuard, originGuard, plainHeaders, tokenGuard } from "./guard.ts";
import { problem, refusal, refusedConfig } from "./problem.ts";
import { routes } from "./routes.ts";
import { addReplacementRoutes, ownTakeover, type ReplacementDependencies } from "./replacement.ts";
import { addServerRoutes, type ServerDependencies } from "./server_routes.ts";
import { describeSettings } from "./settings.ts";
import { groupView, listenerView, type RuntimeView, statusView } from "./views.ts";

/** What the admin API needs. */
export interface AdminDependencies
  extends ServerDependencies, ChangeDependencies, EntryDependencies, EventDependencies, ReplacementDependencies {
  view(): RuntimeView;
  /** Reads the configuration again and makes it serve. Throws when it cannot. */
  reload(): Promise<ReloadReport>;
  readonly log: Log;
  /** The offer of the Weir that this one replaces; `null` when it replaces none. */
  readonly takenOffer: string | null;
}

/** Makes the admin API. */
export function createAdminApi(dependencies: AdminDependencies): OpenAPIHono {
  const api = new OpenAPIHono({
    defaultHook: (result) => {
      if (result.success) return;
      const details = result.error.issues.map(({ path, message }) =>
        path.length === 0 ? message : `${path.join(".")}: ${message}`
      );
      // Several unknown keys come as one message of several lines.
      throw refusal(400, "bad_request", details.join("; ").replaceAll("\n", "; "));
    },
  });
  // In front of the guards: what they refuse shows what was sent.
  api.use(plainHeaders());
  api.use(ownTakeover(dependencies.takenOffer));
  api.use(hostGuard());
  api.use(originGuard());

  api.openapi(routes.health, (context) => context.json({ status: "ok" as const }, 200));
  api.openapi(routes.ready, (context) => {
    const view = dependencies.view();
    const states = [...view.model.listeners.keys()].map((name) => [name, view.stateOf(name) ?? "draining"] as const);
    const body = { ready: view.ready, listeners: Object.fromEntries(states) };
    return body.ready ? context.json(body, 200) : context.json(body, 503);
  });

  api.use(tokenGuard(dependencies.token));
  // Behind the guards: nothing of what strangers send is kept.
  api.use(boundedBody());
  api.openapi(routes.status, (context) => context.json(statusView(dependencies.view(), new Date()), 200));
  addReadRoutes(api, dependencies);
  addConfigRoutes(api, dependencies);
  addEntryRoutes(api, dependencies);
  addBoundServerRoutes(api, dependencies);
  addCertificateRoutes(api, dependencies);
  addCertificateChangeRoutes(api, dependencies);
  addServerRoutes(api, dependencies);
  addEventRoutes(api, dependencies);
  addReplacementRoutes(api, { ...dependencies, drainTimeout: () => dependencies.view().model.drainTimeout });
  api.openapi(routes.reload, async (context) => {
    try {
      const { changes, general, warnings, ...report } = await dependencies.reload();
      const body = {
        ...report,
        changes: changes.map((change) => ({ ...change, settings: [...change.settings] })),
        general: [...general],
        warnings: [...warnings],
      };
      return context.json(body, 200);
    } catch (error) {
      throw refusedConfig(error);
    }
  });
  api.openapi(routes.metrics, (context) => {
    const format = metricsFormatFor(context.req.header("accept"));
    const text = renderFamilies(metricFamilies(dependencies.view(), processFacts()), format);
    return context.text(text, 200, { "content-type": CONTENT_TYPES[format], vary: "accept" });
  });

  describe(api);
  api.notFound((context) => notFound(api, context.req.method, context.req.path));
  api.onError((error) => {
    if (error instanceof HTTPException) return error.res ?? refusedRequest(error);
    dependencies.log("error", "A request to the admin API failed", { error: error.stack ?? messageOf(error) });
    return problem(500, "internal_error", "The request could not be answered; the log says why");
  });
  return api;
}

function addReadRoutes(api: OpenAPIHono, { view, editor }: AdminDependencies): void {
  api.openapi(routes.listeners, (context) => {
    const now = view();
    const { tag } = context.req.valid("query");
    const plans = [...now.model.listeners.values()].filter((plan) => tag === undefined || hasTag(plan.tags, tag));
    return context.json({ listeners: plans.map((plan) => listenerView(now, plan)) }, 200);
  });
  api.openapi(routes.listener, (context) => {
    const now = view();
    const { name } = context.req.valid("param");
    const shown = listenerView(now, findListener(now.model, name));
    context.header("etag", editor.read({ kind: "listener", name }).etag);
    return context.json(shown, 200);
  });
  api.openapi(routes.groups, (context) => {
    const now = view();
    return context.json(
      { backendGroups: [...now.model.groups].map(([name, group]) => groupView(now, name, group)) },
      200,
    );
  });
  api.openapi(routes.group, (context) => {
    const now = view();
    const { name } = context.req.valid("param");
    const shown = groupView(now, name, findGroup(now.model, name));
    context.header("etag", editor.read({ kind: "backendGroup", name }).etag);
    return context.json(shown, 200);
  });
}

/** Whether the tags hold `key:value`; only the first colon separates the two. */
function hasTag(tags: Readonly<Record<string, string>>, tag: string): boolean {
  const colon = tag.indexOf(":");
  const key = tag.slice(0, colon);
  return Object.hasOwn(tags, key) && tags[key] === tag.slice(colon + 1);
}

/** The information that heads the OpenAPI document. */
export const OPENAPI_INFO = {
  openapi: "3.1.0",
  info: {
    title: "Weir admin API",
    version: "1",
    description: "Watch and change a running Weir load balancer. Errors are RFC 9457 problem documents.",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  },
};

function describe(api: OpenAPIHono): void {
  describeSettings(api);
  api.openAPIRegistry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    description: "Needed when admin.token is set",
  });
  api.doc31("/v1/openapi.json", OPENAPI_INFO);
}

/** What the framework itself refuses: a body that is no JSON, or says that it is something else. */
function refusedRequest({ status, message }: HTTPException): Response {
  if (status === 415) {
    return problem(415, "wrong_content_type", "Send the body as JSON, with content-type: application/json");
  }
  return problem(400, "bad_request", message === "" ? "The request cannot be read" : message);
}

function notFound(api: OpenAPIHono, method: string, path: string): Response {
  const routes = api.routes.filter((route) => route.method !== "ALL" && matches(route.path, path));
  if (routes.length === 0) {
    return problem(404, "no_such_path", `There is nothing at ${path}; /v1/openapi.json lists what there is`);
  }
  const allowed = new Set(routes.flatMap((route) => route.method === "GET" ? ["GET", "HEAD"] : [route.method]));
  const response = problem(405, "method_not_allowed", `${path} cannot be called with ${method}`);
  response.headers.set("allow", [...allowed].join(", "));
  return response;
}

function matches(pattern: string, path: string): boolean {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  return wanted.length === given.length &&
    wanted.every((part, index) => part.startsWith(":") ? given[index] !== "" : part === given[index]);
}
