/**
 * Named sets of addresses: those written in the configuration, and those in files of their own.
 *
 * @module
 */

import { parseCidr } from "../net/ip.ts";
import { cannotRead, type ReadFile } from "./read_file.ts";
import { showValue } from "./fields.ts";
import type { Findings } from "./findings.ts";
import type { Config } from "./schema.ts";

/** Wrong lines of one file that are named; more would bury the rest. */
const MAX_NAMED_LINES = 5;

/** Groups that were read before. */
export interface KnownIpGroups {
  readonly config: Pick<Config, "ipGroups">;
  readonly ipGroups: ReadonlyMap<string, readonly string[]>;
}

/**
 * Reads every group; a file holds one address or CIDR block a line, with # comments.
 *
 * @param known a group that is the same file there is not read again
 */
export function loadIpGroups(
  groups: Config["ipGroups"],
  readFile: ReadFile,
  findings: Findings,
  known?: KnownIpGroups,
): Map<string, readonly string[]> {
  return new Map(
    Object.entries(groups).map(([name, group]) => {
      if (Array.isArray(group)) return [name, group];
      const before = known?.config.ipGroups[name];
      const read = known?.ipGroups.get(name);
      if (before !== undefined && !Array.isArray(before) && before.file === group.file && read !== undefined) {
        return [name, read];
      }
      return [name, readGroupFile(group.file, ["ipGroups", name, "file"], readFile, findings)];
    }),
  );
}

function readGroupFile(file: string, path: string[], readFile: ReadFile, findings: Findings): string[] {
  let content: string;
  try {
    content = readFile(file);
  } catch (error) {
    findings.error(path, cannotRead(file, error));
    return [];
  }
  const blocks: string[] = [];
  let wrong = 0;
  for (const [index, line] of content.split("\n").entries()) {
    const block = line.replace(/#.*/, "").trim();
    if (block === "") continue;
    if (parseCidr(block) !== undefined) {
      blocks.push(block);
    } else if (++wrong <= MAX_NAMED_LINES) {
      findings.error(
        path,
        `must hold IPv4 or IPv6 addresses or CIDR blocks such as 10.0.0.0/8, got ${showValue(block)} in line ${
          index + 1
        } of ${JSON.stringify(file)}`,
      );
    }
  }
  if (wrong > MAX_NAMED_LINES) {
    findings.error(path, `${JSON.stringify(file)} has ${wrong - MAX_NAMED_LINES} more wrong lines`);
  }
  return blocks;
}
