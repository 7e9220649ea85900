/**
 * What the configuration's schema says of a key: its description and default, so that forms say the same as the
 * reference.
 *
 * @module
 */

import { z } from "zod";
import { backendGroupSchema, listenerSchema, serverSchema } from "../../config/schema.ts";
import { isMapping, valueAt } from "../../config/entries.ts";

const SCHEMAS: Readonly<Record<"listener" | "pool" | "server", unknown>> = {
  listener: z.toJSONSchema(listenerSchema, { io: "input" }),
  pool: z.toJSONSchema(backendGroupSchema, { io: "input" }),
  server: z.toJSONSchema(serverSchema, { io: "input" }),
};

/** Which part of the configuration a key belongs to. */
export type SchemaName = keyof typeof SCHEMAS;

/** What is said of a key. */
export interface KeyFacts {
  /** With the range of a number. */
  readonly description: string | undefined;
  /** As a form shows it; `undefined` when there is none. */
  readonly default: string | undefined;
}

/** What the schema says of a key, given with dots: `healthCheck.timeout`. */
export function factsOf(schema: SchemaName, path: string): KeyFacts {
  const steps = path.split(".").flatMap((key) => ["properties", key]);
  const found = valueAt(SCHEMAS[schema], steps);
  if (!isMapping(found)) throw new Error(`The schema has no key "${path}"`);
  const { description, default: value, minimum, maximum } = found;
  const range = typeof minimum === "number" && typeof maximum === "number" ? ` ${minimum} to ${maximum}.` : "";
  return {
    description: typeof description === "string" ? description + range : undefined,
    default: typeof value === "string" || typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : undefined,
  };
}
