/**
 * The rules that look across keys: references, keys that belong together, ports that clash, families that cannot meet.
 *
 * @module
 */

import { canonicalAddress, familyOf, isLoopback, isWildcard, parseEndpoint } from "../net/ip.ts";
import { countPorts, formatRange, parsePortList, type PortRange } from "../net/ports.ts";
import { isRefusedByBrowsers } from "./browser_ports.ts";
import type { Findings } from "./findings.ts";
import { checkGroup } from "./group_rules.ts";
import { checkReference } from "./references.ts";
import type { ShapedListener, ShapedParts } from "./shape.ts";
import type { ListenerConfig } from "./schema.ts";
import type { ConfigPath } from "./source.ts";

/** Ports that all listeners together may have. */
export const MAX_PORTS = 10_000;

/** Checks every rule that looks across keys, as far as the parts concerned have the right shape. */
export function checkRules(parts: ShapedParts, findings: Findings): void {
  for (const group of parts.groups) {
    const users = parts.listeners.filter(({ config }) => config.backendGroup === group.path[1]);
    checkGroup(group, { users, clientCAs: parts.names.clientCAs }, findings);
  }
  for (const listener of parts.listeners) {
    const { index, config } = listener;
    const path: ConfigPath = ["listeners", index];
    checkListenerKeys(listener, path, findings);
    checkWorkers(config, path, parts, findings);
    checkReferences(listener, path, parts, findings);
    if (listener.backends !== undefined) {
      checkGroup(listener.backends, { users: [listener], clientCAs: parts.names.clientCAs }, findings);
    }
    checkFamilies(listener, path, parts, findings);
  }
  checkNames(parts, findings);
  checkPorts(parts, findings);
  checkAdmin(parts, findings);
  if (parts.config !== undefined && parts.config.listeners.length === 0) {
    findings.warn(["listeners"], "no listeners are defined, so nothing will be accepted");
  }
}

function checkListenerKeys({ config: listener, wrong }: ShapedListener, path: ConfigPath, findings: Findings): void {
  const isGiven = (key: keyof ListenerConfig) => listener[key] !== undefined || wrong.has(key);
  const one = (first: "port" | "backendGroup", second: "ports" | "backends") => {
    if (!isGiven(first) && !isGiven(second)) {
      findings.error(path, `needs "${first}" or "${second}", got neither`);
    } else if (isGiven(first) && isGiven(second)) {
      findings.error([...path, second], `must not be given together with "${first}"`, true);
    }
  };
  one("port", "ports");
  one("backendGroup", "backends");
  if (listener.proxyProtocolChecksum && listener.proxyProtocol !== "v2") {
    findings.error(
      [...path, "proxyProtocolChecksum"],
      `is for proxyProtocol "v2" only, got "${listener.proxyProtocol}"`,
      true,
    );
  }
  if (listener.protocol === "TCP" && listener.tls !== undefined) {
    findings.error([...path, "tls"], 'is for protocol "TCP_SSL" only, got protocol "TCP"', true);
  }
  if (listener.protocol !== "TCP_SSL") return;
  if (listener.tls !== undefined) checkTls(listener, listener.tls, [...path, "tls"], findings);
  else if (!wrong.has("tls")) {
    findings.error(path, 'needs "tls" with a certificate, because its protocol is "TCP_SSL"');
  }
}

function checkTls(
  listener: ListenerConfig,
  tls: NonNullable<ListenerConfig["tls"]>,
  path: ConfigPath,
  findings: Findings,
): void {
  if (tls.certificate === undefined && tls.certificates === undefined) {
    findings.error(path, 'needs "certificate" or "certificates", got neither');
  } else if (tls.certificate !== undefined && tls.certificates !== undefined) {
    findings.error([...path, "certificates"], 'must not be given together with "certificate"', true);
  }
  for (const [index, name] of (tls.certificates ?? []).entries()) {
    if (tls.certificates?.indexOf(name) === index) continue;
    findings.error([...path, "certificates", index], `must not name a certificate twice, got ${JSON.stringify(name)}`);
  }
  if (tls.authentication === "mutual" && tls.clientCA === undefined) {
    findings.error(path, 'needs "clientCA", because its authentication is "mutual"');
  } else if (tls.authentication === "one-way" && tls.clientCA !== undefined) {
    findings.error([...path, "clientCA"], 'is for authentication "mutual" only, got "one-way"', true);
  }
  if (tls.engine !== "fast") return;
  const reason = tls.authentication === "mutual"
    ? 'authentication "mutual"'
    : (tls.certificates?.length ?? 0) > 1
    ? "several certificates"
    : tls.minVersion === "1.3"
    ? 'minVersion "1.3"'
    : listener.acceptProxyProtocol !== undefined
    ? "acceptProxyProtocol"
    : undefined;
  if (reason !== undefined) findings.error([...path, "engine"], `must be "full" with ${reason}, got "fast"`);
}

/** A listener never runs twice in one thread, so there have to be as many. */
function checkWorkers({ workers }: ListenerConfig, path: ConfigPath, parts: ShapedParts, findings: Findings): void {
  const { maxWorkers } = parts.general;
  if (workers === "auto" || maxWorkers === undefined || workers <= maxWorkers) return;
  findings.error([...path, "workers"], `must not be above maxWorkers (${maxWorkers}), got ${workers}`);
}

