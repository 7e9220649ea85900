/**
 * The configuration that serves as what it is made of: the file as it was read, and changes that are not in the file.
 * Immutable; a change makes a new one, to be written and to serve, or to be forgotten.
 *
 * @module
 */

import { WeirError } from "../errors.ts";
import type { Upload } from "./certificate_store.ts";
import { sameData } from "./diff.ts";
import type { CandidateChange, ConfigOrigin } from "./load.ts";
import { type ConfigEdit, editText } from "./persist.ts";
import { contentHash } from "./read_file.ts";
import { type GivenPlace, relocated } from "./request_problems.ts";
import { type ConfigPath, type ConfigSource, formatPath, parseSource } from "./source.ts";
import type { ValidConfig } from "./validate.ts";
import type { FileWrite } from "./write_files.ts";

/** A configuration that serves. */
export interface AcceptedConfig {
  /** What serves; its source is what the file would hold if everything in it was saved. */
  readonly valid: ValidConfig;
  /** The file, as it was read or written last. */
  readonly fileText: string;
  /** The entries that the file does not hold as they serve, by their paths as text. */
  readonly unsaved: readonly string[];
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
  /** What becomes of it in the configuration's text, one after the other. */
  readonly edits: readonly ConfigEdit[];
  /** Where what was asked for stands in the changed configuration. */
  readonly given?: readonly GivenPlace[];
  /** The certificate that is changed; it serves from memory when the change is not saved. */
  readonly upload?: Upload;
  /** What is written when the change is saved. */
  readonly files: readonly NamedWrite[];
  /** Files that nobody needs once it is saved, as the configuration names them; those that Weir has written go. */
  readonly leftovers: readonly string[];
}

/**
 * Makes a change for the configuration that it is to be made on. When something serves that is not saved, and the
 * change is to be, it is asked twice: for what serves, and for what the file holds.
 */
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
  return { valid, fileText: valid.source.text, unsaved: [] };
}

/**
 * What a change comes to that serves from memory until the file is read again.
 *
 * @throws {ConfigError} when the configuration would not be valid
 */
export function changeInMemory(accepted: AcceptedConfig, make: MakeChange, origin: ConfigOrigin): Candidate {
  const { valid: serving, fileText } = accepted;
  const change = make(serving);
  const text = editText(serving.source.text, serving.source.format, change.edits);
  const valid = validated(text, { serving, upload: change.upload }, { accepted, change, origin });
  return { next: withFile(valid, fileText), change, writes: [] };
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
  const isSaved = fileText === serving.source.text;
  const change = make(isSaved ? serving : origin.validate(fileText, { serving }));
  const files = new Map(change.files.map(({ name, content }) => [name, content]));
  const text = editText(fileText, format, change.edits);
  const inFile = validated(text, { serving, files }, { accepted, change, origin });
  let valid = inFile;
  if (!isSaved) {
    const inMemory = make(serving);
    const servingText = editText(serving.source.text, format, inMemory.edits);
    valid = validated(servingText, { serving, files }, { accepted, change: inMemory, origin });
  }
  const named = change.files.map((file): FileWrite => ({
    ...file,
    path: origin.locate(file.name),
    folderMode: FOLDER_MODE,
  }));
  // Last: a configuration must never name what is not there yet.
  const config: FileWrite[] = text === fileText
    ? []
    : [{ path: storage.path, name: origin.file, content: text, mode: undefined, expected: contentHash(fileText) }];
  return { next: withFile(valid, text, inFile), change, writes: [...named, ...config] };
}

/** What serves beside what the file holds; where both mean the same, the file is what serves. */
function withFile(valid: ValidConfig, fileText: string, inFile?: ValidConfig): AcceptedConfig {
  if (valid.source.text === fileText) return { valid, fileText, unsaved: [] };
  const { file, format } = valid.source;
  const source = inFile?.source ?? parseSource(file, fileText, format);
  const unsaved = differences(source.data, valid.source.data).map(formatPath);
  return unsaved.length === 0 ? { valid: { ...valid, source }, fileText, unsaved } : { valid, fileText, unsaved };
}

/** What a candidate is made from. */
interface Attempt {
  readonly accepted: AcceptedConfig;
  readonly change: ConfigChange;
  readonly origin: ConfigOrigin;
}

/** Validates a text as if the file held it. @throws {ConfigError} with the places of what is really in the file */
function validated(text: string, candidate: CandidateChange, { accepted, change, origin }: Attempt): ValidConfig {
  try {
    return origin.validate(text, candidate);
  } catch (error) {
    const { valid: { source }, fileText } = accepted;
    const read = (): ConfigSource =>
      source.text === fileText ? source : parseSource(source.file, fileText, source.format);
    throw relocated(error, { given: change.given ?? [], text, format: source.format, read });
  }
}

/** The entries in which two configurations differ. */
function differences(file: unknown, serving: unknown): ConfigPath[] {
  const keys = new Set([file, serving].flatMap((data) => Object.keys(asMapping(data))));
  return [...keys].flatMap((key): ConfigPath[] => {
    const [before, after] = [file, serving].map((data) => asMapping(data)[key]);
    if (sameData(before, after)) return [];
    if (!SECTIONS.has(key)) return [[key]];
    const [old, fresh] = [asMapping(byName(before)), asMapping(byName(after))];
    const names = [...new Set([...Object.keys(old), ...Object.keys(fresh)])].filter((name) =>
      !sameData(old[name], fresh[name])
    );
    // Only their order differs.
    return names.length === 0 ? [[key]] : names.map((name) => [key, name]);
  });
}

/** Sections that hold entries with names. */
const SECTIONS: ReadonlySet<string> = new Set([
  "ipGroups",
  "certificates",
  "clientCAs",
  "backendGroups",
  "listeners",
]);

/** A list of items with names as a mapping. */
function byName(section: unknown): unknown {
  if (!Array.isArray(section)) return section;
  const items: readonly unknown[] = section;
  return Object.fromEntries(items.map((item) => [String(asMapping(item)["name"]), item]));
}

function asMapping(data: unknown): Readonly<Record<string, unknown>> {
  return data !== null && typeof data === "object" && !Array.isArray(data)
    ? Object.fromEntries(Object.entries(data))
    : {};
}

const FOLDER_MODE = 0o700;

/** The paths of everything that serves and that the file does not hold. */
export function unsavedPaths({ valid, unsaved }: AcceptedConfig): string[] {
  const certificates = valid.stored.filter(({ persisted }) => !persisted).map(({ kind, name }) =>
    formatPath([kind === "certificate" ? "certificates" : "clientCAs", name])
  );
  return [...new Set([...unsaved, ...certificates])];
}

/** Stands for the configuration that serves: another one as soon as anything in it, or in its certificates, is. */
export function revisionOf({ valid }: AcceptedConfig): string {
  const certificates = valid.stored.map(({ kind, name, persisted, chain }) => [
    ...[kind, name, persisted],
    ...chain.map((one) => one.fingerprint256),
  ]);
  return contentHash(JSON.stringify([valid.source.text, certificates]));
}
