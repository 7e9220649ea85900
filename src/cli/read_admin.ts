/**
 * Reading from the admin API of a Weir of this version.
 *
 * @module
 */

import type { z } from "zod";
import { WeirError } from "../errors.ts";
import { callAdmin, detailOf } from "./admin_client.ts";
import type { Given } from "./command.ts";

/** What is at a path. @throws {WeirError} `admin_unreachable` when nobody answers, or not as expected */
export async function readAdmin<Schema extends z.ZodType>(
  given: Given,
  path: string,
  schema: Schema,
): Promise<z.infer<Schema>> {
  const { status, body } = await callAdmin(given, "GET", path);
  if (status !== 200) throw new WeirError("admin_unreachable", detailOf(body));
  const result = schema.safeParse(body);
  if (!result.success) throw new WeirError("admin_unreachable", "What answers is not a Weir of this version");
  return result.data;
}
