/**
 * The entries of a configuration that people manage one by one: listeners, backend groups, IP groups. What each says,
 * as the file says it, who uses it, and what it takes to put another one in its place or take it out. Pure.
 *
 * @module
 */

import type { ConfigChange, MakeChange } from "./accepted.ts";
import { ConfigError } from "../errors.ts";
import { showValue } from "./fields.ts";
import { type ConfigPath, formatPath } from "./source.ts";
import type { ValidConfig } from "./validate.ts";

/** The kinds of entries that have a name of their own. */
export type EntryKind = "listener" | "backendGroup" | "ipGroup";

/** Which entry is meant. */
export interface EntryRef {
  readonly kind: EntryKind;
  readonly name: string;
}

/** What is special about a kind of entry. */
interface Section {
  /** The key of the configuration that holds such entries. */
  readonly key: "listeners" | "backendGroups" | "ipGroups";
  /** What one is called in messages. */
  readonly title: string;
}

/** The kinds of entries. */
export const SECTIONS: Readonly<Record<EntryKind, Section>> = {
  listener: { key: "listeners", title: "listener" },
  backendGroup: { key: "backendGroups", title: "backend group" },
  ipGroup: { key: "ipGroups", title: "IP group" },
};

/** `listener "web"`: how an entry is called in messages. */
export function entryTitle({ kind, name }: EntryRef): string {
  return `${SECTIONS[kind].title} ${JSON.stringify(name)}`;
}

/** The names of all entries of a kind, in the order of the file. */
export function entryNames({ config }: Pick<ValidConfig, "config">, kind: EntryKind): string[] {
  if (kind === "listener") return config.listeners.map(({ name }) => name);
  return Object.keys(config[kind === "backendGroup" ? "backendGroups" : "ipGroups"]);
}

/** The steps to an entry; `undefined` when there is none of that name. */
export function entryPath({ config }: Pick<ValidConfig, "config">, { kind, name }: EntryRef): ConfigPath | undefined {
  if (kind === "listener") {
    const index = config.listeners.findIndex((listener) => listener.name === name);
    return index < 0 ? undefined : ["listeners", index];
  }
  const { key } = SECTIONS[kind];
  return Object.hasOwn(config[key], name) ? [key, name] : undefined;
}

/**
 * What the file says of an entry, or would say if what serves was saved: only the keys that are given, `${NAME}` as it
 * is written. What {@link putEntry} takes. `undefined` when there is none of that name.
 */
export function settingsOf(base: ValidConfig, ref: EntryRef): unknown {
  const path = entryPath(base, ref);
  return path === undefined ? undefined : valueAt(base.source.data, path);
}

/** The listeners that use an entry. */
export function entryUsers({ config }: Pick<ValidConfig, "config">, { kind, name }: EntryRef): string[] {
  const users = config.listeners.filter(({ backendGroup, accessControl, acceptProxyProtocol }) => {
    if (kind === "backendGroup") return backendGroup === name;
    return kind === "ipGroup" &&
      (accessControl?.groups.includes(name) === true || acceptProxyProtocol?.from.includes(name) === true);
  });
  return users.map((listener) => listener.name);
}

/**
 * Creates an entry, after the last one, or puts other settings in its place.
 *
 * @param settings as the file would say them; a listener may leave out its name, and may not give another one
 * @param request where the settings stand in the request
 */
export function putEntry(ref: EntryRef, settings: unknown, request: ConfigPath = []): MakeChange {
  return (base): ConfigChange => {
    const found = entryPath(base, ref);
    const path = found ?? [SECTIONS[ref.kind].key, ref.kind === "listener" ? base.config.listeners.length : ref.name];
    const value = ref.kind === "listener" ? named(settings, ref, { base, path }) : settings;
    const given = [{ path, request }];
    return { ...changeOf(ref), edits: [{ path, value }], given };
  };
}

/** Takes an entry out, if it is there; the configuration is not valid then if somebody uses it. */
export function deleteEntry(ref: EntryRef): MakeChange {
  return (base): ConfigChange => {
    const path = entryPath(base, ref);
    return { ...changeOf(ref), edits: path === undefined ? [] : [{ path, value: undefined }] };
  };
}

function changeOf({ kind, name }: EntryRef) {
  return { path: [SECTIONS[kind].key, name], files: [], leftovers: [] };
}

/** Settings of a listener with its name: the one that it goes by. */
function named(
  settings: unknown,
  { name }: EntryRef,
  { base, path }: { readonly base: ValidConfig; readonly path: ConfigPath },
): unknown {
  if (!isMapping(settings)) return settings;
  const { name: given } = settings;
  if (given === undefined) return { name, ...settings };
  const written = valueAt(base.source.data, [...path, "name"]);
  if (given === name || given === written) return settings;
  throw new ConfigError([{
    file: base.source.file,
    line: 0,
    column: 0,
    path: formatPath([...path, "name"]),
    message: `must be ${JSON.stringify(name)}, because that is what is changed, got ${showValue(given)}`,
    requestPath: "name",
  }]);
}

/** The value at a path of plain data; `undefined` when there is none. */
export function valueAt(data: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>((value, step) => {
    if (Array.isArray(value)) return typeof step === "number" ? value[step] as unknown : undefined;
    return isMapping(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }, data);
}

/** Whether plain data is a mapping. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
