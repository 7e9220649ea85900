/**
 * Whether settings have the right form, before anything is tried with them.
 *
 * @module
 */

import type { z } from "zod";
import { formatPath } from "../../config/source.ts";
import { valueAt } from "../../config/entries.ts";
import type { RequestProblem } from "./errors.ts";

/** What the schema finds wrong; values with `${NAME}` in them are checked when that is known. */
export function schemaProblems(schema: z.ZodType, settings: unknown): RequestProblem[] {
  const { error } = schema.safeParse(settings);
  return (error?.issues ?? []).flatMap(({ path, message }) => {
    const steps = path.filter((step) => typeof step !== "symbol");
    const value = valueAt(settings, steps);
    if (typeof value === "string" && value.includes("${")) return [];
    const place = formatPath(steps);
    return message.split("\n").map((line) => ({ path: place, requestPath: place, message: line }));
  });
}
