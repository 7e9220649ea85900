/**
 * The settings of the access log, as far as they can be checked without opening its file.
 *
 * @module
 */

import { dirname } from "node:path";
import type { Findings } from "./findings.ts";
import type { NamedPaths } from "./read_file.ts";
import type { Config } from "./schema.ts";

/** Checks where lines for finished connections are to go. @param log `undefined` when the section itself is wrong */
export function checkAccessLog(
  log: Config["log"] | undefined,
  { kindOf }: Pick<NamedPaths, "kindOf">,
  findings: Findings,
): void {
  if (log === undefined) return;
  const { access, accessFile, accessFormat } = log;
  if (access === "off") {
    for (const [key, value] of Object.entries({ accessFile, accessFormat })) {
      if (value !== undefined) findings.warn(["log", key], 'is not used, because access is "off"');
    }
    return;
  }
  if (accessFile === undefined) return;
  const name = JSON.stringify(accessFile);
  const kind = kindOf(accessFile);
  if (kind === "folder") findings.error(["log", "accessFile"], `must be a file, got ${name}, which is a folder`);
  else if (kind === "other") {
    findings.error(["log", "accessFile"], `must be a file, got ${name}, which is a pipe or a device`);
  } else if (kind === null && kindOf(dirname(accessFile)) !== "folder") {
    findings.error(["log", "accessFile"], `must be in a folder that is there, got ${name}`);
  }
}
