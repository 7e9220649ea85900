/**
 * The configuration's schema: the one place for every key with its range, default, unit and description. The types,
 * the JSON Schema file and the documentation's reference follow from it.
 *
 * @module
 */

import { z } from "zod";
import { familyOf, parseCidr, parseEndpoint } from "../net/ip.ts";
import { parsePortList } from "../net/ports.ts";
import {
  atMost,
  flag,
  limit,
  list,
  name,
  named,
  oneOf,
  reference,
  rule,
  section,
  showValue,
  text,
  whole,
} from "./fields.ts";

const port = () => whole(1, 65535);

const HOST_NAME = /^(?=.{1,253}$)(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?$/;

/** Whether a text is an IPv4 or IPv6 address or a host name. */
export const isHost = (value: string): boolean =>
  familyOf(value) !== undefined || (HOST_NAME.test(value) && !/^[\d.]+$/.test(value));

const serverAddress = z.string(rule("must be an IPv4 or IPv6 address or a host name"))
  .refine(isHost, rule("must be an IPv4 or IPv6 address or a host name"));

const portList = z.string(rule('must be ports and port ranges such as "10000-10100,10200"'))
  .superRefine((value, context) => {
    const result = parsePortList(value);
    if (!result.ok) context.addIssue({ code: "custom", message: result.reason });
  });

const serverPorts = z.union([
  list(port(), "ports", 1),
  portList,
], rule('must be a list of ports, at least 1, or ports and port ranges such as "20000-20100,20200"'));

/** One server as the file gives it. */
export const serverSchema = section({
  address: serverAddress.describe(
    "Where the server is: an IPv4 or IPv6 address, or a host name, each of whose addresses is a server.",
  ),
  port: port().optional().describe("The server's port; without it the group's defaultPort holds."),
  ports: serverPorts.optional().describe(
    "A list: several ports on one server, each balanced to on its own. A text: for listeners with as many ports, " +
      "which get these in the same order.",
  ),
  weight: whole(0, 100).default(10).describe("Share of new connections; 0 takes none and keeps those it has."),
  backup: flag().default(false).describe("Used only when no other server of the group can be."),
}, "a server such as { address: 10.0.0.11, port: 80 }").describe("One server of a backend group.");

const healthCheck = section({
  enabled: flag().default(true).describe("Whether servers are probed at all."),
  timeout: whole(2, 60, "seconds").default(2).describe("Seconds that a probe may take."),
  interval: whole(5, 300, "seconds").default(5).describe("Seconds from one probe of a server to the next."),
  unhealthyThreshold: whole(2, 10).default(3).describe("Failures in a row that make a server Abnormal."),
  healthyThreshold: whole(2, 10).default(3).describe("Successes in a row that make a server Healthy."),
  port: port().optional().describe("Probe this port instead of the server's own, or the first of its own."),
  passive: flag().default(true).describe(
    "Whether three failed connections of clients in a row make a server Abnormal at once.",
  ),
}, "a mapping").describe("How servers are probed: a TCP connect, then close.");

const SERVER_NAME_RULE = rule("must be a host name or an IPv4 or IPv6 address");
const serverName = z.string(SERVER_NAME_RULE).refine(isHost, SERVER_NAME_RULE);

const backendTls = section({
  enabled: flag().default(true).describe("Whether connections to the servers are encrypted."),
  serverName: serverName.optional().describe(
    "The name that servers are asked for (SNI) and must prove; without it each server's own host name or address.",
  ),
  ca: reference("client CA").optional().describe(
    "Who must have signed the servers' certificates, an entry of clientCAs; without it the public CAs.",
  ),
  verify: flag().default(true).describe("Whether servers have to prove who they are; false only encrypts."),
}, "a mapping such as { serverName: app.internal }").describe("TLS to the servers; without it they get plain TCP.");

/** One backend group as the file gives it. */
export const backendGroupSchema = section({
  algorithm: oneOf("wrr", "wlc", "source-hash").default("wrr").describe(
    "How a server is picked: weighted round robin, weighted least connections, or by the client's address.",
  ),
  defaultPort: port().optional().describe("The port of servers that give none, for listeners with one port."),
  servers: list(serverSchema, "servers").default([]).describe("The servers."),
  backendTls: backendTls.optional(),
  healthCheck: healthCheck.prefault({}),
  whenAllUnhealthy: oneOf("forward", "reject").default("forward").describe(
    "With every server Abnormal: treat all as healthy (forward), or refuse connections (reject).",
  ),
  slowStart: whole(0, 300, "seconds").default(0).describe(
    "Seconds over which a server that was added, or has recovered, comes to its full share; 0 gives it at once.",
  ),
}, "a mapping with servers").describe("Servers that share the work.");

const ALPN_RULE = rule("must be an application protocol of 1 to 255 ASCII characters without blanks");
const alpnProtocol = z.string(ALPN_RULE).regex(/^[\x21-\x7e]{1,255}$/, ALPN_RULE);

const tls = section({
  authentication: oneOf("one-way", "mutual").default("one-way").describe(
    "one-way: the server shows a certificate; mutual: the client must show one as well.",
  ),
  certificate: reference("certificate").optional().describe(
    "The certificate shown to clients, from the certificate store; this or certificates.",
  ),
  certificates: list(reference("certificate"), "certificates", 1).optional().describe(
    "Several certificates: a client gets the one for the host name it asks for (SNI), or else the first.",
  ),
  clientCA: reference("client CA").optional().describe(
    "Who must have signed the clients' certificates, an entry of clientCAs; needed for mutual.",
  ),
  minVersion: oneOf("1.2", "1.3").default("1.2").describe("The lowest TLS version that is spoken."),
  alpn: list(alpnProtocol, "protocols").default([]).describe(
    "Application protocols that are offered to clients, the best first, each 1 to 255 characters; without any none is " +
      "agreed on.",
  ),
  handshakeTimeout: whole(1, 60, "seconds").default(10).describe("Seconds that a handshake may take."),
  maxHandshakes: whole(1, 1_000_000).default(10_000).describe(
    "Handshakes under way at once; a new one takes the place of the oldest.",
  ),
  engine: oneOf("full", "fast").default("full").describe(
    "fast costs less and does less: one-way, one certificate, TLS 1.2 and up, no PROXY header in front.",
  ),
}, 'a mapping with at least "certificate"').describe("How TLS is ended; needed for TCP_SSL and only there.");

const tagText = text(255, 0);
const TAG_KEY_RULE = rule("must be a key of 1 to 255 characters");

/** Threads that one listener may have. */
export const MAX_WORKERS_EACH = 64;

const WORKERS_RULE = rule(`must be "auto" or between 1 and ${MAX_WORKERS_EACH}`);
const workers = z.union(
  [z.literal("auto"), z.int(WORKERS_RULE).min(1, WORKERS_RULE).max(MAX_WORKERS_EACH, WORKERS_RULE)],
  WORKERS_RULE,
);

const listenAddress = z.string(rule("must be an IPv4 or IPv6 address"))
  .refine((value) => familyOf(value) !== undefined, rule("must be an IPv4 or IPv6 address"));

/** One listener as the file gives it. */
export const listenerSchema = section({
  name: name().describe("What the listener is called, unique: 1 to 63 letters, digits, dots, dashes or underscores."),
  protocol: oneOf("TCP", "TCP_SSL").describe("TCP relays as it is; TCP_SSL ends TLS and relays plain TCP."),
  address: listenAddress.default("0.0.0.0").describe('The address to listen on; "::" for both families.'),
  port: port().optional().describe("The port to listen on; this or ports."),
  ports: portList.optional().describe(
    'Several ports, "10000-10100,10200", 10,000 at most over all listeners: port P goes to port P of the server.',
  ),
  backendGroup: reference("backend group").optional().describe(
    "The backend group that gets the connections; this or backends.",
  ),
  backends: backendGroupSchema.optional().describe("A backend group written in place."),
  tls: tls.optional(),
  proxyProtocol: oneOf("off", "v1", "v2").default("off").describe("The PROXY protocol header sent to servers."),
  proxyProtocolChecksum: flag().default(false).describe("Whether a v2 header carries a CRC-32c."),
  acceptProxyProtocol: section({
    timeout: whole(1, 60, "seconds").default(5).describe("Seconds that a header may take."),
    from: list(reference("IP group"), "IP groups", 1).describe("Who may send a PROXY protocol header."),
  }, "a mapping with from").optional().describe("Read a PROXY protocol header from these addresses."),
  accessControl: section({
    mode: oneOf("whitelist", "blacklist").describe("Whether the groups are let in or kept out."),
    groups: list(reference("IP group"), "IP groups", 1).describe("The IP groups."),
  }, "a mapping with mode and groups").optional().describe("Who may connect; without it everybody may."),
  ipTranslation: flag().default(false).describe("Whether IPv4 clients may reach IPv6 servers and the reverse."),
  idleTimeout: whole(10, 4000, "seconds").default(300).describe(
    "Seconds without a byte after which a connection ends.",
  ),
  connectTimeout: whole(1, 60, "seconds").default(4).describe(
    "Seconds that one connection attempt to a server may take.",
  ),
  tcpKeepAlive: flag().default(true).describe("Whether the system probes connections on which nothing moves."),
  backlog: whole(1, 65535, "connections").default(4096).describe(
    "Connections that may wait to be accepted; net.core.somaxconn holds as well.",
  ),
  maxNewConnections: limit("a second").default("unlimited").describe("New connections a second."),
  maxConnections: limit("connections").default("unlimited").describe("Connections at once."),
  workers: workers.default(1).describe(
    "Threads that share the listener's port; auto: one for each processor, as far as maxWorkers allows.",
  ),
  tags: z.record(atMost(z.string().min(1, TAG_KEY_RULE), 255, TAG_KEY_RULE), tagText, {
    error: ({ input }) => `must be a mapping from keys to texts, got ${showValue(input)}`,
  }).default({}).describe("Keys and values for people and programs, texts of at most 255 characters."),
  description: text(255, 0).default("").describe("A line for people."),
}, "a listener").describe("A port that clients connect to.");

const certificate = section({
  certFile: text(4096).describe("The certificate and its chain in order, PEM."),
  keyFile: text(4096).describe("The private key, PEM, not encrypted; may be the same file."),
}, "a mapping with certFile and keyFile");

const clientCA = section({
  certFile: text(4096).describe("One or more CA certificates, PEM."),
}, "a mapping with certFile");

const CIDR_RULE = rule("must be an IPv4 or IPv6 address or CIDR block such as 10.0.0.0/8");
const cidr = z.string(CIDR_RULE).refine((value) => parseCidr(value) !== undefined, CIDR_RULE);

/** One IP group as the file gives it. */
export const ipGroupSchema = z.union([
  list(cidr, "addresses and CIDR blocks"),
  section({ file: text(4096).describe("One entry a line, # comments.") }, "a mapping with file"),
], rule("must be a list of addresses and CIDR blocks, or { file: name }"));

const adminListen = z.string(rule('must be "off" or an address and port such as 127.0.0.1:9900'))
  .refine(
    (value) =>
      value === "off" || value.startsWith("localhost:") && parseEndpoint(value) !== undefined ||
      familyOf(parseEndpoint(value)?.address ?? "") !== undefined,
    rule('must be "off" or an address and port such as 127.0.0.1:9900'),
  );

const DNS_SERVER_RULE = rule("must be an IPv4 or IPv6 address, with or without a port");
const dnsServer = z.string(DNS_SERVER_RULE).refine(
  (value) => familyOf(value) !== undefined || familyOf(parseEndpoint(value)?.address ?? "") !== undefined,
  DNS_SERVER_RULE,
);

/** What a header can carry as it is; what clients make of other characters differs. Never shown, being a secret. */
const adminToken = text(4096, 0).refine((value) => /^(?! )[ -~]*(?<! )$/.test(value), {
  error: "must hold ASCII characters only, with no blank at its beginning or end, because it is sent in a header",
});

/** The sections that are neither listeners nor backend groups. */
export const generalShape = {
  admin: section({
    listen: adminListen.default("127.0.0.1:9900").describe('Address and port of the admin API; "off" disables it.'),
    token: adminToken.default("").describe(
      "Bearer token, ASCII characters; required when listen is not a loopback address.",
    ),
    persist: flag().default(false).describe(
      "Whether changes through the admin API are saved to this file; a call may say otherwise.",
    ),
  }, "a mapping").prefault({}).describe("The admin API."),
  log: section({
    level: oneOf("debug", "info", "warn", "error").default("info").describe("The least that is logged."),
    format: oneOf("auto", "text", "json").default("auto").describe("auto: text on a terminal, JSON elsewhere."),
    access: oneOf("off", "on").default("off").describe("One line for each finished connection."),
    accessFile: text(4096).optional().describe(
      "The file that these lines are appended to; without it standard error.",
    ),
    accessFormat: oneOf("text", "json").optional().describe(
      "How these lines look; without it as format says, and JSON in a file.",
    ),
  }, "a mapping").prefault({}).describe("Logging, to standard error."),
  shutdown: section({
    drainTimeout: whole(0, 3600, "seconds").default(30).describe(
      "Seconds that open connections get when a listener or the program stops.",
    ),
    graceTime: whole(0, 300, "seconds").default(0).describe(
      "Seconds for which a program that stops goes on accepting while /readyz answers 503 already, so that a balancer in front of it notices first.",
    ),
  }, "a mapping").prefault({}).describe("How the program stops."),
  dns: section({
    servers: list(dnsServer, "DNS servers").default([]).describe(
      "DNS servers to ask, in this order, address or address:port; without any the system's own rules hold.",
    ),
  }, "a mapping with servers").prefault({}).describe("How servers' host names are resolved."),
  maxWorkers: whole(1, 256).default(32).describe("Worker threads at most; more listeners than that share them."),
  ipGroups: named(ipGroupSchema, "addresses").default({}).describe(
    "Named sets of addresses and CIDR blocks: lists of them, or { file: NAME }.",
  ),
  watchCertificates: flag().default(true).describe(
    "Whether changed files of certificates and clientCAs are taken up by themselves.",
  ),
  certificates: named(certificate, "certificates").default({}).describe("The certificate store."),
  clientCAs: named(clientCA, "client CAs").default({}).describe(
    "CAs that are trusted: for clients' certificates (tls.clientCA) and for servers' (backendTls.ca).",
  ),
};

/** The whole file. */
export const configSchema = section({
  ...generalShape,
  backendGroups: named(backendGroupSchema, "backend groups").default({}).describe("Named backend groups."),
  listeners: list(listenerSchema, "listeners").default([]).describe("The listeners."),
}, "a mapping with listeners").describe("Configuration of the Weir load balancer.");

/** A configuration with every default filled in. */
export type Config = z.output<typeof configSchema>;
/** One listener with every default filled in. */
export type ListenerConfig = z.output<typeof listenerSchema>;
/** One backend group with every default filled in. */
export type BackendGroupConfig = z.output<typeof backendGroupSchema>;
/** One server with every default filled in. */
export type ServerConfig = z.output<typeof serverSchema>;
/** Health check settings with every default filled in. */
export type HealthCheckConfig = z.output<typeof healthCheck>;
