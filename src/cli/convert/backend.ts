/**
 * The servers of a `listen` or `backend` section as a backend group, and what they ask of listeners. Pure.
 *
 * @module
 */

import { isHost } from "../../config/schema.ts";
import { canonicalHost } from "../../net/ip.ts";
import { formatPorts, onlyPort, type PortRange } from "../../net/ports.ts";
import { refuseRules } from "./access.ts";
import { type Global, inFolder } from "./global.ts";
import type { Proxy } from "./proxy.ts";
import type { Remarks } from "./remarks.ts";
import { readServers, scaleWeights, type ServerLine } from "./server_lines.ts";
import type { Store } from "./store.ts";
import { readNumber, readTime, toSeconds } from "./values.ts";

/** What translating a section needs. */
export interface Surroundings {
  readonly global: Global;
  readonly store: Store;
  readonly remarks: Remarks;
}

/** A section's servers, before it is known which ports their listeners have. */
export interface Backend {
  readonly proxy: Proxy;
  readonly servers: readonly ServerLine[];
  /** What the listener has to say for them. */
  readonly proxyProtocol: Readonly<Record<string, unknown>>;
  /** The group's keys, with servers for listeners of these ports. */
  groupFor(ports: readonly PortRange[]): Readonly<Record<string, unknown>>;
}

const ALGORITHMS: Readonly<Record<string, readonly [algorithm: string, note?: string]>> = {
  roundrobin: ["wrr"],
  "static-rr": ["wrr"],
  leastconn: ["wlc"],
  source: ["source-hash"],
  random: ["wlc", 'Weir looks at all servers for the one with the least connections: "wlc"'],
  first: ["wrr", 'servers have no limits of their own to fill up to: "wrr" spreads over all of them'],
};

/** Translates a section's servers. */
export function readBackend(proxy: Proxy, surroundings: Surroundings): Backend {
  const { remarks } = surroundings;
  const servers = readServers(proxy, remarks);
  const weights = scaleWeights(servers, remarks);
  const algorithm = algorithmOf(proxy, remarks);
  const backendTls = tlsOf(servers, surroundings);
  const backups = servers.filter(({ backup }) => backup);
  const [, second] = backups;
  if (second !== undefined && !proxy.options.has("allbackups")) {
    remarks.add(second.line, "all backup servers share the work when no other can be used, not the first alone");
  }
  const slowStart = slowStartOf(servers, remarks);
  // A section that listens reads its own.
  if (proxy.section.kind === "backend") refuseRules(proxy, remarks);
  return {
    proxy,
    servers,
    proxyProtocol: headerOf(servers, remarks),
    groupFor: (ports) => ({
      algorithm,
      servers: distinct(servers.map((server, index) => ({
        address: server.address,
        ...portsOf(server, ports),
        ...(weights[index] === undefined ? {} : { weight: weights[index] }),
        ...(server.backup ? { backup: true } : {}),
      }))),
      ...(backendTls === undefined ? {} : { backendTls }),
      ...checksOf(proxy, servers, remarks),
      ...(slowStart === undefined ? {} : { slowStart }),
    }),
  };
}

/** One without a port can turn out to be another one with that port. */
function distinct<Server extends { readonly address: string; readonly port?: number }>(servers: readonly Server[]) {
  const keyOf = ({ address, port }: Server) => `${canonicalHost(address)} ${port}`;
  return servers.filter((server, index) => servers.findIndex((other) => keyOf(other) === keyOf(server)) === index);
}

function portsOf({ port }: ServerLine, ports: readonly PortRange[]): { port?: number; ports?: string } {
  if (port.kind === "fixed") return { port: port.port };
  const only = onlyPort(ports);
  if (only !== null) return { port: only + port.offset };
  if (port.offset === 0 || ports.length === 0) return {};
  return {
    ports: formatPorts(ports.map(({ first, last }) => ({ first: first + port.offset, last: last + port.offset }))),
  };
}

