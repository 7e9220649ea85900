/**
 * What route definitions are put together from.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { problemSchema } from "./problem.ts";

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
export const kindParameter = z.enum(["certificate", "clientCA"]).default("certificate").openapi({
  param: { name: "kind", in: "query" },
  description: "A certificate and a client CA may have the same name",
});

/** `{name}` in a path. */
export const nameParameter = z.object({ name: z.string().openapi({ param: { name: "name", in: "path" } }) });
