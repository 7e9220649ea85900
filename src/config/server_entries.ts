/**
 * The entries of a group's `servers`: binding servers, changing them and taking them out. An entry may stand for several
 * servers (`ports: [80, 81]`) and goes by the name of each. Pure.
 *
 * @module
 */

import { canonicalHost, formatEndpoint, parseEndpoint } from "../net/ip.ts";
import { ConfigError } from "../errors.ts";
import type { ConfigChange, MakeChange } from "./accepted.ts";
import { isMapping, valueAt } from "./entries.ts";
import type { OverrideScope } from "./runtime.ts";
import type { BackendGroupConfig, ServerConfig } from "./schema.ts";
import { serverKey, serverPlaces } from "./server_places.ts";
import { type ConfigPath, formatPath } from "./source.ts";
import type { ValidConfig } from "./validate.ts";

/** Where servers are bound: in a named backend group, or in the group that a listener has in place. */
export type ServerOwner = OverrideScope;

/** The group that an owner has; `undefined` when there is none, or a listener uses a named one. */
export function ownedGroup(
  { config }: Pick<ValidConfig, "config">,
  owner: ServerOwner,
): BackendGroupConfig | undefined {
  if (owner.kind === "listener") return config.listeners.find(({ name }) => name === owner.name)?.backends;
  return Object.hasOwn(config.backendGroups, owner.name) ? config.backendGroups[owner.name] : undefined;
}

/** An entry of a list of servers. */
export interface ServerEntry {
  readonly index: number;
  /** What its servers are called, as the admin API shows them (`configured`). */
  readonly names: readonly string[];
  /** What the file says of it; what {@link putServer} takes. */
  readonly settings: unknown;
}

/** All entries of an owner, in their order. */
export function serverEntries(base: ValidConfig, owner: ServerOwner): ServerEntry[] {
  const { defaultPort, servers = [] } = ownedGroup(base, owner) ?? {};
  const path = listPath(base, owner);
  return servers.map((server, index) => ({
    index,
    names: namesOf(server, defaultPort),
    settings: valueAt(base.source.data, [...path, index]),
  }));
}

/**
 * The entry that goes by a name: that of one of its servers, or its address alone, if no other entry has that.
 *
 * @param given `address:port`, `[address]:port`, a host name with its port, or the address
 */
export function findServer(base: ValidConfig, owner: ServerOwner, given: string): ServerEntry | undefined {
  const name = canonicalName(given);
  const entries = serverEntries(base, owner);
  const exact = entries.find(({ names }) => names.includes(name));
  if (exact !== undefined) return exact;
  const { servers = [] } = ownedGroup(base, owner) ?? {};
  const same = entries.filter(({ index }) => canonicalHost(servers[index]?.address ?? "") === name);
  return same.length === 1 ? same[0] : undefined;
}

/** Adds servers after the last one. @param given one entry of `servers`, or a list of them */
export function bindServers(owner: ServerOwner, given: unknown): MakeChange {
  return (base): ConfigChange => {
    const path = listPath(base, owner);
    const before = listAt(base, path);
    const added: readonly unknown[] = Array.isArray(given) ? given : [given];
    if (added.length === 0) throw noServers(base.source.file, path);
    return {
      ...changeOf(owner),
      edits: [{ path, value: [...before, ...added] }],
      given: added.map((_, index) => ({
        path: [...path, before.length + index],
        request: Array.isArray(given) ? [index] : [],
      })),
    };
  };
}

/** Puts other settings in the place of an entry; adds one when none goes by that name. */
export function putServer(owner: ServerOwner, server: string, settings: unknown): MakeChange {
  return (base): ConfigChange => {
    const found = findServer(base, owner, server);
    if (found === undefined) return bindServers(owner, settings)(base);
    const path = [...listPath(base, owner), found.index];
    return { ...changeOf(owner), edits: [{ path, value: settings }], given: [{ path, request: [] }] };
  };
}

