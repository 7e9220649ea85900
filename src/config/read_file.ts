/**
 * Reading the files that a configuration names.
 *
 * @module
 */

import { messageOf } from "../errors.ts";

/** Reads a file that the configuration names; the path is as written there. */
export type ReadFile = (path: string) => string;

/** Why a file could not be read, in a few words. */
export function readReason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return "permission denied";
  }
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory";
  return messageOf(error);
}
