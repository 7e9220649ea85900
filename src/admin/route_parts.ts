/**
 * What route definitions are put together from.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { oneOf, showValue } from "../config/fields.ts";
import type { ChangeOptions } from "../control/config_editor.ts";
import { problemSchema, refusal } from "./problem.ts";

/** A JSON answer. */
export const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

/** A problem document. */
export const failure = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: problemSchema } },
});

/** What every route behind the guards can answer. */
export const guarded = {
  401: failure("The token is missing or wrong"),
  403: failure("A page of another origin sent the request"),
  421: failure("The Host header is not the admin's own"),
};

/** Which section of the certificate store is meant. */
export const kindParameter = oneOf("certificate", "clientCA").default("certificate").openapi({
  param: { name: "kind", in: "query" },
  description: "A certificate and a client CA may have the same name",
});

/** Failures of requests that change the configuration. */
export const changeFailures = {
  400: failure("The body is no JSON, or a parameter is wrong"),
  408: failure("The body did not come in time"),
  409: failure("It is used, there already, or the file has been changed by somebody else"),
  412: failure("It is not as If-Match or If-None-Match says"),
  413: failure("The body has more than 1 MiB"),
  415: failure("The body is not sent as JSON"),
  422: failure("It cannot be used: every error is listed. Or it could not be carried out; everything is as it was"),
  500: failure("It could not be written; everything is as it was"),
  ...guarded,
};

/** `persist` in a query. @param description what it does there */
export const persistParameter = (description: string) =>
  z.enum(["", "true", "false"], {
    error: ({ input }) => `must be "true" or "false", or stand alone for "true", got ${showValue(input)}`,
  }).optional().openapi({ param: { name: "persist", in: "query", allowEmptyValue: true }, description });

/** The query of requests that change the configuration. */
export const changeQuery = z.object({
  persist: persistParameter(
    "Whether the change is saved to the file (?persist alone: yes); without it admin.persist holds",
  ),
});

/** The headers of a request that changes something. */
export const preconditionHeaders = z.object({
  "if-match": z.string().optional().openapi({
    description: "Only while the ETag is one of these; * for whatever there is",
    example: '"5d41402abc4b2a76b9719d911017c592"',
  }),
  "if-none-match": z.string().optional().openapi({ description: "*: only while there is none of that name" }),
});

/** What a request's {@link changeQuery} and {@link preconditionHeaders} say. @throws {HTTPException} 400 */
export function changeOptions({ req }: Context): ChangeOptions {
  const persist = req.query("persist");
  // Without a value it is a switch; with an empty one somebody had none to give.
  if (persist === "" && /[?&]persist=/.test(req.url)) {
    throw refusal(400, "bad_request", 'persist: must be "true" or "false", or stand alone for "true", got ""');
  }
  return {
    ifMatch: req.header("if-match"),
    ifNoneMatch: req.header("if-none-match"),
    persist: persist === undefined ? undefined : persist !== "false",
  };
}

/** `{name}` and `{server}` in a path. */
export const serverParameters = z.object({
  name: z.string().openapi({ param: { name: "name", in: "path" } }),
  server: z.string().openapi({ param: { name: "server", in: "path" }, example: "10.0.0.11:80" }),
});

/** `{name}` in a path. */
export const nameParameter = z.object({ name: z.string().openapi({ param: { name: "name", in: "path" } }) });