function algorithmOf({ balance, servers }: Proxy, remarks: Remarks): string {
  if (balance === undefined) return "wrr";
  const [word = ""] = balance.value.split(/[\s(]/);
  const known = Object.hasOwn(ALGORITHMS, word) ? ALGORITHMS[word] : undefined;
  const [algorithm, note] = known ?? ["wrr", 'bytes are not looked into: "wrr" is written'];
  if (note !== undefined && servers.length > 0) {
    remarks.add(balance.line, `"balance ${balance.value}" is not carried over: ${note}`);
  }
  return algorithm;
}

/** One answer for all servers: that of the first. @param what how a difference is told */
function agreed<Value>(
  servers: readonly ServerLine[],
  of: (server: ServerLine) => Value,
  what: (first: Value, other: Value) => string,
  remarks: Remarks,
): Value | undefined {
  const [first, ...rest] = servers;
  if (first === undefined) return undefined;
  const value = of(first);
  const other = rest.find((server) => of(server) !== value);
  if (other !== undefined) {
    remarks.add(other.line, `server ${other.name}: ${what(value, of(other))}; the group goes by server ${first.name}`);
  }
  return value;
}

function headerOf(servers: readonly ServerLine[], remarks: Remarks): Readonly<Record<string, unknown>> {
  const versionOf = ({ value }: ServerLine) => {
    const has = (word: string) => value(word) !== undefined;
    if (["send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn"].some(has)) return "v2";
    return has("send-proxy") ? "v1" : "off";
  };
  const what = "a listener sends the PROXY header to all of its servers or to none, in one version";
  const version = agreed(servers, versionOf, () => what, remarks);
  if (version === undefined || version === "off") return {};
  const options = servers[0]?.value("proxy-v2-options")?.split(",") ?? [];
  const withChecksum = version === "v2" && options.includes("crc32c");
  return { proxyProtocol: version, ...(withChecksum ? { proxyProtocolChecksum: true } : {}) };
}

function tlsOf(servers: readonly ServerLine[], { global, store, remarks }: Surroundings) {
  const keyOf = ({ value }: ServerLine) =>
    value("ssl") === undefined ? "" : JSON.stringify(["verify", "ca-file", "sni", "verifyhost"].map(value));
  const first = servers[0];
  if (agreed(servers, keyOf, () => "backendTls is one for all servers of a group", remarks) === "") return undefined;
  if (first === undefined) return undefined;
  const { value, line, name } = first;
  const sni = value("sni");
  const fixed = /^str\(\s*["']?([^"')]+)["']?\s*\)$/.exec(sni ?? "")?.[1];
  if (sni !== undefined && fixed === undefined) {
    remarks.add(line, `server ${name}: "sni ${sni}" is not carried over: serverName is one name for all clients`);
  }
  const wanted = value("verifyhost") ?? fixed;
  const serverName = wanted !== undefined && isHost(wanted) ? wanted : undefined;
  const verify = (value("verify") ?? (global.verifyServers ? "required" : "none")) !== "none";
  const caFile = value("ca-file");
  const ca = !verify || caFile === undefined || caFile.startsWith("@")
    ? undefined
    : store.clientCA(inFolder(global.caBase, caFile));
  if (verify && serverName === undefined) {
    remarks.add(line, `server ${name}: Weir checks the certificate's name as well: set serverName if it has another`);
  }
  return {
    enabled: true,
    ...(serverName === undefined ? {} : { serverName }),
    ...(ca === undefined ? {} : { ca }),
    ...(verify ? {} : { verify: false }),
  };
}

function slowStartOf(servers: readonly ServerLine[], remarks: Remarks): number | undefined {
  const text = agreed(servers, ({ value }) => value("slowstart"), () => "slowStart is one for all servers", remarks);
  const time = text === undefined ? undefined : readTime(text);
  if (time === undefined) return undefined;
  const { seconds, note } = toSeconds(time, [0, 300]);
  if (note !== undefined) remarks.add(servers[0]?.line ?? 0, `"slowstart ${text}" ${note}`);
  return seconds;
}

/** What HAProxy does when a `server` with `check` says no more. */
const HAPROXY_CHECK = { inter: "2s", fall: "3", rise: "2" };

function checksOf(proxy: Proxy, servers: readonly ServerLine[], remarks: Remarks) {
  const isChecked = ({ value }: ServerLine) => value("check") !== undefined;
  const [first] = servers.filter(isChecked);
  if (first === undefined) return { healthCheck: { enabled: false } };
  agreed(servers, isChecked, () => "a group's servers are all probed or none of them: here all are", remarks);
  const checked = servers.filter(isChecked);
  const one = (word: string) =>
    agreed(checked, ({ value }) => value(word), () => `"${word}" is one for all servers of a group`, remarks);
  const say = (what: string, note: string | undefined) => {
    if (note !== undefined) remarks.add(first.line, `server ${first.name}: ${what} ${note}`);
  };
  const inter = readTime(one("inter") ?? HAPROXY_CHECK.inter) ?? 2000;
  const interval = toSeconds(inter, [5, 300]);
  say("the time between checks", interval.note);
  const given = proxy.timeouts.get("check") ?? proxy.timeouts.get("connect");
  const timeout = toSeconds(Math.min(given?.value ?? inter, interval.seconds * 1000), [2, 60]);
  if (proxy.timeouts.has("check")) say('"timeout check"', timeout.note);
  const count = (word: "rise" | "fall") => {
    const value = readNumber(one(word) ?? HAPROXY_CHECK[word]) ?? 3;
    const clamped = Math.min(10, Math.max(2, value));
    if (clamped !== value) say(`"${word} ${value}"`, `is outside of Weir's 2-10: ${clamped} is written`);
    return clamped;
  };
  const port = readNumber(one("port"));
  return {
    healthCheck: {
      ...{ interval: interval.seconds, timeout: timeout.seconds },
      ...{ unhealthyThreshold: count("fall"), healthyThreshold: count("rise") },
      ...(port === undefined || port < 1 || port > 65535 ? {} : { port }),
    },
    // HAProxy refuses connections when every server is down.
    whenAllUnhealthy: "reject",
  };
}
