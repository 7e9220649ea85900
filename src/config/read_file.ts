/**
 * Reading the files that a configuration names.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { isAbsolute } from "node:path";
import { messageOf } from "../errors.ts";

/** Reads a file that the configuration names; the path is as written there. */
export type ReadFile = (path: string) => string;

/** How the files that a configuration names are reached; paths are as written there. */
export interface NamedFiles {
  /** Reads a file as text. Throws when it cannot be read. */
  readonly readFile: ReadFile;
  /** The permission bits of a file, as in 0o600; `null` where there are none, or none to care about. */
  readonly fileMode: (path: string) => number | null;
}

/** The same, and what is there at all. */
export interface NamedPaths extends NamedFiles {
  /** What is at a path; `null` for nothing. */
  readonly kindOf: (path: string) => PathKind | null;
}

/** What a path can lead to; `other` is a pipe or a device. */
export type PathKind = "file" | "folder" | "other";

/** What stands for a file's content when contents are compared. */
export function contentHash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Stands for the content of a file that cannot be read. */
export const UNREADABLE = "unreadable";

/** What stands for a file's content, also when it cannot be read. */
export function hashOfFile(path: string, readFile: ReadFile): string {
  try {
    return contentHash(readFile(path));
  } catch {
    return UNREADABLE;
  }
}

/** That a file which the configuration names could not be read, and what to do about it. @param file as written there */
export function cannotRead(file: string, error: unknown): string {
  const advice = error instanceof Deno.errors.NotFound && !isAbsolute(file)
    ? "; a relative path starts at the configuration's folder"
    : readAdvice(error);
  return `cannot read ${JSON.stringify(file)}: ${readReason(error)}${advice}`;
}

/** What to do about a file that could not be read, as the end of a sentence; empty where there is nothing to say. */
export function readAdvice(error: unknown): string {
  return isDenied(error) ? "; the user that Weir runs as must be able to read it" : "";
}

/** Why a file could not be read, in a few words. */
export function readReason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.NotADirectory) return "a part of its path is a file, and no folder";
  if (isDenied(error)) return "permission denied";
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory";
  return messageOf(error);
}

function isDenied(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
}
