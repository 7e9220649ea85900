/**
 * ETags and the headers that name them: so that two people who change one thing do not overwrite each other.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { contentHash } from "../config/read_file.ts";
import { refusal } from "./problem.ts";

/** The ETag of what an answer shows. */
export function etagOf(shown: unknown): string {
  return `"${contentHash(JSON.stringify(shown)).slice(0, 32)}"`;
}

/** The headers of a request that changes something. */
export const preconditionHeaders = z.object({
  "if-match": z.string().optional().openapi({
    description: "Only while the ETag is one of these; * for whatever there is",
    example: '"5d41402abc4b2a76b9719d911017c592"',
  }),
  "if-none-match": z.string().optional().openapi({ description: "*: only while there is none of that name" }),
});

/** What the headers of a request say. */
export type Preconditions = z.infer<typeof preconditionHeaders>;

/**
 * Refuses with 412 when something is not as the request wants it.
 *
 * @param current its ETag; `undefined` when it does not exist
 */
export function checkPreconditions(headers: Preconditions, current: string | undefined): void {
  const { "if-match": match, "if-none-match": noneMatch } = headers;
  if (match !== undefined && !(current !== undefined && matches(match, current))) {
    const found = current === undefined ? "there is none of that name" : `its ETag is ${current}`;
    throw refusal(412, "precondition_failed", `It has changed since it was read: If-Match is ${match}, but ${found}`);
  }
  if (noneMatch !== undefined && current !== undefined && matches(noneMatch, current)) {
    throw refusal(412, "precondition_failed", `There is one of that name already: its ETag is ${current}`);
  }
}

/** A weak tag matches nothing: what is equal enough to be read is not equal enough to be overwritten. */
function matches(header: string, etag: string): boolean {
  const given = header.split(",").map((one) => one.trim());
  return given.includes("*") || given.includes(etag);
}
