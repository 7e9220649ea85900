/**
 * Files that change together: every one of them is written beside its place and pushed to the disk before the first is
 * renamed over what was there. Nobody ever reads half a file, and a failure leaves everything as it was.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { WeirError } from "../errors.ts";
import { contentHash, readReason } from "./read_file.ts";

/** What a file is to hold. */
export interface FileWrite {
  /** Absolute. A link stays, and what it leads to is replaced. */
  readonly path: string;
  /** How it is called in messages. */
  readonly name: string;
  readonly content: string;
  /** Permission bits; `undefined` keeps those of the file that is there. */
  readonly mode: number | undefined;
  /**
   * The hash of what it must still hold; `null` for a file that must not be there, unless it holds the very same;
   * `undefined` for whatever there is.
   */
  readonly expected: string | null | undefined;
  /** Permission bits for folders that have to be made. */
  readonly folderMode?: number;
}

/** Puts things back as they were before the files were written. Throws when it cannot. */
export type Undo = () => void;

/** Permission bits of a file that nobody but its owner may read. */
export const SECRET_MODE = 0o600;

/** What was there before. */
interface Target {
  readonly write: FileWrite;
  /** Where the file really is. */
  readonly path: string;
  readonly old: { readonly bytes: Uint8Array; readonly info: Deno.FileInfo } | undefined;
}

/**
 * Writes all of the files or none.
 *
 * @returns puts them back
 * @throws {WeirError} `config_changed` when a file holds something else than expected, `write_failed` when one cannot be
 * written; everything is as it was then, or the message says what is not
 */
export function writeFiles(writes: readonly FileWrite[]): Undo {
  const made: string[] = [];
  const fresh: { readonly target: Target; readonly path: string }[] = [];
  const renamed: Target[] = [];
  const undo = () => {
    // Backwards, so that the configuration goes before what it names.
    for (const target of renamed.toReversed()) putBack(target);
    renamed.length = 0;
    for (const folder of made.toReversed()) attempt(() => Deno.removeSync(folder));
    made.length = 0;
  };
  let current = "";
  try {
    for (const write of writes) {
      current = write.name;
      makeFolder(dirname(write.path), write.folderMode, made);
      const target = look(write);
      const path = besidePath(target.path);
      fresh.push({ target, path });
      const { uid = null, gid = null, mode = null } = target.old?.info ?? {};
      writeBeside(path, new TextEncoder().encode(write.content), write.mode ?? mode ?? SECRET_MODE, { uid, gid });
    }
    // The last look before the first rename: pushing files to the disk takes its time.
    for (const { target } of fresh) look(target.write);
    for (const { target, path } of fresh) {
      current = target.write.name;
      Deno.renameSync(path, target.path);
      renamed.push(target);
    }
  } catch (error) {
    for (const { path } of fresh) attempt(() => Deno.removeSync(path));
    undo();
    if (error instanceof WeirError) throw error;
    throw new WeirError("write_failed", `Cannot write ${JSON.stringify(current)}: ${writeReason(error)}`, {
      cause: error,
    });
  }
  for (const folder of new Set(renamed.map(({ path }) => dirname(path)))) syncFolder(folder);
  return undo;
}

/** Looks at what is there, and refuses what was not expected. */
function look(write: FileWrite): Target {
  const path = realPath(write.path);
  let old: Target["old"];
  try {
    old = { bytes: Deno.readFileSync(path), info: Deno.statSync(path) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const { name, expected } = write;
  if (old === undefined) return { write, path, old };
  // Whoever read it may have passed over a byte order mark or not.
  const { bytes } = old;
  const held = [true, false].map((ignoreBOM) => contentHash(new TextDecoder("utf-8", { ignoreBOM }).decode(bytes)));
  if (expected === null && !held.includes(contentHash(write.content))) {
    throw new WeirError("config_changed", `${JSON.stringify(name)} is there already; move it away first`);
  }
  if (typeof expected === "string" && !held.includes(expected)) {
    throw new WeirError(
      "config_changed",
      `${JSON.stringify(name)} has changed on disk since it was read; nothing was overwritten: reload first`,
    );
  }
  return { write, path, old };
}

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    // Not there yet; or a link to nothing, which is not to be replaced by a file.
    if (linkTarget(path) !== undefined) throw new Error("it is a link that leads nowhere");
    return join(Deno.realPathSync(dirname(path)), basename(path));
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return undefined;
  }
}

function makeFolder(folder: string, mode: number | undefined, made: string[]): void {
  try {
    if (Deno.statSync(folder).isDirectory) return;
    throw new Error(`${JSON.stringify(basename(folder))} is not a folder`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) || mode === undefined) throw error;
  }
  makeFolder(dirname(folder), mode, made);
  Deno.mkdirSync(folder, { mode });
  made.push(folder);
}

/** In the same folder, because a file cannot be renamed across file systems. */
function besidePath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${crypto.randomUUID().slice(0, 8)}.tmp`);
}

function writeBeside(
  path: string,
  bytes: Uint8Array,
  mode: number,
  owner: { readonly uid: number | null; readonly gid: number | null },
): void {
  // Nobody else may read it, not even while it is written.
  using file = Deno.openSync(path, { write: true, createNew: true, mode: SECRET_MODE });
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  file.syncSync();
  if (Deno.build.os === "windows") return;
  const own = Deno.statSync(path);
  if (owner.uid !== null && (owner.uid !== own.uid || owner.gid !== own.gid)) {
    // Only root may give files away; whoever else may replace the file owns it from then on.
    attempt(() => Deno.chownSync(path, owner.uid, owner.gid));
  }
  Deno.chmodSync(path, mode & 0o7777);
}

function putBack({ path, old, write: { name } }: Target): void {
  try {
    if (old === undefined) return Deno.removeSync(path);
    const beside = besidePath(path);
    try {
      writeBeside(beside, old.bytes, old.info.mode ?? SECRET_MODE, old.info);
      Deno.renameSync(beside, path);
    } catch (error) {
      attempt(() => Deno.removeSync(beside));
      throw error;
    }
  } catch (error) {
    throw new WeirError(
      "write_failed",
      `Cannot put ${JSON.stringify(name)} back as it was (${writeReason(error)}): it does not hold what serves`,
      { cause: error },
    );
  }
}

/** A rename is on the disk when its folder is. Not every system can do that. */
function syncFolder(folder: string): void {
  attempt(() => {
    using file = Deno.openSync(folder, { read: true });
    file.syncSync();
  });
}

function attempt(work: () => void): void {
  try {
    work();
  } catch { /* the caller has done without */ }
}

function writeReason(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) return "Weir runs without the permission to write (--allow-write)";
  return readReason(error);
}
