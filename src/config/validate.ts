/**
 * Unknown data in, a usable configuration or every problem with its place out.
 *
 * @module
 */

import { checkAccessLog } from "./access_log.ts";
import { ConfigError, type ConfigProblem } from "../errors.ts";
import type { CertificatePair } from "./certificates.ts";
import { loadCertificateStore, type StoreBase } from "./certificate_store.ts";
import type { Environment } from "./environment.ts";
import { Findings, placeFindings } from "./findings.ts";
import { loadIpGroups } from "./ip_groups.ts";
import type { StoredCertificate } from "./model.ts";
import type { NamedPaths } from "./read_file.ts";
import { checkRules } from "./rules.ts";
import type { Config } from "./schema.ts";
import { shapeConfig, type ShapedParts } from "./shape.ts";
import type { ConfigSource } from "./source.ts";

/** What validation needs from outside. */
export interface ValidationContext extends NamedPaths {
  /** Environment variables for `${NAME}`. */
  readonly environment: Environment;
  /** The time at which certificates must be valid. */
  readonly now: Date;
  /** What need not be read again, because the configuration that serves has it. */
  readonly base?: ValidationBase;
}

/** The configuration that a change is made on: files that it has read and that the change does not touch stay as read. */
export interface ValidationBase extends Pick<StoreBase, "isStale" | "upload"> {
  readonly valid: ValidConfig;
}

/** A configuration that can be used. */
export interface ValidConfig {
  readonly config: Config;
  /** Where everything in `config` stands. */
  readonly source: ConfigSource;
  /** The certificates that listeners show, with their keys. */
  readonly certificates: ReadonlyMap<string, CertificatePair>;
  /** The client CAs, PEM. */
  readonly clientCAs: ReadonlyMap<string, string>;
  /** What can be said of both. */
  readonly stored: readonly StoredCertificate[];
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
  const { base } = context;
  const storeBase = base === undefined ? undefined : { ...base, loaded: base.valid };
  const store = loadCertificateStore(parts.general, context, context.now, findings, storeBase);
  const ipGroups = loadIpGroups(parts.general.ipGroups ?? {}, context.readFile, findings, base?.valid);
  warnOfEmptyLists(parts, ipGroups, findings);
  checkAccessLog(parts.general.log, context, findings);
  if (findings.errors.length > 0 || parts.config === undefined) {
    throw new ConfigError(placeFindings(source, findings.errors));
  }
  return { config: parts.config, source, ...store, ipGroups, warnings: placeFindings(source, findings.warnings) };
}

function warnOfEmptyLists(parts: ShapedParts, ipGroups: ValidConfig["ipGroups"], findings: Findings): void {
  for (const { index, config: { accessControl } } of parts.listeners) {
    const empty = accessControl?.groups.every((name) => ipGroups.get(name)?.length === 0) ?? false;
    if (!empty) continue;
    const consequence = accessControl?.mode === "whitelist" ? "nobody is let in" : "everybody is let in";
    findings.warn(["listeners", index, "accessControl", "groups"], `hold no addresses, so ${consequence}`);
  }
}
