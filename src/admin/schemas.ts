/**
 * What the admin API answers, as schemas: types, OpenAPI document and tests follow from them.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";

const count = (description: string) => z.int().min(0).openapi({ description });

const health = z.enum(["Unknown", "Healthy", "Abnormal", "Disabled"]);

const probe = z.object({
  at: z.iso.datetime(),
  ok: z.boolean(),
  error: z.string().nullable(),
}).nullable().openapi({ description: "The last health probe; null before the first" });

const change = z.object({
  at: z.iso.datetime(),
  from: health,
  to: health,
  reason: z.string(),
}).nullable().openapi({ description: "The last change of health; null when it never changed" });

const healthCheck = z.object({
  enabled: z.boolean(),
  timeout: z.int(),
  interval: z.int(),
  unhealthyThreshold: z.int(),
  healthyThreshold: z.int(),
  port: z.int().nullable(),
});

const traffic = {
  connectionsActive: count("Connections that are open"),
  connectionsTotal: count("Connections since the start"),
  bytesIn: count("Bytes from clients"),
  bytesOut: count("Bytes to clients"),
};

/** A server as one listener sees it. */
export const serverSchema = z.object({
  server: z.string().openapi({ example: "10.0.0.11:80" }),
  configured: z.string().openapi({
    description: "The server as the configuration has it; another than server when that is a host name",
    example: "app.internal:80",
  }),
  address: z.string(),
  port: z.int(),
  weight: z.int(),
  backup: z.boolean(),
  draining: z.boolean().openapi({ description: "Whether it takes nothing new because somebody drains it" }),
  health,
  lastChange: change,
  lastProbe: probe,
  connectFailures: count("Connection attempts that failed"),
  ...traffic,
}).openapi("Server");

const names = z.array(z.object({
  name: z.string(),
  addresses: z.array(z.string()).openapi({ description: "The last good answer" }),
  error: z.string().nullable().openapi({ description: "Why the last look-up failed" }),
  checkedAt: z.iso.datetime().nullable(),
})).openapi({ description: "Host names that servers are given by" });

/** A listener with its counters and servers. */
export const listenerSchema = z.object({
  name: z.string(),
  protocol: z.enum(["TCP", "TCP_SSL"]),
  address: z.string(),
  port: z.int(),
  state: z.enum(["starting", "accepting", "restarting", "draining"]),
  backendGroup: z.string().nullable().openapi({ description: "null when the group is written in place" }),
  algorithm: z.enum(["wrr", "wlc", "source-hash"]),
  whenAllUnhealthy: z.enum(["forward", "reject"]),
  healthCheck,
  tls: z.object({
    authentication: z.literal("one-way"),
    certificate: z.string(),
    minVersion: z.literal("1.2"),
    handshakeTimeout: z.int(),
  }).nullable(),
  ipTranslation: z.boolean(),
  proxyProtocol: z.enum(["off", "v1", "v2"]).openapi({ description: "The header that servers get" }),
  acceptProxyProtocol: z.object({ from: z.array(z.string()), timeout: z.int() }).nullable().openapi({
    description: "Whose headers are read; null for nobody's",
  }),
  accessControl: z.object({
    mode: z.enum(["whitelist", "blacklist"]),
    groups: z.array(z.string()),
  }).nullable().openapi({ description: "null lets every address in" }),
  maxConnections: z.int().nullable().openapi({ description: "Connections at once; null for no limit" }),
  maxNewConnections: z.int().nullable().openapi({ description: "New connections a second; null for no limit" }),
  idleTimeout: z.int(),
  connectTimeout: z.int(),
  tags: z.record(z.string(), z.string()),
  description: z.string(),
  ...traffic,
  connectionsEnded: z.record(z.string(), z.int()).openapi({ description: "Connections that ended, by reason" }),
  acceptErrors: count("Times that accepting failed"),
  servers: z.array(serverSchema),
  names,
}).openapi("Listener");

/** A server of a named group, over all listeners that use it. */
export const groupServerSchema = serverSchema.omit({ lastChange: true, lastProbe: true }).extend({
  health: health.openapi({ description: "Abnormal when any listener finds it so; each listener probes by itself" }),
}).openapi("GroupServer");

/** A backend group with its servers' state in every listener that uses it. */
export const groupSchema = z.object({
  name: z.string(),
  algorithm: z.enum(["wrr", "wlc", "source-hash"]),
  whenAllUnhealthy: z.enum(["forward", "reject"]),
  healthCheck,
  listeners: z.array(z.string()).openapi({ description: "The listeners that use the group" }),
  servers: z.array(groupServerSchema),
  names,
}).openapi("BackendGroup");

const configProblem = z.object({
  file: z.string(),
  line: z.int(),
  column: z.int(),
  path: z.string(),
  message: z.string(),
});

/** What a reload did. */
export const reloadSchema = z.object({
  at: z.iso.datetime(),
  trigger: z.enum(["start", "signal", "api"]),
  changes: z.array(z.object({
    listener: z.string(),
    action: z.enum(["start", "update", "replace", "stop"]),
    settings: z.array(z.string()),
  })),
  general: z.array(z.string()),
  warnings: z.array(configProblem),
}).openapi("Reload");

/** The program as a whole. */
export const statusSchema = z.object({
  version: z.string(),
  startedAt: z.iso.datetime(),
  uptimeSeconds: z.number(),
  configFile: z.string(),
  ready: z.boolean().openapi({ description: "Whether every listener is accepting" }),
  lastReload: z.union([
    z.object({ ok: z.literal(true), report: reloadSchema }),
    z.object({ ok: z.literal(false), at: z.iso.datetime(), trigger: z.string(), error: z.string() }),
  ]).nullable(),
  workers: z.object({
    running: count("Worker threads"),
    restarts: count("Workers that died and were replaced"),
    draining: count("Removed or replaced listeners that still have connections"),
  }),
  memory: z.object({ rss: count("Bytes of memory in use") }),
  totals: z.object({ listeners: z.int(), ...traffic }),
}).openapi("Status");

/** Whether every listener is accepting. */
export const readySchema = z.object({
  ready: z.boolean(),
  listeners: z.record(z.string(), z.string()).openapi({ description: "State by listener" }),
}).openapi("Ready");
