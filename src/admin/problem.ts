/**
 * Errors of the admin API as problem documents (RFC 9457).
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { ConfigError, messageOf, WeirError, type WeirErrorKind } from "../errors.ts";

/** What a problem document holds. */
export const problemSchema = z.object({
  type: z.string().openapi({ description: "What kind of problem it is", example: "urn:weir:problem:config_invalid" }),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  errors: z.array(z.object({
    file: z.string(),
    line: z.int().openapi({ description: "1-based; 0 when the error has no place in the file" }),
    column: z.int(),
    path: z.string().openapi({ description: "In the configuration, as it would be" }),
    message: z.string(),
    requestPath: z.string().optional().openapi({
      description: "Within the body of the request; empty for the whole, missing for what the request did not give",
      example: "healthCheck.timeout",
    }),
  })).optional(),
}).openapi("Problem");

/** A problem document. */
export type Problem = z.infer<typeof problemSchema>;

/** Statuses that the admin API answers problems with. */
export type ProblemStatus = 400 | 401 | 403 | 404 | 405 | 408 | 409 | 412 | 413 | 415 | 421 | 422 | 500 | 503;

const TITLES: Readonly<Record<ProblemStatus, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

const TYPE_PREFIX = "urn:weir:problem:";

/** Makes a problem response. @param kind a word that programs can go by, @param detail for people */
export function problem(status: ProblemStatus, kind: string, detail: string, errors?: Problem["errors"]): Response {
  const body: Problem = {
    type: `${TYPE_PREFIX}${kind}`,
    title: TITLES[status],
    status,
    detail,
    ...(errors === undefined ? {} : { errors }),
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/problem+json",
      ...(status === 401 ? { "www-authenticate": 'Bearer realm="weir"' } : {}),
    },
  });
}

/** The word that says what kind of problem a body tells of; `undefined` when it is no problem document. */
export function problemKind(body: unknown): string | undefined {
  const parsed = problemSchema.safeParse(body);
  return parsed.success ? parsed.data.type.replace(TYPE_PREFIX, "") : undefined;
}

/** A problem as an exception, for handlers; the API's error handler answers with it. */
export function refusal(...given: Parameters<typeof problem>): HTTPException {
  return new HTTPException(given[0], { res: problem(...given) });
}

/** Statuses of errors that are no fault of the request's content. */
const ERROR_STATUS: Readonly<Partial<Record<WeirErrorKind, ProblemStatus>>> = {
  no_such_listener: 404,
  no_such_backend_group: 404,
  no_such_ip_group: 404,
  no_such_server: 404,
  no_such_replacement: 404,
  already_exists: 409,
  in_use: 409,
  precondition_failed: 412,
  config_changed: 409,
  not_saveable: 409,
  write_failed: 500,
};

/** Kinds of what is refused before anything is tried. */
const REFUSED_EARLY: ReadonlySet<string> = new Set<WeirErrorKind>([
  "no_such_listener",
  "no_such_backend_group",
  "no_such_ip_group",
  "no_such_server",
  "no_such_replacement",
  "already_exists",
  "in_use",
  "precondition_failed",
]);

/** The answer to a configuration that could not be made to serve, as an exception. */
export function refusedConfig(error: unknown): HTTPException {
  if (error instanceof ConfigError) {
    const count = error.problems.length;
    const detail = `The configuration has ${count} ${count === 1 ? "error" : "errors"}; the old one serves on`;
    return refusal(422, error.kind, detail, [...error.problems]);
  }
  if (error instanceof HTTPException) return error;
  const kind = error instanceof WeirError ? error.kind : "internal_error";
  const status = kind === "internal_error" ? 500 : ERROR_STATUS[kind] ?? 422;
  const why = messageOf(error);
  return refusal(status, kind, REFUSED_EARLY.has(kind) ? why : `${why}; the old configuration serves on`);
}