function checkReferences(
  { config, naming }: ShapedListener,
  path: ConfigPath,
  parts: ShapedParts,
  findings: Findings,
): void {
  const check = (keys: ConfigPath, name: string | undefined, kind: string, defined: readonly string[]) =>
    checkReference([...path, ...keys], name, { kind, defined }, findings);
  const { names } = parts;
  check(["backendGroup"], config.backendGroup, "backend group", names.backendGroups);
  check(["tls", "certificate"], naming.tls?.certificate, "certificate", names.certificates);
  for (const [index, name] of (naming.tls?.certificates ?? []).entries()) {
    check(["tls", "certificates", index], name, "certificate", names.certificates);
  }
  check(["tls", "clientCA"], naming.tls?.clientCA, "client CA", names.clientCAs);
  for (const [index, group] of (naming.acceptProxyProtocol?.from ?? []).entries()) {
    check(["acceptProxyProtocol", "from", index], group, "IP group", names.ipGroups);
  }
  for (const [index, group] of (naming.accessControl?.groups ?? []).entries()) {
    check(["accessControl", "groups", index], group, "IP group", names.ipGroups);
  }
}

function checkFamilies(
  { config: listener, wrong, backends }: ShapedListener,
  path: ConfigPath,
  parts: ShapedParts,
  findings: Findings,
): void {
  if (wrong.has("address") || wrong.has("ipTranslation")) return;
  if (listener.ipTranslation || canonicalAddress(listener.address) === "::") return;
  const family = familyOf(listener.address);
  const group = backends ?? parts.groups.find((one) => one.path[1] === listener.backendGroup);
  const foreign = group?.config.servers.filter((_, index) => !group.wrongServers.has(index))
    .map(({ address }) => address).filter((one) => (familyOf(one) ?? family) !== family);
  const [first, ...others] = new Set(foreign);
  if (first === undefined) return;
  const found = others.length === 0 ? `server ${first}` : `servers ${[first, ...others].join(", ")}`;
  findings.error(
    [...path, backends === undefined ? "backendGroup" : "backends"],
    `must hold ${family} servers only, because the listener's address is ${family} and ipTranslation is false, got ${found}`,
  );
}

function checkNames(parts: ShapedParts, findings: Findings): void {
  const seen = new Set<string>();
  for (const { index, config } of parts.listeners) {
    if (seen.has(config.name)) {
      findings.error(["listeners", index, "name"], `must be unique, but another listener is called "${config.name}"`);
    }
    seen.add(config.name);
  }
}

interface Bind {
  readonly who: string;
  readonly address: string;
  readonly range: PortRange;
}

/** Whether two listening addresses cannot share a port on Linux: the same one, or one that stands for the other too. */
export function addressesOverlap(a: string, b: string): boolean {
  const [first, second] = [canonicalAddress(a), canonicalAddress(b)];
  if (first === second || first === "::" || second === "::") return true;
  return (isWildcard(first) || isWildcard(second)) && familyOf(first) === familyOf(second);
}

function checkPorts(parts: ShapedParts, findings: Findings): void {
  const taken: Bind[] = [];
  const admin = parseEndpoint(parts.general.admin?.listen ?? "off");
  if (admin !== undefined) {
    const address = admin.address === "localhost" ? "127.0.0.1" : admin.address;
    taken.push({ who: "the admin API", address, range: { first: admin.port, last: admin.port } });
  }
  let total = 0;
  for (const { index, config, wrong } of parts.listeners) {
    if (wrong.has("address")) continue;
    const list = config.ports === undefined ? undefined : parsePortList(config.ports);
    const ranges = list?.ok === true
      ? list.ranges
      : config.port === undefined
      ? []
      : [{ first: config.port, last: config.port }];
    const path: ConfigPath = ["listeners", index, config.ports === undefined ? "port" : "ports"];
    for (const range of ranges) {
      const clash = taken.find((bind) =>
        range.first <= bind.range.last && bind.range.first <= range.last &&
        addressesOverlap(bind.address, config.address)
      );
      if (clash === undefined) continue;
      const place = `${clash.who} already uses ${clash.address} port ${formatRange(clash.range)}`;
      findings.error(
        path,
        `must not share an address and port, but ${place}, got ${config.address} port ${formatRange(range)}`,
      );
    }
    for (const range of ranges) taken.push({ who: `listener "${config.name}"`, address: config.address, range });
    const before = total;
    total += countPorts(ranges);
    if (total > MAX_PORTS && before <= MAX_PORTS) {
      findings.error(path, `must not bring all listeners together above ${MAX_PORTS} ports, got ${total}`);
    }
  }
}

function checkAdmin(parts: ShapedParts, findings: Findings): void {
  const admin = parts.general.admin;
  const endpoint = parseEndpoint(admin?.listen ?? "off");
  if (endpoint !== undefined && isRefusedByBrowsers(endpoint.port)) {
    findings.warn(
      ["admin", "listen"],
      `browsers refuse port ${endpoint.port}, and weir's own commands may as well; other programs can ask there`,
    );
  }
  if (admin === undefined || endpoint === undefined || isLoopback(endpoint.address) || admin.token !== "") return;
  findings.error(
    ["admin"],
    `needs "token", because listen "${admin.listen}" can be reached from other machines`,
  );
}
