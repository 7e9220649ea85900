/**
 * A HAProxy configuration as a Weir configuration: sections to listeners and backend groups, and what could not be
 * carried over. Pure.
 *
 * @module
 */

import { addressesOverlap, MAX_PORTS } from "../../config/rules.ts";
import { WeirError } from "../../errors.ts";
import { familyOf } from "../../net/ip.ts";
import { countPorts, formatPorts, onlyPort, type PortRange } from "../../net/ports.ts";
import { type Backend, readBackend, type Surroundings } from "./backend.ts";
import { readGlobal } from "./global.ts";
import { type Listener, readListeners } from "./listeners.ts";
import { modeOf, type Proxy, readProxy } from "./proxy.ts";
import { type Remark, Remarks } from "./remarks.ts";
import { readSections, type Section } from "./sections.ts";
import { Store } from "./store.ts";
import { Names } from "./values.ts";

/** A value of the configuration, with the section that it comes from. */
export interface Origin<Value> {
  readonly section: Section;
  readonly value: Value;
}

type Settings = Readonly<Record<string, unknown>>;

/** The Weir configuration in parts, and what is to be said of it. */
export interface Translation {
  /** Everything but groups and listeners. */
  readonly general: Settings;
  readonly backendGroups: readonly Origin<readonly [name: string, settings: Settings]>[];
  readonly listeners: readonly Origin<Settings>[];
  readonly remarks: readonly Remark[];
}

/** A listener that has its place. */
interface Placed {
  readonly section: Section;
  readonly listener: Listener;
  readonly backend: Backend;
}

/**
 * Translates.
 *
 * @param file what it is called in errors
 * @throws {WeirError} `config_unreadable` when it is none of HAProxy's, or has nothing for Weir
 */
export function translate(file: string, text: string): Translation {
  const remarks = new Remarks();
  const sections = readSections(file, text, remarks);
  const surroundings = { remarks, store: new Store(), global: readGlobal(sections, remarks) };
  const proxies = sections.flatMap((section) => usable(section, remarks) ? [readProxy(section, remarks)] : []);
  const isBackend = ({ section }: Proxy) => section.kind !== "frontend";
  const backends = new Map(
    proxies.filter(isBackend).map((proxy) => [proxy.section.name, readBackend(proxy, surroundings)]),
  );
  const placed = proxies.filter(({ section }) => section.kind !== "backend").reduce<readonly Placed[]>(
    (before, proxy) => placeAll(proxy, backends, before, surroundings),
    [],
  );
  if (placed.length === 0 && backends.size === 0) {
    throw new WeirError(
      "config_unreadable",
      `${file}:${
        sections[0]?.line ?? 1
      }: there is no listen, frontend or backend section in mode tcp for Weir to serve`,
    );
  }
  const drainTimeout = surroundings.global.drainTimeout;
  const withLog = proxies.some(({ section, options }) => section.kind !== "backend" && options.has("tcplog"));
  return {
    ...nameAll(placed, [...backends.values()]),
    general: {
      ...adminBeside(placed),
      ...(withLog ? { log: { access: "on" } } : {}),
      ...(drainTimeout === undefined ? {} : { shutdown: { drainTimeout } }),
      ...surroundings.store.sections(),
    },
    remarks: remarks.sorted(),
  };
}

function usable(section: Section, remarks: Remarks): boolean {
  const { kind, name, line, statements } = section;
  if (!["listen", "frontend", "backend"].includes(kind)) return false;
  const mode = modeOf(section);
  if (mode !== "tcp") {
    const advice = mode === "http" ? ": Weir relays TCP; in mode tcp it would carry HTTP as it is" : "";
    remarks.add(line, `${kind} ${name} is left out, because its mode is ${mode}${advice}`);
  } else if (statements.some(({ words }) => words[0] === "disabled")) {
    remarks.add(line, `${kind} ${name} is left out, because it is disabled`);
  } else return true;
  return false;
}

function placeAll(
  proxy: Proxy,
  backends: ReadonlyMap<string, Backend>,
  before: readonly Placed[],
  surroundings: Surroundings,
): readonly Placed[] {
  const { section, binds } = proxy;
  const { remarks } = surroundings;
  const name = proxy.backend?.value ?? (section.kind === "listen" ? section.name : undefined);
  const backend = name === undefined ? undefined : backends.get(name);
  if (backend === undefined) {
    const reason = name === undefined ? "it has no default_backend" : `there is no backend ${name} in mode tcp`;
    remarks.add(proxy.backend?.line ?? section.line, `${section.kind} ${section.name} is left out: ${reason}`);
    return before;
  }
  if (binds.length === 0) remarks.add(section.line, `${section.kind} ${section.name} has no bind, so no listener`);
  return readListeners(proxy, backend, surroundings).reduce(
    (placed, listener) => place({ section, listener, backend }, placed, remarks),
    before,
  );
}

