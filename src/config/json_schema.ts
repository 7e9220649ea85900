/**
 * The JSON Schema of the configuration file, for editors.
 *
 * @module
 */

import { z } from "zod";
import { configSchema } from "./schema.ts";

/** The schema as plain data, JSON Schema draft 2020-12, for what users write (so keys with defaults are optional). */
export function configJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(configSchema, { io: "input" }), title: "Weir configuration" };
}
