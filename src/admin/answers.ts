/**
 * What routes of the admin API answer, as the OpenAPI document describes it.
 *
 * @module
 */

import type { z } from "@hono/zod-openapi";
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

/** What every guarded route may answer. */
export const guarded = {
  401: failure("The token is missing or wrong"),
  403: failure("A page of another origin sent the request"),
  421: failure("The Host header is not the admin's own"),
};
