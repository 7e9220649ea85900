/**
 * What the checks of a configuration collect: errors and warnings by path, turned into places at the end.
 *
 * @module
 */

import type { ConfigProblem } from "../errors.ts";
import { type ConfigPath, type ConfigSource, formatPath } from "./source.ts";

/** One finding, before it has a place. */
export interface Finding {
  readonly path: ConfigPath;
  readonly message: string;
  /** Whether the key itself is meant (an unknown key, a bad name) and not its value. */
  readonly atKey?: boolean;
}

/** Collects errors and warnings. */
export class Findings {
  readonly errors: Finding[] = [];
  readonly warnings: Finding[] = [];
  readonly #unknown = new Set<string>();

  /** Adds an error. */
  error(path: ConfigPath, message: string, atKey = false): void {
    if (!this.#unknown.has(formatPath(path))) this.errors.push({ path, message, atKey });
  }

  /** Adds an error about a value that cannot be known, so that no other error about it means anything. */
  unknown(path: ConfigPath, message: string): void {
    this.#unknown.add(formatPath(path));
    this.errors.push({ path, message });
  }

  /** Adds a warning: legal, but seldom what was meant. */
  warn(path: ConfigPath, message: string): void {
    this.warnings.push({ path, message });
  }

  /** Whether an error stands at `path` or anywhere below it. */
  hasErrorWithin(path: ConfigPath): boolean {
    return this.errors.some((finding) => path.every((step, index) => finding.path[index] === step));
  }
}

/** Gives findings their places and puts them into file order. */
export function placeFindings(source: ConfigSource, findings: readonly Finding[]): ConfigProblem[] {
  return findings
    .map((finding): ConfigProblem => ({
      file: source.file,
      ...(finding.atKey === true ? source.placeOfKey(finding.path) : source.placeOf(finding.path)),
      path: formatPath(finding.path),
      message: finding.message,
    }))
    .sort((a, b) => a.line - b.line || a.column - b.column);
}
