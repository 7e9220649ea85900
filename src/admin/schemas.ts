/**
 * What the admin API answers, as schemas: types, OpenAPI document and tests follow from them.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { shownSettings } from "./settings.ts";

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

const state = z.enum(["starting", "accepting", "restarting", "draining"]);

const healthCheck = z.object({
  enabled: z.boolean(),
  timeout: z.int(),
  interval: z.int(),
  unhealthyThreshold: z.int(),
  healthyThreshold: z.int(),
  port: z.int().nullable(),
  passive: z.boolean().openapi({ description: "Whether failed connections of clients count as well" }),
});

const backendTls = z.object({
  serverName: z.string().nullable().openapi({ description: "null for each server's own host name or address" }),
  ca: z.string().nullable().openapi({
    description: "The entry of clientCAs that must have signed; null for the public CAs, and without verify",
  }),
  verify: z.boolean().openapi({ description: "Whether servers have to prove who they are" }),
}).nullable().openapi({ description: "TLS to the servers; null for plain TCP" });

const slowStart = z.int().openapi({ description: "Seconds; 0 for none" });

const traffic = {
  connectionsActive: count("Connections that are open"),
  connectionsTotal: count("Connections since the start"),
  bytesIn: count("Bytes from clients"),
  bytesOut: count("Bytes to clients"),
};

/** A server as one listener sees it. */
export const serverSchema = z.object({
  server: z.string().openapi({
    example: "10.0.0.11:80",
    description: "What the server is called: address:port; address alone when it gets the listener's ports; " +
      "address:first+ for ports of its own",
  }),
  configured: z.string().openapi({
    description: "The server as the configuration has it; another than server when that is a host name",
    example: "app.internal:80",
  }),
  address: z.string(),
  port: z.int().nullable().openapi({ description: "null when it depends on the port that the client connected to" }),
  ports: z.string().nullable().openapi({
    example: "20000-20100",
    description: "The ports that the listener's ports stand for, in order; null for one port or the same ports",
  }),
  weight: z.int(),
  effectiveWeight: z.number().openapi({ description: "Below weight while the server warms up (slowStart)" }),
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
  port: z.int().nullable().openapi({ description: "null when there are several ports" }),
  ports: z.string().nullable().openapi({ example: "10000-10100,10200", description: "null when there is one port" }),
  state: state.openapi({ description: "accepting as soon as one of its threads is" }),
  backendGroup: z.string().nullable().openapi({ description: "null when the group is written in place" }),
  algorithm: z.enum(["wrr", "wlc", "source-hash"]),
  whenAllUnhealthy: z.enum(["forward", "reject"]),
  slowStart,
  healthCheck,
  backendTls,
  tls: z.object({
    authentication: z.enum(["one-way", "mutual"]),
    certificates: z.array(z.string()),
    clientCA: z.string().nullable(),
    minVersion: z.enum(["1.2", "1.3"]),
    alpn: z.array(z.string()),
    handshakeTimeout: z.int(),
    maxHandshakes: z.int(),
    engine: z.enum(["full", "fast"]),
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
  tcpKeepAlive: z.boolean(),
  backlog: z.int().openapi({ description: "As configured; a socket that is open keeps the one it was opened with" }),
  workers: z.int().openapi({ description: "Threads that share its port" }),
  threads: z.array(z.object({
    worker: count("The worker's number, as in the log"),
    state,
    connectionsActive: count("Connections that are open in this thread"),
  })).openapi({ description: "The threads it runs in, those that drain as well" }),
  tags: z.record(z.string(), z.string()),
  description: z.string(),
  ...traffic,
  connectionsEnded: z.record(z.string(), z.int()).openapi({ description: "Connections that ended, by reason" }),
  handshakeFailures: z.record(z.string(), z.int()).nullable().openapi({
    description: "TLS handshakes that failed, by reason; null without TLS",
  }),
  acceptErrors: count("Times that accepting failed"),
  servers: z.array(serverSchema),
  names,
  settings: shownSettings("ListenerSettings"),
}).openapi("Listener");

/** A server of a named group, over all listeners that use it. */
export const groupServerSchema = serverSchema.omit({ effectiveWeight: true, lastChange: true, lastProbe: true }).extend(
  {
    health: health.openapi({ description: "Abnormal when any listener finds it so; each listener probes by itself" }),
  },
).openapi("GroupServer");

/** A backend group with its servers' state in every listener that uses it. */
export const groupSchema = z.object({
  name: z.string(),
  algorithm: z.enum(["wrr", "wlc", "source-hash"]),
  whenAllUnhealthy: z.enum(["forward", "reject"]),
  slowStart,
  healthCheck,
  backendTls,
  listeners: z.array(z.string()).openapi({ description: "The listeners that use the group" }),
  servers: z.array(groupServerSchema),
  names,
  settings: shownSettings("BackendGroupSettings"),
}).openapi("BackendGroup");

/** An IP group and who uses it. */
export const ipGroupSchema = z.object({
  name: z.string(),
  file: z.string().nullable().openapi({ description: "The file that holds the entries; null when they are in place" }),
  entries: count("Addresses and CIDR blocks"),
  users: z.array(z.string()).openapi({ description: "The listeners that use it" }),
  settings: z.union([z.array(z.string()), z.object({ file: z.string() })]).openapi({
    description: "As the configuration file says them: what PUT takes back",
  }),
}).openapi("IpGroup");

/** An entry of a group's servers. */
export const boundServerSchema = z.object({
  name: z.string().openapi({ description: "What its first server is called", example: "10.0.0.11:80" }),
  names: z.array(z.string()).openapi({ description: "What its servers are called: one, or one for each of its ports" }),
  settings: shownSettings("ServerSettings"),
}).openapi("BoundServer");

const certificateDetails = {
  subject: z.string().openapi({ example: "CN=www.example.com" }),
  sans: z.array(z.string()).openapi({ example: ["DNS:www.example.com", "IP:192.0.2.1"] }),
  issuer: z.string(),
  validFrom: z.iso.datetime(),
  validTo: z.iso.datetime(),
  serial: z.string().openapi({ description: "Hexadecimal" }),
  fingerprint256: z.string().openapi({ description: "SHA-256 over the certificate" }),
  keyType: z.string().openapi({ example: "EC P-256" }),
};

const certificateKind = z.enum(["certificate", "clientCA"]);

/** An entry of the certificate store; keys are never shown. */
export const certificateSchema = z.object({
  name: z.string(),
  kind: certificateKind.openapi({ description: "Which section of the configuration it stands in" }),
  ...certificateDetails,
  certFile: z.string(),
  keyFile: z.string().nullable().openapi({ description: "null for client CAs" }),
  users: z.array(z.string()).openapi({ description: "The listeners that use it" }),
  chainLength: z.int().min(1).openapi({ description: "Certificates in the file" }),
  chain: z.array(z.object(certificateDetails)).openapi({
    description: "Every certificate in the file, the one above first",
  }),
  persisted: z.boolean().openapi({
    description: "Whether its files hold it; false: it came through this API and serves until the next reload",
  }),
  refused: z.string().nullable().openapi({
    description: "Why the changed files were not taken, while the old ones serve on; null when there is no such change",
  }),
}).openapi("Certificate");

/** A problem or warning of the configuration. */
export const configProblem = z.object({
  file: z.string(),
  line: z.int(),
  column: z.int(),
  path: z.string(),
  message: z.string(),
});

/** What a change meant for one listener. */
export const reportedChange = z.object({
  listener: z.string(),
  action: z.enum(["start", "update", "replace", "stop"]),
  settings: z.array(z.string()),
});

/** What every answer to a change says beside the entry. */
export const changeShape = {
  persisted: z.boolean().openapi({ description: "Whether the configuration's file holds it" }),
  warnings: z.array(configProblem).openapi({ description: "What is legal and seldom meant" }),
};

/** What a reload did. */
export const reloadSchema = z.object({
  at: z.iso.datetime(),
  trigger: z.enum(["start", "signal", "api"]),
  changes: z.array(reportedChange),
  general: z.array(z.string()),
  warnings: z.array(configProblem),
}).openapi("Reload");

const renewal = z.object({
  at: z.iso.datetime(),
  refused: z.array(z.object({ name: z.string(), kind: certificateKind, reason: z.string() })),
  error: z.string().nullable(),
}).nullable().openapi({
  description: "The last time that changed certificate files were read; null when there was none since the last reload",
});

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
  lastRenewal: renewal,
  unsaved: z.array(z.string()).openapi({
    description: "What was changed through this API and is not in the file; the next reload forgets it",
    example: ["certificates.www"],
  }),
  workers: z.object({
    running: count("Worker threads"),
    restarts: count("Workers that died and were replaced"),
    draining: count("Removed or replaced listeners, and removed threads of listeners, that still have connections"),
  }),
  draining: z.array(z.object({
    listener: z.string(),
    connections: count("Connections that are left"),
    secondsLeft: count("Seconds until those that are left have been ended"),
  })).openapi({ description: "Listeners, and threads of them, that accept nothing more" }),
  capacity: z.object({
    connections: count("Connections that are open, those that are not admitted yet among them"),
    most: z.int().nullable().openapi({
      description: "How many the file descriptors are good for; more are turned away. null: no limit is known",
    }),
  }),
  memory: z.object({ rss: count("Bytes of memory in use") }),
  totals: z.object({ listeners: z.int(), ...traffic }),
}).openapi("Status");

/** Whether every listener is accepting. */
export const readySchema = z.object({
  ready: z.boolean(),
  listeners: z.record(z.string(), z.string()).openapi({ description: "State by listener" }),
}).openapi("Ready");