/** Takes a server out, if it is there: its entry, or its port of an entry that has several. */
export function deleteServer(owner: ServerOwner, server: string): MakeChange {
  return (base): ConfigChange => {
    const found = findServer(base, owner, server);
    if (found === undefined) return { ...changeOf(owner), edits: [] };
    const path = [...listPath(base, owner), found.index];
    const port = portIndex(found, server);
    return {
      ...changeOf(owner),
      edits: [{ path: port === undefined ? path : [...path, "ports", port], value: undefined }],
    };
  };
}

/**
 * Gives a server another weight. One of several ports of an entry gets an entry of its own after it.
 *
 * @param fallback the entry that serves, for a list that has none of that name
 */
export function weighServer(owner: ServerOwner, server: string, weight: number, fallback: unknown): MakeChange {
  return (base): ConfigChange => {
    const found = findServer(base, owner, server);
    if (found === undefined) return bindServers(owner, isMapping(fallback) ? { ...fallback, weight } : fallback)(base);
    const path = [...listPath(base, owner), found.index];
    const port = portIndex(found, server);
    const { settings } = found;
    if (port === undefined || !isMapping(settings)) {
      return { ...changeOf(owner), edits: [{ path: [...path, "weight"], value: weight }] };
    }
    const { ports, ...rest } = settings;
    const list = listPath(base, owner);
    const own = { ...rest, port: Array.isArray(ports) ? ports[port] as unknown : undefined, weight };
    const value = withoutPort(listAt(base, list), found.index, port).toSpliced(found.index + 1, 0, own);
    return { ...changeOf(owner), edits: [{ path: list, value }] };
  };
}

function noServers(file: string, path: ConfigPath): ConfigError {
  const message = "must be a server or a list of servers, at least 1, got an empty list";
  return new ConfigError([{ file, line: 0, column: 0, path: formatPath(path), message, requestPath: "" }]);
}

function withoutPort(servers: readonly unknown[], index: number, port: number): unknown[] {
  return servers.map((server, at) => {
    if (at !== index || !isMapping(server) || !Array.isArray(server["ports"])) return server;
    const ports: readonly unknown[] = server["ports"];
    return { ...server, ports: ports.toSpliced(port, 1) };
  });
}

/** The place of a server's port in the list of an entry that has more of them; `undefined` when the whole is meant. */
function portIndex({ names, settings }: ServerEntry, server: string): number | undefined {
  const ports = isMapping(settings) ? settings["ports"] : undefined;
  const index = names.indexOf(canonicalName(server));
  return Array.isArray(ports) && ports.length > 1 && index >= 0 ? index : undefined;
}

function changeOf({ kind, name }: ServerOwner) {
  const path = kind === "group" ? ["backendGroups", name] : ["listeners", name];
  return { path, files: [], leftovers: [] };
}

function listPath({ config }: Pick<ValidConfig, "config">, { kind, name }: ServerOwner): ConfigPath {
  if (kind === "group") return ["backendGroups", name, "servers"];
  return ["listeners", config.listeners.findIndex((listener) => listener.name === name), "backends", "servers"];
}

function listAt(base: ValidConfig, path: ConfigPath): readonly unknown[] {
  const list = valueAt(base.source.data, path);
  return Array.isArray(list) ? list : [];
}

/** The names of an entry's servers, first as listeners with one port know them, then as those with several do. */
function namesOf(server: ServerConfig, defaultPort: number | undefined): string[] {
  const places = [...serverPlaces(server, defaultPort), ...serverPlaces(server, undefined)];
  return [...new Set(places.map((place) => serverKey(server.address, place)))];
}

function canonicalName(given: string): string {
  const endpoint = parseEndpoint(given);
  return endpoint === undefined ? canonicalHost(given) : formatEndpoint(canonicalHost(endpoint.address), endpoint.port);
}
