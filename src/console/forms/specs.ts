/**
 * The fields of forms: for each key of the configuration its label and how its value is typed. Hints, ranges and
 * defaults come from the schema.
 *
 * @module
 */

import { factsOf, type SchemaName } from "./described.ts";

/** How a value is typed. */
export type FieldKind =
  /** A line. */
  | "text"
  /** A whole number; anything else stays a text, and the schema says what is wrong with it. */
  | "number"
  /** One of a few words. */
  | "choice"
  /** On or off. */
  | "flag"
  /** Words separated by commas. */
  | "words"
  /** Any of several names. */
  | "names";

/** A field. */
export interface FieldSpec {
  /** The key, with dots; the field's name in the form, within its part. */
  readonly path: string;
  readonly label: string;
  readonly kind: FieldKind;
  readonly hint: string | undefined;
  /** What an empty form starts with, and what is left out of the configuration; `""` for keys without a default. */
  readonly default: string;
  readonly choices: readonly (readonly [value: string, title: string])[];
  readonly isRequired: boolean;
}

interface Given {
  readonly kind?: FieldKind;
  readonly choices?: FieldSpec["choices"];
  readonly isRequired?: boolean;
  readonly hint?: string;
}

const ON_OFF = [["true", "on"], ["false", "off"]] as const;

function spec(schema: SchemaName, path: string, label: string, given: Given = {}): FieldSpec {
  const { kind = "text", choices = kind === "flag" ? ON_OFF : [], isRequired = false } = given;
  const facts = factsOf(schema, path);
  return {
    path,
    label,
    kind,
    choices,
    isRequired,
    hint: given.hint ?? facts.description,
    default: facts.default ?? "",
  };
}

const listener = (path: string, label: string, given?: Given) => spec("listener", path, label, given);
const pool = (path: string, label: string, given?: Given) => spec("pool", path, label, given);

/** What a listener is called and where it listens. */
export const LISTENER_BASIC: readonly FieldSpec[] = [
  listener("protocol", "Protocol", {
    kind: "choice",
    choices: [["TCP", "TCP"], ["TCP_SSL", "TCP SSL"]],
    isRequired: true,
  }),
  listener("address", "Address"),
  listener("port", "Port or ports", {
    isRequired: true,
    hint: 'One port, or several: "10000-10100,10200", where port P goes to port P of the server.',
  }),
  listener("description", "Description"),
];

/** How TLS is ended. */
export const LISTENER_TLS: readonly FieldSpec[] = [
  listener("tls.authentication", "Authentication", {
    kind: "choice",
    choices: [["one-way", "one-way"], ["mutual", "mutual"]],
  }),
  listener("tls.minVersion", "Lowest TLS version", { kind: "choice", choices: [["1.2", "1.2"], ["1.3", "1.3"]] }),
  listener("tls.alpn", "ALPN", { kind: "words" }),
  listener("tls.handshakeTimeout", "Handshake timeout", { kind: "number" }),
  listener("tls.maxHandshakes", "Handshakes at once", { kind: "number" }),
  listener("tls.engine", "TLS engine", { kind: "choice", choices: [["full", "full"], ["fast", "fast"]] }),
];

/** Limits and timeouts of a listener. */
export const LISTENER_LIMITS: readonly FieldSpec[] = [
  listener("maxNewConnections", "New connections a second", {
    kind: "number",
    hint: "unlimited, or 1 to 1000000. What is more is refused.",
  }),
  listener("maxConnections", "Connections at once", {
    kind: "number",
    hint: "unlimited, or 1 to 1000000. A lower limit interrupts none that are open.",
  }),
  listener("idleTimeout", "Idle timeout", { kind: "number" }),
  listener("connectTimeout", "Connect timeout", { kind: "number" }),
];

