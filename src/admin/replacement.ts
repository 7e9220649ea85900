/**
 * Replacing the program itself, as another process of it asks for it: `weir run --replace`.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import type { Offer, Successor } from "../control/succession.ts";
import { WeirError } from "../errors.ts";
import { formatEndpoint } from "../net/ip.ts";
import { formatPorts } from "../net/ports.ts";
import { jsonBody } from "./body.ts";
import { problem, refusal, refusedConfig } from "./problem.ts";
import { failure, guarded, json } from "./route_parts.ts";

/** What being replaced needs. */
export interface ReplacementDependencies {
  /** Gets ready for another process. @throws {WeirError} `in_use`, `stopping` */
  offerPlace(): Promise<Offer>;
  /** That process does not come. @throws {WeirError} `no_such_replacement` */
  withdrawOffer(id: string): void;
  /** That process accepts: stops accepting, drains and ends. @throws {WeirError} `no_such_replacement` */
  giveWay(id: string, to: Successor): void;
}

/** What the process that is to be replaced tells. */
export const offerSchema = z.object({
  id: z.string().openapi({ description: "To be named when it is taken over, or given up" }),
  process: z.int().openapi({ description: "The id of the process that is to be replaced" }),
  version: z.string(),
  listening: z.array(z.object({ address: z.string(), ports: z.string().openapi({ example: "443,10000-10100" }) }))
    .openapi({ description: "Ports that can be opened beside it, by processes of the same user" }),
  admin: z.string().nullable().openapi({ description: "Where its admin API listens", example: "127.0.0.1:9900" }),
  drained: z.array(z.object({ kind: z.enum(["group", "listener"]), name: z.string(), server: z.string() }))
    .openapi({ description: "Servers that were drained at run time" }),
  watchdogMicroseconds: z.int().nullable(),
}).openapi("Replacement");

// Not strict: a later version may say more.
const successorSchema = z.object({
  process: z.int().min(1).openapi({ description: "The id of the process that has taken over" }),
  version: z.string().min(1).max(100),
}).openapi("Successor");

const params = z.object({ id: z.string().openapi({ param: { name: "id", in: "path" } }) });

const gone = { 404: failure("It was not offered, or that was long ago, or it is done") };

const offerRoute = createRoute({
  method: "post",
  path: "/v1/replacement",
  summary: "Get ready to be replaced by another process",
  description: "For weir run --replace. From then on another process of the same user can open its sockets beside " +
    "those of this one. Everything serves on.",
  security: [{ token: [] }],
  responses: {
    200: json(offerSchema, "What that process has to know"),
    409: failure("Another process is getting ready already, or this one stops"),
    ...guarded,
  },
});

const withdrawRoute = createRoute({
  method: "delete",
  path: "/v1/replacement/{id}",
  summary: "Give a replacement up",
  security: [{ token: [] }],
  request: { params },
  responses: { 204: { description: "The next one may try" }, ...gone, ...guarded },
});

const takeRoute = createRoute({
  method: "post",
  path: "/v1/replacement/{id}/takeover",
  summary: "Have this process give way to one that accepts already",
  description: "Nothing new is accepted, this API closes, open connections end over shutdown.drainTimeout, and the " +
    "process ends.",
  security: [{ token: [] }],
  middleware: jsonBody(),
  request: { params, body: { required: true, content: { "application/json": { schema: successorSchema } } } },
  responses: {
    202: json(z.object({ drainTimeout: z.int() }), "It gives way"),
    400: failure("The body is wrong"),
    408: failure("The body did not come in time"),
    413: failure("The body has more than 1 MiB"),
    415: failure("The body is not sent as JSON"),
    ...gone,
    ...guarded,
  },
});

/** Where a process that has offered its place is told that another one takes it. */
export function takeoverPath(id: string): string {
  return `/v1/replacement/${id}/takeover`;
}

/** The kind of problem that a process answers with whose own request has come to itself. */
export const ASKED_ITSELF = "asked_itself";

/**
 * Answers the requests of this very process, which accepts beside the one that it replaces. They carry the token of that
 * one, so this comes before any guard; nobody else knows the id.
 *
 * @param id of the offer that this process has taken; `null` when it replaces none
 */
export function ownTakeover(id: string | null): MiddlewareHandler {
  return async (context, next) => {
    if (id !== null && context.req.path === takeoverPath(id)) {
      return problem(421, ASKED_ITSELF, "This is the process that takes over");
    }
    await next();
  };
}

/** Adds the routes. */
export function addReplacementRoutes(
  api: OpenAPIHono,
  { offerPlace, withdrawOffer, giveWay, drainTimeout }: ReplacementDependencies & { drainTimeout(): number },
): void {
  api.openapi(offerRoute, async (context) => {
    const { places, admin, drained, ...offer } = await orRefused(offerPlace);
    return context.json({
      ...offer,
      listening: places.map(({ address, ports }) => ({ address, ports: formatPorts(ports) })),
      admin: admin === null ? null : formatEndpoint(admin.address, admin.port),
      drained: drained.map(({ scope, server }) => ({ ...scope, server })),
    }, 200);
  });
  api.openapi(withdrawRoute, async (context) => {
    await orRefused(() => withdrawOffer(context.req.valid("param").id));
    return context.body(null, 204);
  });
  api.openapi(takeRoute, async (context) => {
    const { id } = context.req.valid("param");
    await orRefused(() => giveWay(id, context.req.valid("json")));
    return context.json({ drainTimeout: drainTimeout() }, 202);
  });
}

async function orRefused<Result>(work: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    if (error.kind === "stopping") throw refusal(409, error.kind, error.message);
    throw refusedConfig(error);
  }
}
