/**
 * The configuration that serves as what it is made of: the file as it was read, and changes that are not in the file.
 * Immutable; a change makes a new one, to be written and to serve, or to be forgotten.
 *
 * @module
 */

import { WeirError } from "../errors.ts";
import type { Upload } from "./certificate_store.ts";
import type { ConfigOrigin } from "./load.ts";
import { type ConfigEdit, editText } from "./persist.ts";
import { contentHash } from "./read_file.ts";
import { type ConfigPath, formatPath } from "./source.ts";
import type { ValidConfig } from "./validate.ts";
import type { FileWrite } from "./write_files.ts";

/** A configuration that serves. */
export interface AcceptedConfig {
  /** What serves. */
  readonly valid: ValidConfig;
  /** The file, as it was read or written last. */
  readonly fileText: string;
  /** Edits of the file's text that serve without being in it, by their paths as text. */
  readonly unsaved: ReadonlyMap<string, ConfigEdit>;
}

/** A file that goes with a change. */
export interface NamedWrite extends Pick<FileWrite, "content" | "mode" | "expected"> {
  /** As the configuration names it. */
  readonly name: string;
}

/** A change of one entry. */
export interface ConfigChange {
  /** The entry, for people. */
  readonly path: ConfigPath;
  /** What becomes of it in the configuration's text; `undefined` when nothing does. */
  readonly edit: ConfigEdit | undefined;
  /** The certificate that is changed; it serves from memory when the change is not saved. */
  readonly upload?: Upload;
  /** What is written when the change is saved. */
  readonly files: readonly NamedWrite[];
  /** Files that nobody needs once it is saved, as the configuration names them; those that Weir has written go. */
  readonly leftovers: readonly string[];
}

/** Makes a change for the configuration that it is to be made on. */
export type MakeChange = (base: ValidConfig) => ConfigChange;

/** What a change comes to. */
export interface Candidate {
  readonly next: AcceptedConfig;
  readonly change: ConfigChange;
  /** Everything that has to be written before it serves; nothing when it is not saved. */
  readonly writes: readonly FileWrite[];
}

/** A configuration as it is when its file has just been read. */
export function acceptedFrom(valid: ValidConfig): AcceptedConfig {
  return { valid, fileText: valid.source.text, unsaved: new Map() };
}

/**
 * What a change comes to that serves from memory until the file is read again.
 *
 * @throws {ConfigError} when the configuration would not be valid
 */
export function changeInMemory(accepted: AcceptedConfig, make: MakeChange, origin: ConfigOrigin): Candidate {
  const { valid, fileText } = accepted;
  const change = make(valid);
  const unsaved = new Map(accepted.unsaved);
  const key = formatPath(change.path);
  if (change.edit !== undefined) {
    unsaved.delete(key);
    if (editText(fileText, valid.source.format, [change.edit]) !== fileText) unsaved.set(key, change.edit);
  }
  const text = editText(fileText, valid.source.format, [...unsaved.values()]);
  const next = origin.validate(text, { serving: valid, upload: change.upload });
  return { next: { valid: next, fileText, unsaved }, change, writes: [] };
}

/**
 * What a change comes to that is saved. What else serves from memory goes on doing so, and does not get into the file:
 * so the file must be valid without it as well.
 *
 * @throws {ConfigError} when the configuration would not be valid, with or without what is not saved
 * @throws {WeirError} `not_saveable`
 */
export function changeOnDisk(accepted: AcceptedConfig, make: MakeChange, origin: ConfigOrigin): Candidate {
  const { valid: serving, fileText } = accepted;
  const { storage } = origin;
  if (storage === undefined) {
    throw new WeirError("not_saveable", `Changes cannot be saved to ${origin.file}; send them with persist=false`);
  }
  const { format } = serving.source;
  const change = make(accepted.unsaved.size === 0 ? serving : origin.validate(fileText, { serving }));
  const files = new Map(change.files.map(({ name, content }) => [name, content]));
  const edits = change.edit === undefined ? [] : [change.edit];
  const text = editText(fileText, format, edits);
  const unsaved = new Map(accepted.unsaved);
  unsaved.delete(formatPath(change.path));
  const inFile = origin.validate(text, { serving, files });
  const valid = unsaved.size === 0
    ? inFile
    : origin.validate(editText(text, format, [...unsaved.values()]), { serving, files });
  const named = change.files.map((file): FileWrite => ({
    ...file,
    path: origin.locate(file.name),
    folderMode: FOLDER_MODE,
  }));
  // Last: a configuration must never name what is not there yet.
  const config: FileWrite[] = text === fileText
    ? []
    : [{ path: storage.path, name: origin.file, content: text, mode: undefined, expected: contentHash(fileText) }];
  return { next: { valid, fileText: text, unsaved }, change, writes: [...named, ...config] };
}

const FOLDER_MODE = 0o700;

/** The paths of everything that serves and that the file does not hold. */
export function unsavedPaths({ valid, unsaved }: AcceptedConfig): string[] {
  const certificates = valid.stored.filter(({ persisted }) => !persisted).map(({ kind, name }) =>
    formatPath([kind === "certificate" ? "certificates" : "clientCAs", name])
  );
  return [...new Set([...unsaved.keys(), ...certificates])];
}

/** Stands for the configuration that serves: another one as soon as anything in it, or in its certificates, is. */
export function revisionOf({ valid }: AcceptedConfig): string {
  const certificates = valid.stored.map(({ kind, name, persisted, chain }) => [
    ...[kind, name, persisted],
    ...chain.map((one) => one.fingerprint256),
  ]);
  return contentHash(JSON.stringify([valid.source.text, certificates]));
}