/** The rest of a listener. */
export const LISTENER_MORE: readonly FieldSpec[] = [
  listener("ipTranslation", "IPv4/IPv6 translation", {
    kind: "flag",
    hint: "Whether IPv4 clients may reach IPv6 servers and the reverse. Switching it ends the listener's connections.",
  }),
  listener("proxyProtocol", "PROXY protocol to servers", {
    kind: "choice",
    choices: [["off", "off"], ["v1", "version 1"], ["v2", "version 2"]],
    hint: "Tells servers the client's address. A server that does not speak it takes no connection any more.",
  }),
  listener("proxyProtocolChecksum", "Checksum in a version 2 header", { kind: "flag" }),
  listener("acceptProxyProtocol.timeout", "Timeout of clients' headers", { kind: "number" }),
  listener("tcpKeepAlive", "TCP keep-alive", { kind: "flag" }),
  listener("backlog", "Backlog", { kind: "number" }),
  listener("workers", "Threads", { kind: "number" }),
];

/** How a group's servers are picked and reached. */
export const POOL_BASIC: readonly FieldSpec[] = [
  pool("algorithm", "Balancing", {
    kind: "choice",
    choices: [
      ["wrr", "weighted round robin"],
      ["wlc", "weighted least connections"],
      ["source-hash", "source hash"],
    ],
  }),
  pool("defaultPort", "Default port", { kind: "number" }),
  pool("whenAllUnhealthy", "With every server Abnormal", {
    kind: "choice",
    choices: [["forward", "treat all as healthy"], ["reject", "refuse connections"]],
    hint: "What happens when no server answers its health checks.",
  }),
  pool("slowStart", "Slow start", { kind: "number" }),
];

/** TLS to the servers, but whether there is any and who has signed. */
export const POOL_TLS: readonly FieldSpec[] = [
  pool("backendTls.serverName", "Server name"),
  pool("backendTls.verify", "Servers prove who they are", { kind: "flag" }),
];

/** How servers are checked. */
export const POOL_HEALTH: readonly FieldSpec[] = [
  pool("healthCheck.enabled", "Health check", { kind: "flag" }),
  pool("healthCheck.port", "Checked port", { kind: "number" }),
  pool("healthCheck.timeout", "Response timeout", { kind: "number" }),
  pool("healthCheck.interval", "Interval", { kind: "number" }),
  pool("healthCheck.unhealthyThreshold", "Abnormal after", { kind: "number" }),
  pool("healthCheck.healthyThreshold", "Healthy after", { kind: "number" }),
  pool("healthCheck.passive", "Clients' failed connections count", { kind: "flag" }),
];

/** Every field of a listener that is typed as its key is. */
export const LISTENER_FIELDS: readonly FieldSpec[] = [
  ...LISTENER_BASIC.filter(({ path }) => path !== "port"),
  ...LISTENER_TLS,
  ...LISTENER_LIMITS,
  ...LISTENER_MORE,
];

/** Every field of a group that is typed as its key is. */
export const POOL_FIELDS: readonly FieldSpec[] = [...POOL_BASIC, ...POOL_TLS, ...POOL_HEALTH];

/** How fields are called that are no line of their own above. */
const OTHERS: Readonly<Record<string, string>> = {
  name: "Name",
  port: "Port or ports",
  tags: "Tags",
  file: "File",
  addresses: "Addresses",
  backendGroup: "Servers",
  servers: "Servers",
  reach: "Encryption",
  "tls.certificate": "Certificate",
  "tls.certificates": "Further certificates",
  "tls.clientCA": "Client CA",
  "backendTls.ca": "Signed by",
  "accessControl.mode": "Access control",
  "accessControl.groups": "IP groups",
  "acceptProxyProtocol.from": "PROXY protocol from clients",
};

const LABELS: ReadonlyMap<string, string> = new Map([
  ...[...LISTENER_FIELDS, ...POOL_FIELDS].map(({ path, label }) => [path, label] as const),
  ...Object.entries(OTHERS),
]);

/** How a field is called where its label is not beside it. */
export function labelOf(name: string): string {
  const row = /servers\.(\d+)\.(\w+)$/.exec(name);
  if (row !== null) return `Server ${Number(row[1]) + 1}, ${row[2]}`;
  const path = name.replace(/^backends\./, "");
  return LABELS.get(path) ?? path;
}