/** Adds a listener, unless its ports are taken. An IPv4 and an IPv6 wildcard of one section are one on both. */
function place(one: Placed, before: readonly Placed[], remarks: Remarks): readonly Placed[] {
  const { listener, section } = one;
  const taken = before.find((other) => shareAPlace(other.listener, listener));
  if (taken === undefined) {
    const total = before.reduce((sum, other) => sum + countPorts(other.listener.ports), countPorts(listener.ports));
    if (total <= MAX_PORTS) return [...before, one];
    remarks.add(listener.line, `the bind is left out: Weir listens on ${MAX_PORTS} ports at most`);
    return before;
  }
  const wildcards = [listener.address, taken.listener.address];
  const isPair = taken.section === section && wildcards.includes("::") && wildcards.includes("0.0.0.0") &&
    formatPorts(taken.listener.ports) === formatPorts(listener.ports) &&
    JSON.stringify(taken.listener.settings["tls"]) === JSON.stringify(listener.settings["tls"]);
  if (!isPair) {
    leaveOut(listener, taken.listener, remarks);
    return before;
  }
  const said = `bind ${placeOf(listener)} and that of line ${taken.listener.line} are one listener, on "::"`;
  remarks.add(listener.line, said);
  const both = listener.address === "::" ? listener : taken.listener;
  return before.flatMap((other) => {
    if (other === taken) return [{ ...taken, listener: both }];
    // On both families it may meet one that stood beside that on IPv4.
    if (!shareAPlace(other.listener, both)) return [other];
    leaveOut(other.listener, both, remarks);
    return [];
  });
}

function leaveOut(listener: Listener, taken: Listener, remarks: Remarks): void {
  const other = `${placeOf(taken)} of line ${taken.line}`;
  remarks.add(listener.line, `bind ${placeOf(listener)} is left out: ${other} has it already`);
}

function placeOf({ address, ports }: Listener): string {
  return `${address} port ${formatPorts(ports)}`;
}

function shareAPlace(one: Listener, other: Listener): boolean {
  return addressesOverlap(one.address, other.address) && overlap(one.ports, other.ports);
}

function overlap(a: readonly PortRange[], b: readonly PortRange[]): boolean {
  return a.some((one) => b.some((other) => one.first <= other.last && other.first <= one.last));
}

/** Gives names, and each backend one group, or one for each set of ports where servers have the listener's. */
function nameAll(placed: readonly Placed[], backends: readonly Backend[]) {
  const [listenerNames, groupNames] = [new Names(), new Names()];
  const groups = new Map<string, Origin<readonly [string, Settings]>>();
  const groupOf = (backend: Backend, ports: readonly PortRange[]): string => {
    const { section } = backend.proxy;
    const followsPort = backend.servers.some(({ port }) => port.kind === "same");
    const key = `${section.line} ${followsPort ? formatPorts(ports) : ""}`;
    const known = groups.get(key);
    if (known !== undefined) return known.value[0];
    const name = groupNames.give(section.name);
    groups.set(key, { section, value: [name, backend.groupFor(ports)] });
    return name;
  };
  const listeners = placed.map((one): Origin<Settings> => {
    const { section, listener, backend } = one;
    const { wantedName, protocol, address, ports, settings } = listener;
    const only = onlyPort(ports);
    const value = {
      ...{ name: listenerNames.give(wantedName ?? nameOf(one, placed)), protocol, address },
      ...(only === null ? { ports: formatPorts(ports) } : { port: only }),
      ...{ backendGroup: groupOf(backend, ports), ...settings },
    };
    return { section, value };
  });
  for (const backend of backends) {
    // Nobody uses it, so its servers' ports are all that is known.
    if (placed.every((one) => one.backend !== backend)) groupOf(backend, []);
  }
  return { listeners, backendGroups: [...groups.values()] };
}

/** The section's name, with the port where it has several listeners. */
function nameOf({ section, listener: { address, ports } }: Placed, placed: readonly Placed[]): string {
  if (placed.filter((one) => one.section === section).length === 1) return section.name;
  const family = familyOf(address) === "IPv6" && address !== "::" ? "-ipv6" : "";
  return `${section.name}-${ports[0]?.first}${family}`;
}

const ADMIN_PORT = 9900;

/** The admin API goes where no listener is. */
function adminBeside(placed: readonly Placed[]): Settings {
  const isTaken = (port: number) =>
    placed.some(({ listener }) =>
      addressesOverlap("127.0.0.1", listener.address) && overlap(listener.ports, [{ first: port, last: port }])
    );
  let port = ADMIN_PORT;
  while (isTaken(port)) port++;
  return port === ADMIN_PORT ? {} : { admin: { listen: `127.0.0.1:${port}` } };
}
