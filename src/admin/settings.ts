/**
 * Settings in the OpenAPI document: what requests hold and answers show as the configuration file says it. The schemas
 * are those of the file. Requests are not checked against them by the framework but as the file is, so that an error
 * reads the same and `${NAME}` can be sent.
 *
 * @module
 */

import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { name, section } from "../config/fields.ts";
import { backendGroupSchema, configSchema, ipGroupSchema, listenerSchema, serverSchema } from "../config/schema.ts";

const BY_NAME = {
  ListenerSettings: listenerSchema,
  BackendGroupSettings: backendGroupSchema,
  NewBackendGroup: section({ name: name(), ...backendGroupSchema.shape }, "a mapping with name and servers"),
  ServerSettings: serverSchema,
  IpGroupSettings: ipGroupSchema,
  NewIpGroup: z.union([
    section({ name: name(), addresses: ipGroupSchema.options[0] }, "a mapping with name and addresses"),
    section({ name: name(), ...ipGroupSchema.options[1].shape }, "a mapping with name and file"),
  ]),
  ConfigSettings: configSchema,
} as const;

/** The name of a schema of settings. */
export type SettingsName = keyof typeof BY_NAME;

/** Adds the schemas to the document. */
export function describeSettings(api: OpenAPIHono): void {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(BY_NAME)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io: "input", uri: (id) => settingsRef(id).$ref });
  for (const [key, { $schema: _, $id: __, ...described }] of Object.entries(schemas)) {
    api.openAPIRegistry.registerComponent(
      "schemas",
      key,
      described as Parameters<typeof api.openAPIRegistry.registerComponent<"schemas">>[2],
    );
  }
}

/** A reference to settings. */
const settingsRef = (key: string) => ({ $ref: `#/components/schemas/${key}` });

/** A body that holds settings. */
export const settingsBody = (key: SettingsName) => ({
  required: true,
  content: { "application/json": { schema: settingsRef(key) } },
});

/** A body that holds settings once, or a list of them. */
export const oneOrSeveral = (key: SettingsName) => ({
  required: true,
  content: {
    "application/json": {
      schema: { anyOf: [settingsRef(key), { type: "array" as const, minItems: 1, items: settingsRef(key) }] },
    },
  },
});

/** Settings in an answer, as the file says them: what PUT takes back. */
export const shownSettings = (key: SettingsName) =>
  z.record(z.string(), z.unknown()).openapi({
    allOf: [settingsRef(key)],
    description: "As the configuration file says them, or would if it was saved: what PUT takes back",
  });
