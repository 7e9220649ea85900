/**
 * Unknown data in, a usable configuration or every problem with its place out.
 *
 * @module
 */

import { ConfigError, type ConfigProblem } from "../errors.ts";
import { type CertificatePair, loadCertificates } from "./certificates.ts";
import type { Environment } from "./environment.ts";
import { Findings, placeFindings } from "./findings.ts";
import { loadIpGroups } from "./ip_groups.ts";
import { refuseNotYet } from "./not_yet.ts";
import type { ReadFile } from "./read_file.ts";
import { checkRules } from "./rules.ts";
import type { Config } from "./schema.ts";
import { shapeConfig, type ShapedParts } from "./shape.ts";
import type { ConfigSource } from "./source.ts";

/** What validation needs from outside. */
export interface ValidationContext {
  /** Environment variables for `${NAME}`. */
  readonly environment: Environment;
  /** Reads the files that the configuration names. */
  readonly readFile: ReadFile;
  /** The time at which certificates must be valid. */
  readonly now: Date;
}

/** A configuration that can be used. */
export interface ValidConfig {
  readonly config: Config;
  /** The certificate store with the files' contents. */
  readonly certificates: ReadonlyMap<string, CertificatePair>;
  /** Addresses and CIDR blocks by IP group. */
  readonly ipGroups: ReadonlyMap<string, readonly string[]>;
  /** What is legal but seldom meant. */
  readonly warnings: readonly ConfigProblem[];
}

/**
 * Checks a configuration completely.
 *
 * @throws {ConfigError} with every problem found, in file order
 */
export function validateConfig(source: ConfigSource, context: ValidationContext): ValidConfig {
  const findings = new Findings();
  const parts = shapeConfig(source.data, context.environment, findings);
  checkRules(parts, findings);
  const certificates = loadCertificates(parts.general.certificates ?? {}, context.readFile, context.now, findings);
  const ipGroups = loadIpGroups(parts.general.ipGroups ?? {}, context.readFile, findings);
  warnOfEmptyLists(parts, ipGroups, findings);
  refuseNotYet(parts, findings);
  if (findings.errors.length > 0 || parts.config === undefined) {
    throw new ConfigError(placeFindings(source, findings.errors));
  }
  return { config: parts.config, certificates, ipGroups, warnings: placeFindings(source, findings.warnings) };
}

function warnOfEmptyLists(parts: ShapedParts, ipGroups: ValidConfig["ipGroups"], findings: Findings): void {
  for (const { index, config: { accessControl } } of parts.listeners) {
    const empty = accessControl?.groups.every((name) => ipGroups.get(name)?.length === 0) ?? false;
    if (!empty) continue;
    const consequence = accessControl?.mode === "whitelist" ? "nobody is let in" : "everybody is let in";
    findings.warn(["listeners", index, "accessControl", "groups"], `hold no addresses, so ${consequence}`);
  }
}
