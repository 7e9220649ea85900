/**
 * Finding what somebody means: an entry of the configuration that serves, or an entry of a group's servers.
 *
 * @module
 */

import { type EntryKind, entryNames, type EntryRef, entryTitle, SECTIONS, settingsOf } from "../config/entries.ts";
import type { OverrideScope } from "../config/runtime.ts";
import { findServer, serverEntries, type ServerEntry, type ServerOwner } from "../config/server_entries.ts";
import type { ValidConfig } from "../config/validate.ts";
import { WeirError, type WeirErrorKind } from "../errors.ts";
import { suggestion } from "../text/nearest.ts";
import { etagOf } from "./preconditions.ts";

/** An entry as it is. */
export interface Entry {
  readonly name: string;
  /**
   * What the file says of it, or would say if it was saved: only the keys that are given, `${NAME}` as it is written.
   * Plain data of the shape that the configuration's schema describes, and what a change takes back.
   */
  readonly settings: unknown;
  /** Another one as soon as the settings are; for `ifMatch` of a change. */
  readonly etag: string;
}

/** An entry of a group's servers. */
export interface BoundServer extends Entry {
  /** What its servers are called, as `configured` shows them: one, or one for each of its ports. */
  readonly names: readonly string[];
}

const NO_SUCH: Readonly<Record<EntryKind, WeirErrorKind>> = {
  listener: "no_such_listener",
  backendGroup: "no_such_backend_group",
  ipGroup: "no_such_ip_group",
};

/** The settings of an entry. @throws {WeirError} `no_such_…` with the nearest name */
export function settingsIn(valid: ValidConfig, ref: EntryRef): unknown {
  const settings = settingsOf(valid, ref);
  if (settings !== undefined) return settings;
  const hint = suggestion(ref.name, entryNames(valid, ref.kind));
  throw new WeirError(NO_SUCH[ref.kind], `There is no ${SECTIONS[ref.kind].title} "${ref.name}"${hint}`);
}

/** The entry that goes by a name. @throws {WeirError} `no_such_server` with the nearest one */
export function serverIn(valid: ValidConfig, owner: ServerOwner, server: string): ServerEntry {
  const found = findServer(valid, owner, server);
  if (found !== undefined) return found;
  const names = serverEntries(valid, owner).flatMap((entry) => entry.names);
  const hint = suggestion(server, names) ||
    (names.length === 0
      ? "; it has none"
      : `; it has ${names.slice(0, 10).join(", ")}${names.length > 10 ? ", …" : ""}`);
  throw new WeirError("no_such_server", `${ownerTitle(owner)} has no server "${server}" of its own${hint}`);
}

/** Settings with what stands for them. */
export function entryOf(name: string, settings: unknown): Entry {
  return { name, settings, etag: etagOf(settings) };
}

/** An entry of a list of servers with what stands for it. */
export function boundServer({ names, settings }: ServerEntry): BoundServer {
  return { ...entryOf(names[0] ?? "", settings), names };
}

/** The entry that has the servers. */
export function refOf({ kind, name }: ServerOwner): EntryRef {
  return { kind: kind === "group" ? "backendGroup" : "listener", name };
}

/** Where overrides of an entry's servers hold. */
export function scopeOf({ kind, name }: EntryRef): OverrideScope {
  return { kind: kind === "listener" ? "listener" : "group", name };
}

/** `Backend group "web"`: what has the servers, at the start of a message. */
export function ownerTitle(owner: ServerOwner): string {
  return capital(entryTitle(refOf(owner)));
}

/** Begins a message. */
export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
